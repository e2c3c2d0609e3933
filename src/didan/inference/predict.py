"""Prediction: a recogniser and recordings become emotions with probabilities, over time if wanted.

The one way from audio to probabilities. Evaluation, the benchmark, the page and exported models all go it:

    utterance -> segments between pauses -> features -> backbone -> normalised with the statistics of its group ->
    head -> mean

Statistics of groups need all utterances of a group, so recordings with groups are read twice; those without, once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Generic

import numpy as np
import numpy.typing as npt

from didan.audio import Utterance, find_audio
from didan.errors import AudioError, OnDamaged, UserError, note, suggest
from didan.features.normaliser import Moments, Statistics
from didan.inference.recogniser import Prepared, Recogniser
from didan.inference.segments import PreparedSegment, SegmentSource, StreamedSegments, prepared_windows
from didan.typing import Progress, Samples

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
        channel: which channel of the recording it is of, from 1; None for the mix of all.
        unadapted: the recogniser's own where ``probabilities`` are adapted, see
            :mod:`didan.inference.adapt_outputs`.
        embedding: features of the first fully connected layer, shape (width,); None without an emotion.
    """

    row: int
    file: str
    start: float
    end: float
    speech: float
    emotion: str | None
    probabilities: dict[str, float] | None
    channel: int | None = None
    unadapted: dict[str, float] | None = None
    embedding: npt.NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    def to_dict(self, *, channel: bool = False, unadapted: bool = False) -> dict[str, Any]:
        """What is told of it in JSON, times to the millisecond; some of it only where it is wanted."""
        names = ["file", *(["channel"] if channel else []), "start", "end", "speech", "emotion", "probabilities"]
        rounded = {name: round(getattr(self, name), 3) for name in ("start", "end", "speech")}
        told = {name: rounded.get(name, getattr(self, name)) for name in names}
        return {**told, "unadapted": self.unadapted} if unadapted else told


def utterances_in(
    paths: Sequence[Path], group: str = "none", *, or_none: bool = False, on_damaged: OnDamaged | None = None
) -> list[Utterance]:
    """Audio files, and all audio in folders, each an utterance.

    Args:
        paths: files or folders.
        group: ``file`` or ``folder`` to normalise such utterances together; with ``speaker`` or ``none`` the group
            of all is unknown, since speakers are not named.
        or_none: take ``none`` for any other group: whoever has not asked for it gets what files can have.
        on_damaged: called with the reason for a folder that cannot be read or, beside others, holds no audio; if
            None that is an error.

    Raises:
        UserError: there is no audio, or another group, which only a table can have.
    """
    ways: dict[str, Callable[[Path], str | None]] = {
        "speaker": lambda file: None,
        "none": lambda file: None,
        "file": str,
        "folder": lambda file: str(file.absolute().parent),
    }
    if group not in ways and or_none:
        group = "none"
    if group not in ways:
        raise UserError(
            f"audio files have no {group!r} to group by: {suggest(group, ways)}; a table can have such a column"
        )
    files: list[Path] = []
    for path in paths:
        try:
            files += find_audio(path, on_damaged, note) if path.is_dir() else [path]
        except UserError as error:
            if on_damaged is None or len(paths) == 1:
                raise
            on_damaged(AudioError(str(error)))
    return [Utterance(file, group=ways[group](file)) for file in files]


def utterance_alone(recogniser: Recogniser[Any], file: Path) -> list[Utterance]:
    """A file as the recogniser predicts it when nothing else is given, in a list of one."""
    return utterances_in([file], recogniser.group, or_none=True)


def predict(
    recogniser: Recogniser[Prepared],
    utterances: Sequence[Utterance],
    *,
    window: float | None = None,
    hop: float | None = None,
    on_damaged: OnDamaged | None = None,
    segments: SegmentSource[Prepared] | None = None,
    progress: Progress | None = None,
) -> Iterator[Prediction]:
    """Predict the emotion of utterances.

    An utterance of up to 15 s is one segment. A longer one is cut at its pauses; its probabilities are the mean
    of those of its segments, weighted by how much speech each holds. With ``window`` there is a prediction for
    each window instead, which is cut at its pauses likewise, unless it is all of a short recording: what a model
    adapted to long recordings has learnt are the segments between pauses.

    Features are normalised with the statistics of the utterance's group among those given, drawn towards those of
    the domain that the recogniser was adapted to; see :mod:`didan.features.normaliser`. An utterance of no known
    group gets those of the domain, and then its prediction does not depend on the others.

    Args:
        recogniser: a :class:`didan.model.trained.TrainedModel` or an exported one.
        utterances: see :func:`utterances_in` and :meth:`didan.corpora.Recordings.utterances`.
        window: seconds of each window, for a timeline.
        hop: seconds from one window to the next; half a window if None.
        on_damaged: called with the reason for a file that cannot be read, which is then left out; if None the
            first such file is an error.
        segments: where segments come from, if they are not to be made here.
        progress: called after every utterance.

    Yields:
        Predictions in the order of the utterances, an utterance's only once all of it has been read.

    Raises:
        UserError: windows that leave gaps.
        AudioError: a file that cannot be read, where ``on_damaged`` is None.
    """
    check_windows(window, hop)
    whole: SegmentSource[Prepared] = segments or StreamedSegments(recogniser.prepare)
    statistics = statistics_of(recogniser, utterances, whole, progress)
    source = whole if window is None else StreamedSegments(recogniser.prepare, window, hop)
    read = _read(utterances, source, statistics)
    for row, answers in groupby(_predicted(recogniser, read), key=lambda answer: answer.row):
        *parts, last = answers
        if progress is not None:
            progress("predicting", row + 1, len(utterances))
        if last.error is not None:
            if on_damaged is None:
                raise last.error
            if utterances[row].channel in (None, 1):  # a file is damaged once, however many channels it has
                on_damaged(last.error)
            continue
        spans = (
            [parts]
            if window is None
            else [list(own) for _, own in groupby(parts, key=lambda part: (part.segment.start, part.segment.end))]
        )
        for span in spans:
            first, end = (
                (span[0].segment.start, span[0].segment.end) if window is not None else (0.0, last.segment.end)
            )
            yield _prediction(recogniser.emotions, row, utterances[row], span, first, end)


