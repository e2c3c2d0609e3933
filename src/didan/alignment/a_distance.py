"""The proxy A-distance: how well a linear classifier tells two batches apart."""

import torch
from torch import Tensor


def proxy_a_distance(h_s: Tensor, h_t: Tensor) -> float:
    """``2 (1 - 2 error)`` (Ben-David et al., NIPS 2006), 0 where a classifier is no better than guessing.

    The classifier is ridge regression to 1 and -1, its error that of leaving one utterance out, which has a closed
    form: with A the matrix that maps labels to their fit, the fit of utterance i by all others is
    ``y_i - (y_i - (A y)_i) / (1 - A_ii)``. The penalty is the mean eigenvalue of the features' scatter.

    Args:
        h_s: features, shape (n_s, d), at least two.
        h_t: features, shape (n_t, d), at least two.

    >>> proxy_a_distance(torch.zeros(4, 1), torch.ones(4, 1))
    2.0
    """
    h = torch.cat([h_s, h_t]).detach().double()
    y = torch.cat([torch.ones(len(h_s)), -torch.ones(len(h_t))]).to(h)
    # Both sides count alike, however many utterances they have.
    weights = 0.5 / torch.where(y > 0, len(h_s), len(h_t)).to(h)
    root = weights.sqrt()[:, None]
    centred = root * (h - (weights[:, None] * h).sum(dim=0))
    products = centred @ centred.T
    penalty = (products.diagonal().sum() / h.shape[1]).clamp_min(1e-12)
    fitted = torch.linalg.solve(products + penalty * torch.eye(len(h)).to(h), products) + root @ root.T
    target = root[:, 0] * y
    left_out = target - (target - fitted @ target) / (1 - fitted.diagonal())
    error = float((weights * (left_out * y <= 0)).sum())
    return max(2 * (1 - 2 * error), 0.0)
