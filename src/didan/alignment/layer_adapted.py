"""Implicit distribution alignment within groups of emotions: the finer terms of LIDAN.

LIDAN (Zhao et al., arXiv 2310.03992) puts three modified IDA terms, which use labels at different granularity,
in successive fully connected layers. What the terms are in detail is ours: see :func:`grouped_alignment`.
"""

from typing import Unpack

import torch
from torch import Tensor

from didan.alignment.ida import Alignment, normalise_together, reconstruction_error
from didan.alignment.marginals import class_balanced_marginal
from didan.alignment.reconstruction import ReconstructionOptions


def grouped_alignment(
    h_s: Tensor,
    h_t: Tensor,
    labels_s: Tensor,
    labels_t: Tensor,
    groups: Tensor,
    **options: Unpack[ReconstructionOptions],
) -> Alignment:
    """IDA with every target utterance reconstructed from source utterances of its own group alone.

        L = (1/n_t) * sum_g min_W_g ||H_t,g - W_g H_s,g||_F^2 + Omega(W_g)

    Both batches are centred and scaled once, as wholes, so the groups keep their places. Target utterances of a
    group without a source utterance in the batch are left out. With one group this is IDA.

    Args:
        h_s: source features, shape (n_s, d).
        h_t: target features, shape (n_t, d).
        labels_s: class indices, shape (n_s,).
        labels_t: pseudo-labels, shape (n_t,).
        groups: group of each class, shape (n_classes,).
        **options: as :func:`didan.alignment.reconstruct` takes them; the source marginal gives the emotions of
            a group equal weight.

    >>> h, y = torch.eye(4), torch.tensor([0, 1, 2, 3])
    >>> float(grouped_alignment(h, h, y, y, torch.tensor([0, 0, 1, 1]), constraint="convex", penalty="none").loss)
    0.0
    """
    H_s, H_t = normalise_together(h_s, h_t)
    of_s, of_t = groups[labels_s], groups[labels_t]
    losses, residuals, n_aligned = [], 0.0, 0
    for group in torch.unique(of_t):
        in_s, in_t = of_s == group, of_t == group
        n_members = int(in_t.sum())
        if not in_s.any():
            continue
        options["source_marginal"] = class_balanced_marginal(labels_s[in_s])
        part = reconstruction_error(H_s[in_s], H_t[in_t], **options)
        losses.append(n_members * part.loss)
        residuals += n_members * part.diagnostics["residual"] ** 2
        n_aligned += n_members
    if not losses:
        return Alignment(0 * (h_s.sum() + h_t.sum()), {"residual": float("nan")})
    return Alignment(torch.stack(losses).sum() / len(H_t), {"residual": (residuals / n_aligned) ** 0.5})
