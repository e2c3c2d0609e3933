"""What prediction asks of a recogniser, be it a network in torch or an exported file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from didan.features.normaliser import Moments, Normaliser, Statistics
from didan.typing import Answers, Samples

Prepared = TypeVar("Prepared")
"""An utterance as a recogniser takes it: features before normalisation, or samples if it makes features itself."""


class Recogniser(Protocol[Prepared]):
    """Maps utterances to probabilities."""

    @property
    def emotions(self) -> tuple[str, ...]:
        """What the columns of the probabilities are."""

    @property
    def normaliser(self) -> Normaliser:
        """Of the domain that it was adapted to."""

    @property
    def group(self) -> str:
        """What utterances are normalised together, by default."""

    @property
    def is_adapted(self) -> bool:
        """Whether to other recordings than it has learnt from; see :func:`didan.model.find.is_adapted`."""

    def prepare(self, samples: Samples) -> Prepared:
        """An utterance as the other methods take it.

        Args:
            samples: shape (n,).
        """

    def moments(self, prepared: Sequence[Prepared]) -> list[Moments]:
        """Moments of what there is to normalise of each utterance: the vector that the backbone makes of it."""

    def answer(self, prepared: Sequence[Prepared], statistics: Sequence[Statistics]) -> Answers:
        """What it says of utterances.

        Args:
            prepared: of each utterance.
            statistics: what the features of each are normalised with.
        """


def caution(recogniser: Recogniser[Any], name: str) -> str | None:
    """What to say before a model is trusted that is adapted to nothing yet, in one line; None of others.

    Args:
        recogniser: the model.
        name: what to call it by.
    """
    if recogniser.is_adapted:
        return None
    way = f"didan adapt {name} FOLDER --out mine"
    if name.endswith(".onnx"):
        way = "adapt the model that it was exported from, and export again"
    return f"{name} is not adapted to your recordings, and near chance on most, however sure it seems; {way}"


def is_exported(model: Path) -> bool:
    """Whether a model is a file that ``didan export`` has written, by its name."""
    return model.suffix == ".onnx" and not model.is_dir()


def load_recogniser(model: Path) -> Recogniser[Any]:
    """The model of a folder or of an exported file, for which torch is not imported.

    Raises:
        UserError: see :func:`didan.model.directory.load_network` and :class:`didan.inference.onnx.OnnxRecogniser`.
    """
    if is_exported(model):
        from didan.inference.onnx import OnnxRecogniser

        return OnnxRecogniser(model)
    from didan.model.directory import load_network

    return load_network(model)
