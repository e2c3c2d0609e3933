"""Models to predict with, and what is said of them first."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from didan.cli.output import warn

if TYPE_CHECKING:
    from didan.inference.recogniser import Recogniser


def load_to_predict(model: Path) -> "Recogniser[Any]":
    """Load a model, and say what to expect of it if it has been adapted to nothing yet."""
    from didan.inference.recogniser import caution, load_recogniser

    recogniser = load_recogniser(model)
    if remark := caution(recogniser, str(model)):
        warn(remark)
    return recogniser
