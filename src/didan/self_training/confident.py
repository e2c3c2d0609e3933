"""Confident pseudo-labels: the most probable emotion of the utterances that the network is sure of (Lee, ICML
workshops 2013).

    q_j = onehot(argmax_c p_jc),    c_j = [max_c p_jc >= threshold]

The threshold is that of FixMatch (Sohn et al., NeurIPS 2020), without its augmentations. No class prior is
assumed.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor
from torch.nn.functional import one_hot

from didan.self_training.pseudo_labels import PseudoLabels, PseudoLabelSettings


class ConfidentSettings(PseudoLabelSettings):
    """Settings of confident pseudo-labels.

    Attributes:
        kind: ``confident``.
        threshold: least probability of the most probable emotion.
    """

    kind: Literal["confident"] = "confident"
    threshold: float = Field(0.9, gt=0, le=1)

    def __call__(self, log_probabilities: Tensor, class_prior: Tensor) -> PseudoLabels:
        """See :class:`didan.self_training.PseudoLabeller`.

        >>> import torch
        >>> p = torch.tensor([[0.95, 0.05], [0.4, 0.6]])
        >>> ConfidentSettings()(p.log(), torch.tensor([0.5, 0.5])).weights
        tensor([1., 0.])
        """
        probabilities = log_probabilities.softmax(dim=1)
        confidence, classes = probabilities.max(dim=1)
        labels = one_hot(classes, probabilities.shape[1]).to(probabilities)
        return PseudoLabels(labels, (confidence >= self.threshold).to(probabilities))
