"""AKTLR: least squares onto emotions, sparse in families of acoustic parameters and inside them."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from didan.classical.dosl import marginal_gap
from didan.classical.linear import SPARSITY, Centred, LinearAdaptation
from didan.classical.method import Array, ClassicalMethod, Labels


class AKTLR(LinearAdaptation):
    """Acoustic knowledge-guided transfer linear regression.

        min_P ||L_s - P^T X_s||_F^2 + lambda ||mean(P^T X_s) - mean(P^T X_t)||^2
              + mu ( a sum_g sqrt(n_g) ||P_g||_F + (1 - a) ||P||_1 )

    The paper's: a transfer term, and dual sparsity, of families g of acoustic parameters and of elements inside
    each. Ours: the formula, with the weights and the scale of mu of :mod:`didan.classical.linear`, the
    families, see :mod:`didan.features.families`, and a = 0.05, customary for the sparse group lasso (Simon et al.,
    JCGS 2013): with more the families alone decide, and hardly an element inside them is 0.

    Args:
        trade_off: lambda, as for :class:`didan.classical.dosl.DoSL`.
        sparsity: mu as a fraction of the smallest weight at which P = 0.
        share: a, of the families in the penalty, in (0, 1].

    Attributes:
        kept_: share of ||P||_F^2 of every family, by name; 0 for those that are left out.
    """

    def __init__(self, trade_off: float = 1.0, sparsity: float = SPARSITY, share: float = 0.05) -> None:
        self.trade_off = trade_off
        self.sparsity = sparsity
        self.share = share

    def fit(self, X: Array, y: Labels, sample_domain: Labels, families: Sequence[str] | None = None) -> Self:
        """See :class:`didan.classical.linear.LinearAdaptation`; families of the features, one if None."""
        names, self._numbers = np.unique(families or ["all"] * X.shape[1], return_inverse=True)
        super().fit(X, y, sample_domain)
        squares = np.bincount(self._numbers, np.square(self.P_).sum(axis=1))
        self.kept_ = dict(zip(names.tolist(), (squares / max(squares.sum(), 1e-300)).tolist(), strict=True))
        return self

    def minimise(self, data: Centred) -> Array:
        """See :class:`didan.classical.linear.LinearAdaptation`."""
        gap = np.sqrt(self.trade_off) * marginal_gap(data)
        return data.solve_by_family(gap, self._numbers, self.sparsity, self.share)


METHOD = ClassicalMethod(
    name="aktlr",
    summary="AKTLR: label regression, sparse in families of acoustic parameters and inside them",
    reference="Zhao et al., Towards domain-specific cross-corpus speech emotion recognition approach, IEEE "
    "Transactions on Computational Social Systems 2024, arXiv 2312.06466",
    make=lambda seed: AKTLR(),
    by_family=True,
)
