"""Implicit distribution alignment: target features must be reconstructable from source features.

    L_IDA = min_W (1/n_t) * ( ||H_t - W H_s||_F^2 + Omega(W) )

The idea is the paper's (Zhao et al., ICASSP 2023, arXiv 2302.08921): no moments, no assumed form of
distribution. The formula as written, the normalisation, the constraints on W and the solver are ours.

With W* the minimiser, the gradient of L_IDA with respect to the features is the partial gradient at W* held
fixed (Danskin's theorem), so W is solved without recording anything and one step on the network is as exact as W.
The absolute weight tau, which follows the features as a fraction of tau_max, is held fixed as well.
"""

from dataclasses import dataclass
from typing import Unpack

import torch
from torch import Tensor
from torch.nn.functional import normalize

from didan.alignment.reconstruction import ReconstructionOptions, reconstruct


@dataclass(frozen=True)
class Alignment:
    """What an alignment says of a pair of batches: the loss, and figures worth watching while training."""

    loss: Tensor
    diagnostics: dict[str, float]


def implicit_distribution_alignment(h_s: Tensor, h_t: Tensor, **options: Unpack[ReconstructionOptions]) -> Tensor:
    """L_IDA between a source and a target batch, differentiable in both.

    Features are first centred and scaled, see :func:`normalise_together`.

    Args:
        h_s: source features, shape (n_s, d).
        h_t: target features, shape (n_t, d).
        **options: penalty, constraint, tau and so on, as :func:`didan.alignment.reconstruct` takes them.

    Returns:
        A scalar.

    >>> import torch
    >>> h = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    >>> loss = implicit_distribution_alignment(h, h.flip(0), constraint="convex", penalty="none")
    >>> bool(loss < 1e-5)      # a permuted source is reconstructed without error
    True
    """
    return align(h_s, h_t, **options).loss


def align(h_s: Tensor, h_t: Tensor, **options: Unpack[ReconstructionOptions]) -> Alignment:
    """:func:`implicit_distribution_alignment` with its diagnostics.

    These are ``residual`` (``||H_t - W H_s||_F / ||H_t||_F``, 1 where W has vanished and nothing is aligned),
    ``used`` (source utterances per target utterance with a coefficient beyond 1e-3 of the largest) and
    ``gap`` (of the solver, as a fraction of ``||H_t||_F^2``).
    """
    H_s, H_t = normalise_together(h_s, h_t)
    return reconstruction_error(H_s, H_t, **options)


def reconstruction_error(H_s: Tensor, H_t: Tensor, **options: Unpack[ReconstructionOptions]) -> Alignment:
    """L_IDA of features that are centred and scaled already; see :func:`align`."""
    solution = reconstruct(H_t.detach(), H_s.detach(), **options)
    residual = (H_t - solution.coefficients @ H_s).square().sum()
    weights = solution.coefficients.abs()
    largest = weights.amax(dim=1, keepdim=True)
    rounding = torch.finfo(weights.dtype).eps  # what is left of coefficients that have vanished
    used = ((weights > (1e-3 * largest).clamp_min(rounding)).sum(dim=1)).double().mean()
    n_t = len(H_t)  # rows have length 1, so ||H_t||_F^2 = n_t
    return Alignment(
        (residual + solution.penalty) / n_t,
        {"residual": float(residual.detach() / n_t) ** 0.5, "used": float(used), "gap": solution.gap / n_t},
    )


def normalise_together(h_s: Tensor, h_t: Tensor) -> tuple[Tensor, Tensor]:
    """Centre both batches at one point, half way between their means, and scale every row to length 1.

    Without the scaling the network lowers the loss by shrinking its features, without the common centre by
    adding one large constant to them all; both make everything reconstructable, align nothing and end in
    collapse. A difference between the two means stays, since the centre is the same for both.

    Args:
        h_s: source features, shape (n_s, d).
        h_t: target features, shape (n_t, d).
    """
    centre = (h_s.mean(dim=0) + h_t.mean(dim=0)) / 2
    return normalize(h_s - centre), normalize(h_t - centre)
