"""What a pseudo-labeller is, and when it is asked.

Every so many steps the network scores the whole target, a pseudo-labeller turns the scores into pseudo-labels, and
until the next time the network is fitted to them as it is to the source's labels:

    L = L_source + lambda L_alignment + weight * (1/n_t) sum_j c_j l(scores_j, q_j)

q_j is the pseudo-label of target utterance j, a distribution over emotions, c_j in {0, 1} says whether it has one,
and l is the loss by which the source is fitted.
"""

import math
from typing import NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor


class PseudoLabelSettings(BaseModel):
    """Settings that all pseudo-labellers share.

    Attributes:
        weight: of the fit to pseudo-labels; that of the source is 1. 0 is no self-training.
        start: share of training before the first pseudo-labels.
        every: steps from one set of pseudo-labels to the next.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    weight: float = Field(0.0, ge=0)
    start: float = Field(0.1, ge=0, le=1)
    every: int = Field(10, ge=1)

    def due(self, step: int, steps: int) -> bool:
        """Whether it is time for new pseudo-labels, at this step of so many.

        >>> [step for step in range(40) if PseudoLabelSettings(weight=1).due(step, 100)]
        [10, 20, 30]
        """
        first = math.ceil(self.start * steps)
        return self.weight > 0 and step >= first and (step - first) % self.every == 0


class PseudoLabels(NamedTuple):
    """Pseudo-labels of all target utterances.

    Attributes:
        labels: q, shape (..., n_t, n_emotions), rows adding up to 1; of an ensemble's members, the first axis.
        weights: c, shape (..., n_t).
    """

    labels: Tensor
    weights: Tensor


class PseudoLabeller(Protocol):
    """Turns what a network says of the target into pseudo-labels. It never sees a target label."""

    def __call__(self, log_probabilities: Tensor, class_prior: Tensor) -> PseudoLabels:
        """Label the target.

        Args:
            log_probabilities: of every target utterance, up to a constant of the utterance, shape (n_t,
                n_emotions).
            class_prior: how frequent emotions are assumed to be in the target, shape (n_emotions,), adding up to
                1.
        """
