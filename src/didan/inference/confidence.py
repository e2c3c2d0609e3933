"""Predictions that are too unsure to be told as an emotion."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from didan.inference.predict import Prediction

UNCERTAIN = "uncertain"
"""What stands in place of the emotion."""


def uncertain_below(predictions: Iterable[Prediction], least: float) -> Iterator[Prediction]:
    """Predictions in which the emotion is ``uncertain`` where the most probable one has less than that.

    Args:
        predictions: in any order; their probabilities stay as they are.
        least: 0 to 1.
    """
    for one in predictions:
        is_unsure = one.probabilities is not None and max(one.probabilities.values()) < least
        yield replace(one, emotion=UNCERTAIN) if is_unsure else one
