"""What label files are made of: the stretches of one recording."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from didan.inference.predict import Prediction
    from didan.inference.stretches import Stretch


@dataclass(frozen=True)
class Labels:
    """The labels of a recording.

    Attributes:
        file: the recording.
        seconds: how long it is, as far as it was heard.
        channels: of which there are labels; None for the mix of all.
        stretches: the labels; they overlap only where utterances of a table do, or channels.
    """

    file: str
    seconds: float
    channels: tuple[int | None, ...]
    stretches: "tuple[Stretch, ...]"


def labels_of(predictions: "Iterable[Prediction]") -> Iterator[Labels]:
    """The labels of each recording; the predictions of one must come one after the other."""
    from didan.inference.stretches import by_recording, stretches

    for own in by_recording(predictions, by_channel=False):
        yield Labels(
            own[0].file,
            max(one.end for one in own),
            tuple(dict.fromkeys(one.channel for one in own)),
            tuple(sorted(stretches(own), key=lambda one: (one.start, one.channel or 0))),
        )
