"""Gaussian kernels of several widths, and the discrepancies between weighted sets of samples made of them."""

import torch
from torch import Tensor

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Kernel widths as multiples of the mean squared distance."""


def gaussian_kernels(h: Tensor) -> Tensor:
    """Sum of Gaussian kernels, ``k(x, y) = sum_m exp(-||x - y||^2 / (WIDTHS_m * b))``.

    b is the mean squared distance between different rows (Gretton et al., NeurIPS 2012, after their median), held
    fixed when the gradient is taken, as in Long et al. (ICML 2015).

    Args:
        h: features of both corpora, shape (n, d).

    Returns:
        Shape (n, n).

    >>> gaussian_kernels(torch.zeros(2, 3))
    tensor([[5., 5.],
            [5., 5.]])
    """
    squares = h.square().sum(dim=1)
    distances = (squares[:, None] + squares - 2 * h @ h.T).clamp_min(0)
    bandwidth = distances.detach().sum() / max(len(h) * (len(h) - 1), 1)
    scaled = distances / bandwidth.clamp_min(torch.finfo(h.dtype).tiny)
    return torch.stack([torch.exp(-scaled / width) for width in WIDTHS]).sum(dim=0)


def discrepancy(kernel: Tensor, source_weights: Tensor, target_weights: Tensor) -> Tensor:
    """Squared distance between two weighted means in the kernel's feature space.

    ``v^T K v`` with ``v = (w_s, -w_t)``; with ``w_s = 1/n_s``, ``w_t = 1/n_t`` the biased estimate of MMD^2.

    Args:
        kernel: of the source rows followed by the target rows, shape (n_s + n_t, n_s + n_t).
        source_weights: shape (n_s,) or, for several pairs of means at once, (n_s, c).
        target_weights: shape (n_t,) or (n_t, c).

    Returns:
        A scalar, or shape (c,).
    """
    v = torch.cat([source_weights, -target_weights])
    return (v * (kernel @ v)).sum(dim=0)


def uniform_weights(h: Tensor) -> Tensor:
    """``1/n`` for each of the n rows."""
    return h.new_full((len(h),), 1 / len(h))
