"""DoSL: least squares onto emotions with the mean of both corpora at one place."""

import numpy as np

from didan.classical.linear import SPARSITY, Centred, LinearAdaptation
from didan.classical.method import Array, ClassicalMethod


class DoSL(LinearAdaptation):
    """Domain-adaptive subspace learning (DaLSR of Zong et al. 2016, renamed DoSL by Liu et al. 2018), as recalled.

        min_P ||L_s - P^T X_s||_F^2 + lambda ||mean(P^T X_s) - mean(P^T X_t)||^2 + mu ||P^T||_2,1

    Ours: weights, centring and the scale of mu (see :mod:`didan.classical.linear`), the source's mean being the
    class-balanced one; and the solver, proximal gradient to a duality gap of 1e-6. After corpus normalisation both
    plain means are 0 and nothing is left of the second term but what the source's imbalance makes of it.

    Args:
        trade_off: lambda, per utterance. 1, ours: a gap between the means counts as much as a regression error
            of that size in every utterance.
        sparsity: mu as a fraction of the smallest weight at which P = 0.
    """

    def __init__(self, trade_off: float = 1.0, sparsity: float = SPARSITY) -> None:
        self.trade_off = trade_off
        self.sparsity = sparsity

    def minimise(self, data: Centred) -> Array:
        """See :class:`didan.classical.linear.LinearAdaptation`."""
        return data.solve(np.sqrt(self.trade_off) * marginal_gap(data), self.sparsity)


def marginal_gap(data: Centred) -> Array:
    """Mean of the source less that of the target, as one row, shape (1, d)."""
    return np.asarray(-data.X_t.mean(axis=0, keepdims=True))  # the source's is 0


METHOD = ClassicalMethod(
    name="dosl",
    summary="DoSL: sparse label regression that matches the corpora's means",
    reference="Zong, Zheng, Zhang and Huang, Cross-corpus speech emotion recognition based on domain-adaptive "
    "least-squares regression, IEEE Signal Processing Letters 2016; Liu et al., ICASSP 2018",
    make=lambda seed: DoSL(),
)
