"""Folders of recordings of any length become utterances: what is spoken between pauses."""

from collections.abc import Iterator

import pandas as pd

from didan.audio import RATE, stream_audio
from didan.corpora.corpus import Recordings
from didan.errors import AudioError, OnDamaged, SilentError, UserError, note, report_damaged
from didan.parallel import in_processes
from didan.speech import WHOLE_SECONDS, segment_at_pauses
from didan.typing import Progress, Samples

Span = tuple[float, float]


def find_utterances(
    recordings: Recordings,
    progress: Progress | None = None,
    on_damaged: OnDamaged | None = None,
) -> Recordings:
    """Cut long recordings at their pauses, and leave out, with a warning, those in which nobody speaks.

    Recordings of up to 15 s are utterances as they are; see :func:`didan.speech.segment_at_pauses`.

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
    table = recordings.table.reset_index(drop=True)
    files = [str(file) for file in table["file"]]
    rows = list(zip(files, table["start"], table["end"], strict=True))
    results = in_processes(_spans, rows, progress=progress, stage=f"finding speech in {recordings.name}")
    report_damaged([spans for spans in results if isinstance(spans, AudioError)], len(files), on_damaged)
    speechless = [file for file, spans in zip(files, results, strict=True) if spans == []]
    if speechless:
        note(
            f"{recordings.name}: no speech in {len(speechless)} of {len(files)} recordings, left out "
            f"(first: {min(speechless)})"
        )
    spoken = [
        (row, span) for row, spans in enumerate(results) if not isinstance(spans, AudioError) for span in spans
    ]
    if not spoken:
        raise UserError(f"{recordings.name}: none of its {len(files)} recordings holds speech that can be read")
    utterances = table.iloc[[row for row, _ in spoken]].reset_index(drop=True)
    spans = pd.DataFrame([span for _, span in spoken], columns=["start", "end"])
    return Recordings(recordings.name, utterances.assign(start=spans["start"], end=spans["end"]))


def _spans(row: tuple[str, float, float]) -> list[Span] | AudioError:
    """First and last second of every utterance of a file, NaN for all of it; a part of a file is one already."""
    file, start, end = row
    if start == start or end == end:  # not NaN
        return [(start, end)]
    n_samples, silent = 0, True

    def blocks() -> Iterator[Samples]:
        nonlocal n_samples, silent
        for block in stream_audio(file):
            n_samples, silent = n_samples + len(block), silent and not block.any()
            yield block

    try:
        spoken = [segment for segment in segment_at_pauses(blocks()) if segment.is_spoken]
    except AudioError as error:
        return error
    if silent:
        return SilentError(f"{file}: is silent, every sample is zero")
    if n_samples <= WHOLE_SECONDS * RATE:
        return [(float("nan"), float("nan"))] * len(spoken)
    return [(segment.start, segment.end) for segment in spoken]
