"""What a recording amounts to: how much is spoken, with which emotions, and where to listen."""

from collections.abc import Sequence
from dataclasses import dataclass

from didan.inference.confidence import UNCERTAIN
from didan.inference.predict import Prediction
from didan.inference.stretches import stretches

MOMENTS = 3
_UNREMARKABLE = {"neutral", UNCERTAIN}


@dataclass(frozen=True)
class Moment:
    """A window to listen to: its first and last second, and how probable the emotion is in it."""

    start: float
    end: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class EmotionSummary:
    """An emotion in a recording.

    Attributes:
        share: of the speech that has an emotion, 0 to 1.
        longest: how many seconds it lasts at most.
        moments: where it is most probable, at most one of each stretch, most probable first. None where that is of
            no use: neutral, and what is uncertain.
    """

    share: float
    longest: float
    moments: tuple[Moment, ...] | None


@dataclass(frozen=True, kw_only=True)
class Summary:
    """A recording.

    Attributes:
        file: the recording.
        channel: which of its channels, from 1; None for the mix of all.
        seconds: how long it is.
        speech_minutes: how many minutes of speech have an emotion.
        emotions: what there is to say of each.
    """

    file: str
    channel: int | None
    seconds: float
    speech_minutes: float
    emotions: dict[str, EmotionSummary]


def summarise(predictions: Sequence[Prediction], emotions: Sequence[str]) -> Summary:
    """Sum up the windows of a recording.

    Each window counts for the time that is nearest to its middle, so that speech in several is counted once; see
    :mod:`didan.inference.stretches`.

    Args:
        predictions: of its windows, at least one; of one channel, if channels are apart.
        emotions: what to tell of, whether it occurs or not.
    """
    found = stretches(predictions)
    ends = {one.row: one.end for one in predictions}  # of the last window of each utterance
    starts = {one.row: one.start for one in reversed(predictions)}
    speech = sum(one.speech for one in found)
    by_emotion = {}
    for emotion in emotions:
        own = [one for one in found if one.emotion == emotion]
        best = sorted(own, key=lambda one: -one.confidence)[:MOMENTS]
        moments = tuple(Moment(*one.peak, one.confidence) for one in best)
        by_emotion[emotion] = EmotionSummary(
            share=sum(one.speech for one in own) / speech if speech else 0.0,
            longest=max((one.end - one.start for one in own), default=0.0),
            moments=None if emotion in _UNREMARKABLE else moments,
        )
    return Summary(
        file=predictions[0].file,
        channel=predictions[0].channel,
        seconds=sum(ends[row] - starts[row] for row in ends),
        speech_minutes=speech / 60,
        emotions=by_emotion,
    )
