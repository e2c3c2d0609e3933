"""Timelines made by hand."""

from collections.abc import Sequence

from didan.inference.predict import Prediction

EMOTIONS = ("anger", "neutral", "sadness")

Said = tuple[str, float] | None
"""An emotion with its probability, or nothing."""


def window(
    said: Said,
    start: float,
    end: float,
    *,
    speech: float = 1.0,
    row: int = 0,
    channel: int | None = None,
    file: str = "a.wav",
) -> Prediction:
    probabilities = None
    if said is not None:
        rest = (1 - said[1]) / (len(EMOTIONS) - 1)
        probabilities = {emotion: said[1] if emotion == said[0] else rest for emotion in EMOTIONS}
    return Prediction(
        row=row,
        file=file,
        start=start,
        end=end,
        speech=speech,
        emotion=said[0] if said else None,
        probabilities=probabilities,
        channel=channel,
    )


def timeline(
    said: Sequence[Said],
    length: float = 3.0,
    hop: float = 1.0,
    *,
    end: float | None = None,
    speech: float = 1.0,
    channel: int | None = None,
) -> list[Prediction]:
    """Windows one after the other; the last ends with the recording if that ends early."""
    last = hop * (len(said) - 1) + length if end is None else end
    return [
        window(one, hop * number, min(hop * number + length, last), speech=speech, channel=channel)
        for number, one in enumerate(said)
    ]
