"""The class prior assumed of the target: how frequent its emotions are.

Features that are normalised within a speaker hide it from every known estimator that was tried, see
docs/experiments/class-prior.md; so it is a setting.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from didan.errors import UserError, suggest

_ROUNDING = 1e-2


def assumed_prior(class_prior: Mapping[str, float], emotions: Sequence[str]) -> Tensor:
    """The assumed probability of every emotion in the target.

    Args:
        class_prior: the probabilities that are given, by emotion.
        emotions: all of them, in order.

    Returns:
        Probabilities adding up to 1, shape (n_emotions,); emotions that are not named share the rest equally.

    Raises:
        UserError: an emotion is not among them, or nothing is left for the others.

    >>> assumed_prior({"neutral": 0.6}, ["anger", "neutral", "sadness"])
    tensor([0.2000, 0.6000, 0.2000], dtype=torch.float64)
    """
    for name in class_prior:
        if name not in emotions:
            raise UserError(f"class_prior: {name!r} is no emotion of this task; {suggest(name, emotions)}")
    given = sum(class_prior.values())
    others = len(emotions) - len(class_prior)
    if others and given > 1 - _ROUNDING:
        raise UserError(f"class_prior adds up to {given:g}; nothing is left for the {others} emotions not named")
    if not others and abs(given - 1) > _ROUNDING:
        raise UserError(f"class_prior names every emotion, so it has to add up to 1, not {given:g}")
    rest = (1 - given) / max(others, 1)
    prior = torch.tensor([class_prior.get(name, rest) for name in emotions], dtype=torch.float64)
    return prior / prior.sum()


def prior_in_words(class_prior: Mapping[str, float]) -> str:
    """A class prior for people.

    >>> prior_in_words({"neutral": 0.5, "anger": 0.25})
    'neutral 0.5, anger 0.25'
    """
    return ", ".join(f"{emotion} {probability:g}" for emotion, probability in class_prior.items())
