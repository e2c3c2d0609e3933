"""Subspace alignment: principal axes of the source are turned into those of the target."""

import numpy as np

from didan.classical.method import Array, ClassicalMethod, Labels
from didan.classical.svm import AdaptedSVM, linear_svm
from didan.extras import require

_EXPLAINED = 0.9


class SubspaceAlignment:
    """Subspace alignment, by skada, with the number of components found from the data.

        X_s <- X_s P_s P_s^T P_t        X_t <- X_t P_t        P: the first k principal axes, shape (d, k)

    Nothing is aligned where k = d. So k is the smallest number of components that hold 90 % of the variance of
    the source and of the target. That rule is ours; the paper bounds k by the stability of the subspaces or
    validates it.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit_transform(self, X: Array, y: Labels, *, sample_domain: Labels) -> Array:
        """See :class:`didan.classical.svm.Adapter`."""
        source = sample_domain >= 0
        self.n_components_ = max(components_holding(X[source]), components_holding(X[~source]))
        skada = require("skada", "benchmark", "method sa")
        self.adapter_ = skada.SubspaceAlignmentAdapter(self.n_components_, random_state=self.seed)
        return np.asarray(self.adapter_.fit_transform(X, y, sample_domain=sample_domain))

    def transform(self, X: Array, *, sample_domain: Labels, allow_source: bool) -> Array:
        """See :class:`didan.classical.svm.Adapter`."""
        return np.asarray(self.adapter_.transform(X, sample_domain=sample_domain, allow_source=allow_source))


def components_holding(X: Array, share: float = _EXPLAINED) -> int:
    """How many principal components hold that share of the variance.

    Args:
        X: shape (n, d).
        share: between 0 and 1.

    >>> components_holding(np.array([[3.0, 1.0], [-3.0, 1.0], [0.0, -2.0]]))     # variances 18 and 6
    2
    >>> components_holding(np.array([[3.0, 1.0], [-3.0, 1.0], [0.0, -2.0]]), 0.7)
    1
    """
    variances = np.square(np.linalg.svd(X - X.mean(axis=0), compute_uv=False))
    shares = np.cumsum(variances) / variances.sum()
    return int(np.searchsorted(shares, share)) + 1


METHOD = ClassicalMethod(
    name="sa",
    summary="principal subspace of the source aligned with the target's, then a linear SVM",
    reference="Fernando, Habrard, Sebban and Tuytelaars, Unsupervised visual domain adaptation using subspace "
    "alignment, ICCV 2013",
    make=lambda seed: AdaptedSVM(SubspaceAlignment(seed), linear_svm(seed)),
)
