"""Linear regression onto emotions with something aligned: what DoSL, JDAR and JIASL have in common.

    min_P  sum_i w_i ||l_i - P^T x_i||^2  +  ||R P||_F^2  +  mu ||P||_2,1            P in R^(d x C)

x_i are the source's features, l_i its one-hot labels; the rows of R are directions of the features in which a
method wants both corpora to agree; the last term sums the norms of P's rows, one per feature, so it selects
features.

Ours: w_i gives every emotion the same weight in all, and the sum of the weights is 1; features and labels are
centred at their weighted means, which is the best bias; mu is a fraction of the smallest weight at which P = 0.
R does not change that weight, since P = 0 agrees already: at any fraction below 1, however strong the
alignment, P does not vanish. The trade-offs of DoSL, JDAR and JIASL were fixed by their scale and tried on
Gaussian data alone, before any corpus.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch

from didan.alignment import reconstruct
from didan.alignment.reconstruction import proximal_gradient
from didan.alignment.regularisers import SparseGroup
from didan.classical.method import Array, Labels

SPARSITY = 0.05
"""mu as a fraction, for DoSL, JDAR, JIASL. Ours: about what chance gives a useless feature of 500 utterances."""


@dataclass(frozen=True)
class Centred:
    """Both corpora around the class-balanced mean of the source.

    Attributes:
        X_s: source features, shape (n_s, d).
        X_t: target features, shape (n_t, d).
        L: one-hot labels less 1/C, shape (n_s, C).
        weights: w, shape (n_s,).
        classes: which class each source utterance belongs to, shape (n_s,), from 0 to C - 1.
    """

    X_s: Array
    X_t: Array
    L: Array
    weights: Array
    classes: Labels

    def pseudo_labels(self, P: Array) -> Labels:
        """The target's classes as P predicts them, shape (n_t,)."""
        return np.asarray((self.X_t @ P).argmax(axis=1))

    def solve(self, R: Array, sparsity: float) -> Array:
        """The minimising P of the objective above, shape (d, C).

        With the rows of R as further utterances whose labels are 0 this is a group lasso, for which
        :func:`didan.alignment.reconstruct` has a solver that knows how far from the minimum it is.

        Args:
            R: shape (m, d).
            sparsity: mu as a fraction of the smallest weight at which P = 0.
        """
        A, B = self._rows(R)
        solved = reconstruct(torch.from_numpy(B.T), torch.from_numpy(A.T), penalty="l21", tau=sparsity)
        return np.asarray(solved.coefficients.T.numpy())

    def solve_by_family(self, R: Array, families: Labels, sparsity: float, share: float) -> Array:
        """The minimising P with the sparse group lasso's penalty in place of mu ||P||_2,1.

        Args:
            R: shape (m, d).
            families: number of the group of each feature, shape (d,).
            sparsity: of the penalty, as a fraction of the smallest weight at which P = 0.
            share: of the groups in it, see :class:`didan.alignment.regularisers.SparseGroup`.
        """
        A, B = (torch.from_numpy(rows.T) for rows in self._rows(R))
        groups = torch.from_numpy(families)
        largest = 1 / float(SparseGroup(1.0, groups, share).stretch(2 * B @ A.T))
        W, *_ = proximal_gradient(B, A, SparseGroup(sparsity * largest, groups, share), 1e-6, 10_000)
        return np.asarray(W.T.numpy())

    def objective(self, P: Array, R: Array, sparsity: float) -> float:
        """The value of the objective above at P."""
        A, B = self._rows(R)
        mu = sparsity * 2 * np.linalg.norm(A.T @ B, axis=1).max()
        return float(np.square(B - A @ P).sum() + mu * np.linalg.norm(P, axis=1).sum())

    def _rows(self, R: Array) -> tuple[Array, Array]:
        root = np.sqrt(self.weights)[:, None]
        agreement = np.zeros((len(R), self.L.shape[1]))
        return np.concatenate([root * self.X_s, R]), np.concatenate([root * self.L, agreement])


class LinearAdaptation:
    """Base of them: subclasses say in :meth:`minimise` what is aligned.

    Attributes:
        classes_: class indices that occur in the source, shape (C,).
        centre_: class-balanced mean of the source, shape (d,).
        P_: shape (d, C).
    """

    classes_: Labels
    centre_: Array
    P_: Array

    def minimise(self, data: Centred) -> Array:
        """P of the method, shape (d, C)."""
        raise NotImplementedError

    def fit(self, X: Array, y: Labels, sample_domain: Labels) -> Self:
        """Fit to X, shape (n, d), and the labels of the source, where ``sample_domain`` is positive."""
        source = sample_domain >= 0
        self.classes_, classes = np.unique(y[source], return_inverse=True)
        n_classes = len(self.classes_)
        weights = 1 / (n_classes * np.bincount(classes)[classes])
        self.centre_ = weights @ X[source]
        X = X - self.centre_
        L = np.eye(n_classes)[classes] - 1 / n_classes
        self.P_ = self.minimise(Centred(X[source], X[~source], L, weights, classes))
        return self

    def transform(self, X: Array, sample_domain: Labels | None = None) -> Array:
        """Projections P^T x, shape (n, C), the same for both domains."""
        return np.asarray((X - self.centre_) @ self.P_)

    def decision_function(self, X: Array) -> Array:
        """Regressed one-hot labels, shape (n, C)."""
        return self.transform(X) + 1 / len(self.classes_)

    def predict(self, X: Array) -> Labels:
        """Class indices, shape (n,)."""
        return np.asarray(self.classes_[self.transform(X).argmax(axis=1)])
