"""Folders of recordings of any length become utterances: what is spoken between pauses."""

from collections.abc import Iterator

import pandas as pd

from didan.audio import RATE, channels_in, silent_error, stream_audio
from didan.corpora.corpus import CHANNEL, Recordings
from didan.errors import AudioError, OnDamaged, UserError, note, report_damaged
from didan.parallel import in_processes
from didan.speech import WHOLE_SECONDS, segment_at_pauses
from didan.typing import Progress, Samples

Span = tuple[float, float]


def split_channels(recordings: Recordings) -> Recordings:
    """Every channel of every recording as a recording of its own."""
    counts = [channels_in(str(file)) for file in recordings.table["file"]]
    table = recordings.table.loc[recordings.table.index.repeat(counts)].reset_index(drop=True)
    channels = [number for count in counts for number in range(1, count + 1)]
    return Recordings(recordings.name, table.assign(**{CHANNEL: channels}))


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
    rows = list(zip(files, table["start"], table["end"], recordings.channels, strict=True))
    results = in_processes(_spans, rows, progress=progress, stage=f"finding speech in {recordings.name}")
    damaged = {str(spans): spans for spans in results if isinstance(spans, AudioError)}  # once for all channels
    report_damaged(list(damaged.values()), len(set(files)), on_damaged)
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


def _spans(row: tuple[str, float, float, int | None]) -> list[Span] | AudioError:
    """First and last second of every utterance of a file, NaN for all of it; a part of a file is one already."""
    file, start, end, channel = row
    if start == start or end == end:  # not NaN
        return [(start, end)]
    n_samples, is_silent = 0, True

    def blocks() -> Iterator[Samples]:
        nonlocal n_samples, is_silent
        for block in stream_audio(file, channel=channel):
            n_samples, is_silent = n_samples + len(block), is_silent and not block.any()
            yield block

    try:
        spoken = [segment for segment in segment_at_pauses(blocks()) if segment.is_spoken]
    except AudioError as error:
        return error
    if is_silent:
        return silent_error(file, channel)
    if n_samples <= WHOLE_SECONDS * RATE:
        return [(float("nan"), float("nan"))] * len(spoken)
    return [(segment.start, segment.end) for segment in spoken]
