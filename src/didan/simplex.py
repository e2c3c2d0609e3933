"""The probability simplex."""

import torch
from torch import Tensor


def project_simplex(x: Tensor) -> Tensor:
    """Nearest point with nonnegative entries that sum to 1, for each row.

    By sorting (Held, Wolfe and Crowder 1974): with u the row in descending order it is ``max(x - theta, 0)`` where
    ``theta = max_k (sum_{i<=k} u_i - 1) / k``; the k that attains it is how many entries stay positive.

    Args:
        x: shape (n, d).

    Returns:
        Shape (n, d).

    >>> project_simplex(torch.tensor([[2.0, 1.5, -1.0]]))
    tensor([[0.7500, 0.2500, 0.0000]])
    """
    excess = x.sort(dim=1, descending=True).values.cumsum(dim=1) - 1
    ranks = torch.arange(1, x.shape[1] + 1, dtype=x.dtype, device=x.device)
    return (x - (excess / ranks).amax(dim=1, keepdim=True)).clamp_min(0)
