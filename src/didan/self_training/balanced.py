"""Balanced pseudo-labels: the network's own probabilities, sharpened and scaled to a class prior by Sinkhorn's
iteration.

    Q = argmin_Q KL(Q || p^s)        Q 1 = 1,  (1/n_t) 1^T Q = pi

p are probabilities, s sharpens them, pi is the assumed class prior of the target, uniform unless something is
known of it. Sinkhorn self-labelling is known from Asano, Rupprecht and Vedaldi (SeLa, ICLR 2020) and Caron et al.
(SwAV, NeurIPS 2020); its use here, soft labels and the choice of s are ours. Q is also what label propagation by
optimal transport gives: with W the balanced coefficients of source utterances that are alike within an emotion, Q
= W Y_s.

s has to be above 1. Near undecided, Q deviates from pi by s times what p does. A network that is fitted to Q and
asked again must not fall back to undecided, so s has to be larger the less of Q the network learns.
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from didan.alignment.transport import scale_to_marginals
from didan.self_training.pseudo_labels import PseudoLabels, PseudoLabelSettings

_TOLERANCE = 1e-3


class BalancedSettings(PseudoLabelSettings):
    """Settings of balanced pseudo-labels.

    Attributes:
        kind: ``balanced``.
        sharpening: s, the power that probabilities are raised to, an inverse temperature; not above 1, labels
            fade.
    """

    kind: Literal["balanced"] = "balanced"
    sharpening: float = Field(1.8, gt=0)

    def __call__(self, log_probabilities: Tensor, class_prior: Tensor) -> PseudoLabels:
        """See :class:`didan.self_training.PseudoLabeller`."""
        labels = balanced_pseudo_labels(log_probabilities, self.sharpening, class_prior)
        return PseudoLabels(labels, labels.new_ones(len(labels)))


@torch.no_grad()
def balanced_pseudo_labels(
    log_probabilities: Tensor, sharpening: float, class_prior: Tensor | None = None
) -> Tensor:
    """The pseudo-labels Q above.

    Args:
        log_probabilities: of every utterance, up to a constant of the utterance, shape (n_t, n_emotions).
        sharpening: s.
        class_prior: pi, adding up to 1, shape (n_emotions,); uniform if None.

    Returns:
        Shape (n_t, n_emotions): rows add up to 1, columns to n_t pi.

    >>> p = torch.tensor([[0.9, 0.1], [0.8, 0.2]])      # one of the two must be the other emotion
    >>> balanced_pseudo_labels(p.log(), sharpening=4.0).argmax(dim=1)
    tensor([0, 1])
    """
    n_t, n_emotions = log_probabilities.shape
    if class_prior is None:
        class_prior = torch.full((n_emotions,), 1 / n_emotions, dtype=torch.float64)
    columns = (n_t * class_prior).to(log_probabilities)
    return scale_to_marginals(sharpening * log_probabilities, columns, _TOLERANCE)[0]
