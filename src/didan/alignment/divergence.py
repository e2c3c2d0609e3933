"""How far mean predictions are from a class prior."""

from torch import Tensor


def divergence(p: Tensor, prior: Tensor) -> Tensor:
    """Kullback-Leibler divergence of p from a prior, both of shape (n_emotions,).

    >>> import torch
    >>> float(divergence(torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.5])))
    0.0
    """
    return (p * (p.clamp_min(1e-8).log() - prior.clamp_min(1e-8).log())).sum()
