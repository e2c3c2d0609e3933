"""The class prior assumed of the target: how frequent its emotions are.

Normalised features hide it from every known estimator that was tried, see docs/experiments/class-prior.md. So it
is a setting; and where it is not given, the members of an ensemble differ in what they assume: a third that all
emotions are equally frequent, as in acted corpora, a third that neutral is three times as frequent as any other,
and a third nothing: these have no pseudo-labels. Members that one assumption misleads are outvoted by the others.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from didan.errors import UserError, shortened, suggest

FREQUENT = "neutral"
TIMES = 3.0
"""How many times as frequent as any other emotion ``FREQUENT`` is in what some members assume."""

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
            raise UserError(
                f"class_prior: {shortened(name)} is no emotion of this task; {suggest(name, emotions)}"
            )
    given = sum(class_prior.values())
    others = len(emotions) - len(class_prior)
    if others and given > 1 - _ROUNDING:
        raise UserError(f"class_prior adds up to {given:g}; nothing is left for the {others} emotions not named")
    if not others and abs(given - 1) > _ROUNDING:
        raise UserError(f"class_prior names every emotion, so it has to add up to 1, not {given:g}")
    rest = (1 - given) / max(others, 1)
    prior = torch.tensor([class_prior.get(name, rest) for name in emotions], dtype=torch.float64)
    return prior / prior.sum()


def assumed_priors(class_prior: Mapping[str, float], emotions: Sequence[str]) -> list[Tensor | None]:
    """What the members of an ensemble assume in turn.

    Args:
        class_prior: the probabilities that are given, by emotion.
        emotions: all of them, in order.

    Returns:
        Class priors, see :func:`assumed_prior`, and None for members that assume nothing. Where probabilities are
        given all members assume those.

    Raises:
        UserError: see :func:`assumed_prior`.

    >>> assumed_priors({}, ["anger", "neutral"])
    [tensor([0.5000, 0.5000], dtype=torch.float64), tensor([0.2500, 0.7500], dtype=torch.float64), None]
    """
    assumed = assumed_prior(class_prior, emotions)
    if class_prior:
        return [assumed]
    if FREQUENT not in emotions:
        return [assumed, None]
    weights = torch.tensor([TIMES if name == FREQUENT else 1.0 for name in emotions], dtype=torch.float64)
    return [assumed, weights / weights.sum(), None]


def prior_in_words(class_prior: Mapping[str, float]) -> str:
    """A class prior for people.

    >>> prior_in_words({"neutral": 0.5, "anger": 0.25})
    'neutral 0.5, anger 0.25'
    """
    return ", ".join(f"{emotion} {probability:g}" for emotion, probability in class_prior.items())
