"""Maximum mean discrepancy within each class: DSAN."""

import torch
from torch import Tensor

from didan.alignment.kernels import discrepancy, gaussian_kernels


def local_mmd(h_s: Tensor, h_t: Tensor, y_s: Tensor, p_t: Tensor) -> Tensor:
    """LMMD, the mean over classes of the squared MMD between weighted members (DSAN: Zhu et al., TNNLS 2021).

    The weight of utterance i in class c is ``y_ic / sum_j y_jc``: labels in the source, predicted probabilities
    in the target. Classes without a source utterance in the batch are left out.

    Args:
        h_s: source features, shape (n_s, d).
        h_t: target features, shape (n_t, d).
        y_s: one-hot labels, shape (n_s, c).
        p_t: predicted probabilities of the target, shape (n_t, c).

    Returns:
        A scalar, at least 0.

    >>> h, y = torch.tensor([[0.0], [1.0]]), torch.eye(2)
    >>> float(local_mmd(h, h, y, y)), bool(local_mmd(h, h, y, y.flip(0)) > 1)
    (0.0, True)
    """
    present = y_s.sum(dim=0) > 0
    w_s, w_t = (w[:, present] / w[:, present].sum(dim=0).clamp_min(1e-6) for w in (y_s, p_t))
    return discrepancy(gaussian_kernels(torch.cat([h_s, h_t])), w_s, w_t).mean()
