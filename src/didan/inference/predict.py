"""Prediction: a recogniser and recordings become emotions with probabilities, over time if wanted.

The one way from audio to probabilities. Evaluation, the benchmark, the page and exported models all go it:

    utterance -> segments between pauses -> features -> normalised with the statistics of its group -> network -> mean

Statistics of groups need all utterances of a group, so recordings with groups are read twice; those without, once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Generic

import numpy as np
import numpy.typing as npt
import pandas as pd

from didan.audio import find_audio
from didan.corpora import Recordings
from didan.errors import AudioError, UserError
from didan.features.normaliser import Moments, Statistics
from didan.inference.recogniser import Prepared, Recogniser
from didan.inference.segments import PreparedSegment, SegmentSource, StreamedSegments

MIN_WINDOW = 0.3
"""Seconds; shorter windows hold no syllable."""

_SEGMENTS, _SECONDS = 32, 16.0  # of a batch, whichever comes first


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a recogniser predicts for an utterance, or for a window of it.

    Attributes:
        row: number of the utterance among those given.
        file: the recording.
        start: first second.
        end: last second.
        speech: share of it that is speech.
        emotion: the most probable one, or None where there is too little speech.
        probabilities: of every emotion, in the recogniser's order; they sum to 1. None without an emotion.
    """

    row: int
    file: str
    start: float
    end: float
    speech: float
    emotion: str | None
    probabilities: dict[str, float] | None


def recordings_in(paths: Sequence[Path]) -> Recordings:
    """Audio files and all audio in folders as recordings of unknown speakers.

    Raises:
        UserError: a folder without audio.
    """
    files = [str(file) for path in paths for file in (find_audio(path) if path.is_dir() else [path])]
    return Recordings("recordings", pd.DataFrame({"file": files, "start": np.nan, "end": np.nan, "speaker": np.nan}))


def predict(
    recogniser: Recogniser[Prepared],
    recordings: Recordings | Sequence[Path],
    *,
    window: float | None = None,
    hop: float | None = None,
    group: str | None = None,
    on_damaged: Callable[[AudioError], None] | None = None,
    segments: SegmentSource[Prepared] | None = None,
) -> Iterator[Prediction]:
    """Predict the emotion of utterances.

    An utterance of up to 15 s is one segment. A longer one is cut at its pauses; its probabilities are the mean
    of those of its segments, weighted by how much speech each holds. With ``window`` there is a prediction for each
    window instead. Features are normalised with the statistics of the utterance's group among the recordings given,
    drawn towards those of the domain that the recogniser was adapted to; see :mod:`didan.features.normaliser`. An
    utterance of no known group gets those of the domain, and then its prediction does not depend on the others.

    Args:
        recogniser: a :class:`didan.model.trained.TrainedModel` or an exported one.
        recordings: utterances, or audio files and folders.
        window: seconds of each window, for a timeline.
        hop: seconds from one window to the next; half a window if None.
        group: what utterances are normalised together, see :class:`didan.features.NormalisationSettings`; if None,
            as the recordings are grouped already, or as the recogniser was trained.
        on_damaged: called with the reason for a file that cannot be read, which is then left out; if None the
            first such file is an error.
        segments: where segments come from, if they are not to be made here.

    Yields:
        Predictions in the order of the utterances, an utterance's only once all of it has been read.

    Raises:
        UserError: a folder without audio, windows that leave gaps, or no such column to group by.
        AudioError: a file that cannot be read, where ``on_damaged`` is None.
    """
    check_windows(window, hop)
    if not isinstance(recordings, Recordings):
        recordings = recordings_in(recordings)
    if group is not None or "group" not in recordings.table:
        recordings = recordings.grouped(group or recogniser.group, or_speaker=group is None)
    whole: SegmentSource[Prepared] = segments or StreamedSegments(recogniser)
    statistics = _statistics(recogniser, recordings, whole)
    source = whole if window is None else StreamedSegments(recogniser, window, hop)
    read = _read(recordings, source, statistics)
    for row, answers in groupby(_predicted(recogniser, read), key=lambda answer: answer.row):
        *parts, last = answers
        if last.error is not None:
            if on_damaged is None:
                raise last.error
            on_damaged(last.error)
            continue
        file, start = str(recordings.table["file"].iloc[row]), recordings.table["start"].iloc[row]
        offset = 0.0 if pd.isna(start) else float(start)
        spans = [[part] for part in parts] if window is not None else [parts]
        for span in spans:
            first, end = (span[0].segment.start, span[0].segment.end) if window is not None else (0.0, last.segment.end)
            yield _prediction(recogniser.emotions, row, file, offset, span, first, end)


