"""Folders of recordings of any length become utterances: what is spoken between pauses."""

import warnings
from collections.abc import Callable, Iterator

import pandas as pd

from didan.audio import RATE, Samples, stream_audio
from didan.corpora.corpus import Recordings
from didan.errors import AudioError, DidanWarning, UserError
from didan.parallel import Progress, in_threads
from didan.speech import WHOLE_SECONDS, whole_or_cut

Span = tuple[float, float]


def find_utterances(
    recordings: Recordings,
    progress: Progress | None = None,
    on_damaged: Callable[[AudioError], None] | None = None,
) -> Recordings:
    """Cut long recordings at their pauses, and leave out, with a warning, those in which nobody speaks.

    Recordings of up to 15 s are utterances as they are; see :func:`didan.speech.whole_or_cut`.

    Args:
        recordings: whole files.
        progress: called after every recording.
        on_damaged: called with the reason for a file that cannot be read, which is then left out; if None such
            files are an error.

    Returns:
        Utterances, those of a long recording by ``start`` and ``end``.

    Raises:
        AudioError: recordings that cannot be read or are silent, where ``on_damaged`` is None.
        UserError: nothing is left.
    """
    table = recordings.table
    files = [str(file) for file in table["file"]]
    rows_given = list(zip(files, table["start"], table["end"], strict=True))
    found = in_threads(_spans, rows_given, progress=progress)
    damaged = sorted((spans for spans in found if isinstance(spans, AudioError)), key=str)
    if damaged and on_damaged is None:
        more = f" (and {len(damaged) - 1} more of {len(files)} recordings)" if len(damaged) > 1 else ""
        raise AudioError(f"{damaged[0]}{more}")
    for error in damaged:
        if on_damaged is not None:
            on_damaged(error)
    wordless = [file for file, spans in zip(files, found, strict=True) if spans == []]
    if wordless:
        warnings.warn(
            f"{recordings.name}: no speech in {len(wordless)} of {len(files)} recordings, left out "
            f"(first: {min(wordless)})",
            DidanWarning,
            stacklevel=2,
        )
    rows = [
        (file, start, end, speaker)
        for file, speaker, spans in zip(files, recordings.table["speaker"], found, strict=True)
        if not isinstance(spans, AudioError)
        for start, end in spans
    ]
    if not rows:
        raise UserError(f"{recordings.name}: none of its {len(files)} recordings holds speech that can be read")
    return Recordings(recordings.name, pd.DataFrame(rows, columns=["file", "start", "end", "speaker"]))


def _spans(row: tuple[str, float, float]) -> list[Span] | AudioError:
    """First and last second of every utterance of a file, NaN for all of it; a part of a file is one already."""
    file, start, end = row
    if start == start or end == end:  # not NaN
        return [(start, end)]
    heard, silent = 0, True

    def listened() -> Iterator[Samples]:
        nonlocal heard, silent
        for block in stream_audio(file):
            heard, silent = heard + len(block), silent and not block.any()
            yield block

    try:
        spoken = [piece for piece in whole_or_cut(listened()) if piece.is_spoken]
    except AudioError as error:
        return error
    if silent:
        return AudioError(f"{file}: is silent, every sample is zero")
    if heard <= WHOLE_SECONDS * RATE:
        return [(float("nan"), float("nan"))] * len(spoken)
    return [(piece.start, piece.end) for piece in spoken]
