"""The probability simplex."""

import torch
from torch import Tensor


def project_simplex(x: Tensor) -> Tensor:
    """Nearest point with nonnegative entries that sum to 1, for each row.

    By sorting (Held, Wolfe and Crowder 1974): with u the row in descending order and rho the last k with
    ``u_k > (sum_{i<=k} u_i - 1) / k``, the projection is ``max(x - (sum_{i<=rho} u_i - 1) / rho, 0)``.

    Args:
        x: shape (n, d).

    Returns:
        Shape (n, d).

    >>> project_simplex(torch.tensor([[2.0, 1.5, -1.0]]))
    tensor([[0.7500, 0.2500, 0.0000]])
    """
    ordered = x.sort(dim=1, descending=True).values
    excess = ordered.cumsum(dim=1) - 1
    ranks = torch.arange(1, x.shape[1] + 1, dtype=x.dtype, device=x.device)
    rho = (ordered * ranks > excess).sum(dim=1, keepdim=True)
    return (x - excess.gather(1, rho - 1) / rho).clamp_min(0)
