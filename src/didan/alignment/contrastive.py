"""Contrastive losses: pull utterances to their positives, push them from all others."""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def contrastive(
    anchors: Tensor,
    candidates: Tensor,
    positive: Tensor,
    excluded: Tensor | None = None,
    temperature: float = 0.1,
) -> Tensor:
    """Supervised contrastive loss (Khosla et al., NeurIPS 2020, eq. 2) of anchors among candidates.

    ``- mean_i mean_{p in P(i)} log( exp(a_i.c_p / T) / sum_j exp(a_i.c_j / T) )``, rows scaled to length 1.
    Anchors without a positive are left out.

    Args:
        anchors: shape (n, d).
        candidates: shape (m, d).
        positive: whether a candidate is a positive of an anchor, shape (n, m).
        excluded: candidates that do not count for an anchor, such as itself, shape (n, m).
        temperature: T.

    Returns:
        A scalar, 0 where no anchor has a positive.

    >>> h = torch.eye(2)
    >>> near, far = (contrastive(h, h, torch.eye(2) == same) for same in (1, 0))
    >>> bool(near < 1e-3), bool(far > 9)
    (True, True)
    """
    similarity = normalize(anchors) @ normalize(candidates).T / temperature
    if excluded is not None:
        similarity = similarity.masked_fill(excluded, -torch.inf)
        positive = positive & ~excluded
    n_positive = positive.sum(dim=1)
    has_positive = n_positive > 0
    if not has_positive.any():
        return anchors.new_zeros(()) * anchors.sum()  # with a gradient, of zeros
    log_share = similarity - similarity.logsumexp(dim=1, keepdim=True)
    per_anchor = torch.where(positive, log_share, 0).sum(dim=1)[has_positive] / n_positive[has_positive]
    return -per_anchor.mean()
