"""Models to predict with, and what is said of them first."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from didan.cli.output import warn

if TYPE_CHECKING:
    from didan.inference.recogniser import Recogniser


def load_to_predict(model: Path) -> "Recogniser[Any]":
    """Load a model, and say what to expect of it if it has been adapted to nothing yet."""
    from didan.inference.recogniser import load_recogniser

    recogniser = load_recogniser(model)
    say_what_to_expect(recogniser, model)
    return recogniser


def say_what_to_expect(recogniser: "Recogniser[Any]", model: Path) -> None:
    """Say of a model that is adapted to nothing yet that it is."""
    from didan.inference.recogniser import caution

    if remark := caution(recogniser, str(model)):
        warn(remark)
