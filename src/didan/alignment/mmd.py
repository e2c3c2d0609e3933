"""Maximum mean discrepancy with several kernels, over one layer or more: DAN and JAN."""

from collections.abc import Sequence

import torch
from torch import Tensor

from didan.alignment.kernels import discrepancy, gaussian_kernels, uniform_weights


def multi_kernel_mmd(h_s: Tensor, h_t: Tensor) -> Tensor:
    """Squared MMD between two batches (DAN: Long et al., ICML 2015).

    ``|| mean_i phi(h_s,i) - mean_j phi(h_t,j) ||^2`` in the feature space of the sum of Gaussian kernels of
    :func:`didan.alignment.kernels.gaussian_kernels`; all pairs (the biased estimate), equal kernel weights.

    Args:
        h_s: source features, shape (n_s, d).
        h_t: target features, shape (n_t, d).

    Returns:
        A scalar, at least 0.

    >>> h = torch.tensor([[0.0], [1.0]])
    >>> float(multi_kernel_mmd(h, h.flip(0)))
    0.0
    """
    return joint_mmd([(h_s, h_t)])


def joint_mmd(layers: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Squared MMD of the joint distribution of several layers (JAN: Long et al., ICML 2017).

    The kernel of a pair of utterances is the product over layers of their kernels in each layer.

    Args:
        layers: source and target features of each layer, shapes (n_s, d) and (n_t, d).

    Returns:
        A scalar, at least 0.
    """
    kernel = torch.stack([gaussian_kernels(torch.cat(pair)) for pair in layers]).prod(dim=0)
    h_s, h_t = layers[0]
    return discrepancy(kernel, uniform_weights(h_s), uniform_weights(h_t))
