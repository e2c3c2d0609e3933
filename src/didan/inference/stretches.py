"""Windows overlap; stretches do not: a recording parted into what has one emotion for a while.

Each window counts for the time that is nearest to its middle: from the first second to halfway between its middle
and the next one's, and so on. What follows one another with the same emotion is one stretch.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from didan.audio import Utterance
from didan.inference.predict import Prediction

Span = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A stretch of a recording with one emotion.

    Attributes:
        start: its first second.
        end: its last.
        channel: of the recording, from 1; None for the mix of all.
        emotion: of all windows that count in it.
        speech: how many seconds of it are speech.
        peak: first and last second of the window in which the emotion is most probable.
        confidence: how probable it is there.
    """

    start: float
    end: float
    channel: int | None
    emotion: str
    speech: float
    peak: Span
    confidence: float


def nearest(windows: Sequence[Span]) -> list[Span]:
    """The time that is nearest to the middle of each window.

    Args:
        windows: first and last second of each, in the order of their middles; at least one.

    Returns:
        First and last second of each span. They follow one another without gaps, from the beginning of the first
        window to the end of the last.

    >>> nearest([(0, 3), (1, 4), (2, 5)])
    [(0, 2.0), (2.0, 3.0), (3.0, 5)]
    """
    middles = [(start + end) / 2 for start, end in windows]
    inner = [(one + following) / 2 for one, following in pairwise(middles)]
    return list(pairwise([windows[0][0], *inner, windows[-1][1]]))


def stretches(predictions: Iterable[Prediction]) -> list[Stretch]:
    """The stretches of a recording; what has no emotion is in none.

    Args:
        predictions: of its windows or utterances, those of one channel of an utterance one after the other.
    """
    found: list[Stretch] = []
    for _, own in groupby(predictions, key=lambda one: (one.row, one.channel)):
        windows = list(own)
        spans = nearest([(one.start, one.end) for one in windows])
        for emotion, group in groupby(zip(windows, spans, strict=True), key=lambda pair: pair[0].emotion):
            if emotion is not None:
                found.append(_stretch(emotion, list(group)))
    return found


def _stretch(emotion: str, parts: Sequence[tuple[Prediction, Span]]) -> Stretch:
    def confidence(one: Prediction) -> float:
        return max((one.probabilities or {}).values())

    best = max((one for one, _ in parts), key=confidence)
    return Stretch(
        start=parts[0][1][0],
        end=parts[-1][1][1],
        channel=best.channel,
        emotion=emotion,
        speech=sum(one.speech * (end - start) for one, (start, end) in parts),
        peak=(best.start, best.end),
        confidence=confidence(best),
    )


def in_recordings(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Each utterance once, those of a recording one after the other, recordings in the order they came in."""
    once = {str(one): one for one in utterances}.values()
    place = {file: number for number, file in enumerate(dict.fromkeys(one.file for one in once))}
    return sorted(once, key=lambda one: (place[one.file], one.channel or 0))


def by_recording(predictions: Iterable[Prediction], *, by_channel: bool) -> Iterator[list[Prediction]]:
    """The predictions of each recording, or of each of its channels, which must come one after the other."""
    for _, own in groupby(predictions, key=lambda one: (one.file, one.channel if by_channel else None)):
        yield list(own)
