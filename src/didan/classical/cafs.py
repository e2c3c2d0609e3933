"""CAFS: features that tell emotions apart and do not depend on the corpus, and a linear SVM on them."""

from typing import Any

import numpy as np
from scipy.stats import wasserstein_distance

from didan.classical.linear import SPARSITY, Centred, LinearAdaptation
from didan.classical.method import Array, ClassicalMethod, Labels
from didan.classical.svm import AdaptedSVM, linear_svm


def feature_distances(X_s: Array, X_t: Array) -> Array:
    """d, the 1-Wasserstein distance between two corpora in every feature, shape (d,).

    >>> feature_distances(np.array([[0.0], [1.0]]), np.array([[2.0], [3.0]]))
    array([2.])
    """
    return np.array([wasserstein_distance(s, t) for s, t in zip(X_s.T, X_t.T, strict=True)])


class CorpusInvariant(LinearAdaptation):
    """Transfer subspace regression whose projection selects features.

        min_P ||L_s - P^T X_s||_F^2 + lambda sum_j d_j^2 ||P_j||^2 + mu ||P||_2,1

    The paper's: the penalty on rows of the projection, to find features that do not depend on the corpus. Ours:
    the rest. d_j is the 1-Wasserstein distance between source and target in feature j, in deviations of the
    normalised features; means agree once both are normalised, distributions need not.

    Args:
        trade_off: lambda; at 10 a feature that is 0.3 deviations off counts about half.
        sparsity: mu as a fraction of the smallest weight at which P = 0.
    """

    def __init__(self, trade_off: float = 10.0, sparsity: float = SPARSITY) -> None:
        self.trade_off = trade_off
        self.sparsity = sparsity

    def minimise(self, data: Centred) -> Array:
        """See :class:`didan.classical.linear.LinearAdaptation`."""
        distances = feature_distances(data.X_s, data.X_t)
        return data.solve(np.sqrt(self.trade_off) * np.diag(distances), self.sparsity)


class Selection:
    """Keeps the features that :class:`CorpusInvariant` gives a weight.

    Attributes:
        kept_: which ones, shape (d,).
    """

    def __init__(self, regression: CorpusInvariant) -> None:
        self.regression = regression

    def fit_transform(self, X: Array, y: Labels, *, sample_domain: Labels) -> Array:
        """See :class:`didan.classical.svm.Adapter`."""
        weights = np.linalg.norm(self.regression.fit(X, y, sample_domain).P_, axis=1)
        self.kept_ = weights > 0
        return X[:, self.kept_]

    def transform(self, X: Array, **domains: Any) -> Array:
        """See :class:`didan.classical.svm.Adapter`."""
        return X[:, self.kept_]


METHOD = ClassicalMethod(
    name="cafs",
    summary="CAFS: features that do not depend on the corpus, and a linear SVM on them",
    reference="Lian et al., Corpus-invariant feature selection, Expert Systems with Applications 2024",
    make=lambda seed: AdaptedSVM(Selection(CorpusInvariant()), linear_svm(seed)),
)
