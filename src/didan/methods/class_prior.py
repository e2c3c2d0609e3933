"""What is known of the target beforehand: how frequent its emotions are.

Features that are normalised within a speaker do not show it to any of the known estimators that were tried, see
docs/experiments/proportions.md; so it has to be told.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from didan.errors import UserError, suggest

_ROUNDING = 1e-2


def expected_shares(proportions: Mapping[str, float], emotions: Sequence[str]) -> Tensor:
    """How frequent every emotion is expected to be in the target.

    Args:
        proportions: the shares that are known, by emotion.
        emotions: all of them, in order.

    Returns:
        Shares adding up to 1, shape (n_emotions,); emotions that are not named share what is left.

    Raises:
        UserError: an emotion is not among them, or nothing is left for the others.

    >>> expected_shares({"neutral": 0.6}, ["anger", "neutral", "sadness"])
    tensor([0.2000, 0.6000, 0.2000], dtype=torch.float64)
    """
    for name in proportions:
        if name not in emotions:
            raise UserError(f"proportions: {name!r} is no emotion of this task; {suggest(name, emotions)}")
    given = sum(proportions.values())
    others = len(emotions) - len(proportions)
    if others and given > 1 - _ROUNDING:
        raise UserError(f"proportions add up to {given:g}; nothing is left for the {others} emotions not named")
    if not others and abs(given - 1) > _ROUNDING:
        raise UserError(f"proportions name every emotion, so they have to add up to 1, not {given:g}")
    rest = (1 - given) / max(others, 1)
    shares = torch.tensor([proportions.get(name, rest) for name in emotions], dtype=torch.float64)
    return shares / shares.sum()


def described(proportions: Mapping[str, float]) -> str:
    """Shares as people read them.

    >>> described({"neutral": 0.5, "anger": 0.25})
    'neutral 0.5, anger 0.25'
    """
    return ", ".join(f"{emotion} {share:g}" for emotion, share in proportions.items())