def check_windows(window: float | None, hop: float | None) -> None:
    """Refuse windows that are too short, leave gaps, or have a hop and no length.

    Raises:
        UserError: they do.
    """
    if window is None:
        if hop is not None:
            raise UserError("--hop says how far apart windows are; say with --window how long they are")
    elif window < MIN_WINDOW:
        raise UserError(f"a window of {window:g} s is too short for an emotion; at least {MIN_WINDOW:g} s")
    elif hop is not None and not MIN_WINDOW / 10 <= hop <= window:
        raise UserError(f"a hop of {hop:g} s does not suit windows of {window:g} s; take 0.03 s to a window")


def _statistics(
    recogniser: Recogniser[Prepared], recordings: Recordings, source: SegmentSource[Prepared]
) -> list[Statistics]:
    """What each utterance is normalised with: a pass over the recordings for the moments of their groups, if they have any."""
    groups = recordings.groups
    moments: dict[object, list[Moments]] = {}
    known = recordings.table[groups.notna()]
    for group, file, start, end in zip(
        groups[groups.notna()], known["file"], known["start"], known["end"], strict=True
    ):
        try:
            for segment in source(Path(file), start, end):
                if segment.prepared is not None:
                    moments.setdefault(group, []).extend(recogniser.moments([segment.prepared]))
        except AudioError:
            continue  # the pass that predicts reports it
    domain = recogniser.normaliser.statistics()
    by_group = {group: recogniser.normaliser.statistics(Moments.pooled(parts)) for group, parts in moments.items()}
    return [domain if pd.isna(group) else by_group.get(group, domain) for group in groups]


@dataclass(frozen=True)
class _Answer(Generic[Prepared]):
    """A segment of an utterance with its probabilities.

    The last of an utterance has no content; it knows how long the utterance is, or why it cannot be read.
    """

    row: int
    segment: PreparedSegment[Prepared]
    statistics: Statistics
    probabilities: npt.NDArray[np.float32] | None = None
    error: AudioError | None = None


def _read(
    recordings: Recordings, source: SegmentSource[Prepared], statistics: Sequence[Statistics]
) -> Iterator[_Answer[Prepared]]:
    """The segments of all utterances, those of an unreadable one ended by the reason."""
    table = recordings.table
    for row, (file, start, end) in enumerate(zip(table["file"], table["start"], table["end"], strict=True)):
        try:
            for segment in source(Path(file), start, end):
                yield _Answer(row, segment, statistics[row])
        except AudioError as error:
            yield _Answer(row, PreparedSegment(0.0, 0.0, 0.0, None), statistics[row], error=error)


def _predicted(
    recogniser: Recogniser[Prepared], read: Iterator[_Answer[Prepared]]
) -> Iterator[_Answer[Prepared]]:
    """The same in the same order, with probabilities where there is speech, a batch at a time across utterances."""
    waiting: list[_Answer[Prepared]] = []
    seconds = 0.0
    for answer in read:
        waiting.append(answer)
        if answer.segment.prepared is not None:
            seconds += answer.segment.end - answer.segment.start
        if len(waiting) >= _SEGMENTS or seconds >= _SECONDS:
            yield from _predict_batch(recogniser, waiting)
            waiting, seconds = [], 0.0
    yield from _predict_batch(recogniser, waiting)


def _predict_batch(
    recogniser: Recogniser[Prepared], waiting: Sequence[_Answer[Prepared]]
) -> Iterator[_Answer[Prepared]]:
    spoken = [answer for answer in waiting if answer.segment.prepared is not None]
    prepared = [answer.segment.prepared for answer in spoken if answer.segment.prepared is not None]
    probabilities = iter(recogniser.predict_proba(prepared, [answer.statistics for answer in spoken]))
    for answer in waiting:
        segment = answer.segment
        yield _Answer(
            answer.row,
            PreparedSegment(segment.start, segment.end, segment.speech, None),
            answer.statistics,
            None if segment.prepared is None else next(probabilities),
            answer.error,
        )


def _prediction(
    emotions: Sequence[str],
    row: int,
    file: str,
    offset: float,
    answers: Sequence[_Answer[Prepared]],
    start: float,
    end: float,
) -> Prediction:
    spoken = [(answer.probabilities, answer.segment.speech) for answer in answers if answer.probabilities is not None]
    speech = sum(answer.segment.speech for answer in answers) / (end - start) if end > start else 0.0
    emotion, by_emotion = None, None
    if spoken:
        probabilities = np.average(
            np.stack([own for own, _ in spoken]), axis=0, weights=[seconds for _, seconds in spoken]
        )
        emotion = emotions[int(probabilities.argmax())]
        by_emotion = {name: float(p) for name, p in zip(emotions, probabilities, strict=True)}
    return Prediction(
        row=row,
        file=file,
        start=offset + start,
        end=offset + end,
        speech=speech,
        emotion=emotion,
        probabilities=by_emotion,
    )