def predict_stream(
    recogniser: Recogniser[Prepared],
    blocks: Iterable[Samples],
    *,
    window: float,
    hop: float | None = None,
    name: str = "-",
) -> Iterator[Prediction]:
    """Predict sound that goes on: the windows of :func:`predict`, each as soon as it is complete.

    What normalises it are the statistics of the domain, as they do an utterance of no known group, since those of
    the sound itself would be known only at its end.

    Args:
        recogniser: see :func:`predict`.
        blocks: 16 kHz mono samples in [-1, 1], in order, each of shape (n,); see :mod:`didan.audio.live`.
        window: seconds of each window.
        hop: seconds from one window to the next; half a window if None.
        name: what predictions call it.

    Raises:
        UserError: windows that leave gaps.
    """
    check_windows(window, hop)
    sound, statistics = Utterance(Path(name)), recogniser.normaliser.statistics()
    for parts in prepared_windows(recogniser.prepare, blocks, window, hop):
        answers = list(_predict_batch(recogniser, [_Answer(0, part, statistics) for part in parts]))
        yield _prediction(recogniser.emotions, 0, sound, answers, parts[0].start, parts[0].end)


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


def statistics_of(
    recogniser: Recogniser[Prepared],
    utterances: Sequence[Utterance],
    source: SegmentSource[Prepared],
    progress: Progress | None = None,
) -> list[Statistics]:
    """What normalises each utterance: the statistics of its group, or of the domain if it has none.

    Takes a pass over the utterances that have a group, for its moments.
    """
    moments: dict[str, list[Moments]] = {}
    for done, utterance in enumerate(utterances, 1):
        if utterance.group is not None:
            own: list[Moments] = []
            try:
                for segment in source(utterance):
                    if segment.prepared is not None:
                        own += recogniser.moments([segment.prepared])
            except AudioError:
                own = []  # the pass that predicts reports it
            moments.setdefault(utterance.group, []).extend(own)
            if progress is not None:
                progress("statistics of groups", done, len(utterances))
    domain = recogniser.normaliser.statistics()
    by_group = {
        group: recogniser.normaliser.statistics(Moments.pooled(parts)) for group, parts in moments.items() if parts
    }
    return [domain if one.group is None else by_group.get(one.group, domain) for one in utterances]


@dataclass(frozen=True)
class _Answer(Generic[Prepared]):
    """A segment of an utterance with its probabilities and embedding.

    The last of an utterance has no content; it knows how long the utterance is, or why it cannot be read.
    """

    row: int
    segment: PreparedSegment[Prepared]
    statistics: Statistics
    probabilities: npt.NDArray[np.float32] | None = None
    embedding: npt.NDArray[np.float32] | None = None
    error: AudioError | None = None


def _read(
    utterances: Sequence[Utterance], source: SegmentSource[Prepared], statistics: Sequence[Statistics]
) -> Iterator[_Answer[Prepared]]:
    """The segments of all utterances, those of an unreadable one ended by the reason."""
    for row, utterance in enumerate(utterances):
        try:
            for segment in source(utterance):
                yield _Answer(row, segment, statistics[row])
        except AudioError as error:
            yield _Answer(row, PreparedSegment(0.0, 0.0, 0.0, None), statistics[row], error=error)


def _predicted(recogniser: Recogniser[Prepared], read: Iterator[_Answer[Prepared]]) -> Iterator[_Answer[Prepared]]:
    """The same in the same order, with probabilities where there is speech, in batches across utterances."""
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
    answers = zip(*recogniser.answer(prepared, [answer.statistics for answer in spoken]), strict=True)
    for answer in waiting:
        segment = answer.segment
        probabilities, embedding = (None, None) if segment.prepared is None else next(answers)
        yield replace(
            answer,
            segment=PreparedSegment(segment.start, segment.end, segment.speech, None),
            probabilities=probabilities,
            embedding=embedding,
        )


def _prediction(
    emotions: Sequence[str],
    row: int,
    utterance: Utterance,
    answers: Sequence[_Answer[Prepared]],
    start: float,
    end: float,
) -> Prediction:
    spoken = [answer for answer in answers if answer.probabilities is not None]
    speech = sum(answer.segment.speech for answer in answers) / (end - start) if end > start else 0.0
    emotion, by_emotion, embedding = None, None, None
    if spoken:
        seconds = [answer.segment.speech for answer in spoken]
        probabilities, embedding = (
            np.average(np.stack([getattr(answer, what) for answer in spoken]), axis=0, weights=seconds)
            for what in ("probabilities", "embedding")
        )
        if not np.isfinite(probabilities).all():
            raise UserError(f"{utterance.file}: the model gives no numbers (NaN); it is damaged, train it again")
        emotion = emotions[int(probabilities.argmax())]
        by_emotion = {name: float(p) for name, p in zip(emotions, probabilities, strict=True)}
    offset = utterance.start if utterance.start == utterance.start else 0.0
    return Prediction(
        row=row,
        file=str(utterance.file),
        start=offset + start,
        end=offset + end,
        speech=speech,
        emotion=emotion,
        probabilities=by_emotion,
        channel=utterance.channel,
        embedding=embedding,
    )
