"""How much each source utterance of a batch is to be used by balanced coefficients."""

import torch
from torch import Tensor


def class_balanced_marginal(labels: Tensor, prior: Tensor | None = None) -> Tensor:
    """A source marginal under which every class that occurs has the same weight, or that of a class prior.

    Args:
        labels: class indices, shape (n,).
        prior: weight of every class, shape (n_classes,); None takes all alike.

    Returns:
        Weights adding up to 1, shape (n,).

    >>> class_balanced_marginal(torch.tensor([0, 0, 1]))
    tensor([0.2500, 0.2500, 0.5000])
    >>> class_balanced_marginal(torch.tensor([0, 0, 1]), torch.tensor([0.8, 0.2]))
    tensor([0.4000, 0.4000, 0.2000])
    """
    counts = torch.bincount(labels)
    weights = 1 / counts[labels].double()
    if prior is not None:
        weights = weights * prior.to(weights)[labels]
    return (weights / weights.sum()).float()
