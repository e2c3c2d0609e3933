"""Components of a kernel over both corpora: what TCA and TJM have in common."""

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.metrics.pairwise import rbf_kernel

from didan.classical.method import Array, Labels

Mask = npt.NDArray[np.bool_]


class KernelComponents:
    """An adapter ``x -> k(x, X) A`` onto components of the RBF kernel ``exp(-||x - x'||^2 / d)``.

    On z-normalised features the squared distance of two utterances is about 2 d, so a width of d keeps the kernel
    away from both 0 and 1. Width and number of components are ours.

    Args:
        n_components: k; fewer where the kernel has a lower rank.
    """

    def __init__(self, n_components: int = 40) -> None:
        self.n_components = n_components

    def coefficients(self, K: Array, difference: Array, source: Mask) -> Array:
        """A of the method, shape (n, k).

        Args:
            K: kernel of all utterances, shape (n, n).
            difference: e with e_i = 1/n_s in the source and -1/n_t in the target, shape (n,).
            source: which utterances are of the source, shape (n,), boolean.
        """
        raise NotImplementedError

    def fit_transform(self, X: Array, y: Labels, *, sample_domain: Labels) -> Array:
        """See :class:`didan.classical.svm.Adapter`."""
        source = sample_domain >= 0
        difference = np.where(source, 1 / source.sum(), -1 / (~source).sum())
        self.X_ = X
        K = rbf_kernel(X)
        self.A_ = self.coefficients(K, difference, source)
        return np.asarray(K @ self.A_)

    def transform(self, X: Array, *, sample_domain: Labels, allow_source: bool) -> Array:
        """See :class:`didan.classical.svm.Adapter`."""
        return np.asarray(rbf_kernel(X, self.X_) @ self.A_)


def leading_components(K: Array, difference: Array, ridge: Array, n_components: int) -> Array:
    """Solve ``min_A tr(A^T (K e e^T K + diag(r)) A)`` subject to ``A^T K H K A = I``, H = I - 1 1^T / n.

    With B = K e e^T K + diag(r), the solution are the leading eigenvectors of B^-1 K H K. B is a diagonal matrix
    and one of rank one, so ``B^(-1/2)`` costs nothing, and a Lanczos iteration on ``B^(-1/2) K H K B^(-1/2)``
    needs only products with K.

    Args:
        K: shape (n, n).
        difference: e, shape (n,), scaled as the method wants it.
        ridge: r, shape (n,), positive.
        n_components: k.

    Returns:
        A, shape (n, k), the largest eigenvalue first.

    >>> A = leading_components(np.diag([3.0, 2.0, 1.0]), np.zeros(3), np.ones(3), 1)
    >>> bool(np.isclose(A[:, 0] @ np.array([[6, -2, -1], [-2, 8/3, -2/3], [-1, -2/3, 2/3]]) @ A[:, 0], 1))
    True
    """
    n = len(K)
    root = np.sqrt(ridge)
    w = (K @ difference) / root
    length = float(w @ w)
    shrink = (1 - 1 / np.sqrt(1 + length)) / length if length > 0 else 0.0

    def narrow(x: Array) -> Array:
        """diag(r)^(-1/2) (I + w w^T)^(-1/2) x, a square root of B^-1."""
        return np.asarray((x - shrink * w * (w @ x)) / root)

    def apply(x: Array) -> Array:
        projected = K @ narrow(x.ravel())
        mapped = (K @ (projected - projected.mean())) / root
        return np.asarray(mapped - shrink * w * (w @ mapped))

    start = np.random.default_rng(0).standard_normal(n)  # any; fixed so that results repeat
    operator = LinearOperator((n, n), matvec=apply, dtype=np.float64)
    values, vectors = eigsh(operator, k=min(n_components, n - 1), which="LA", v0=start)
    order = [i for i in np.argsort(values)[::-1] if values[i] > 1e-10 * values.max()]  # K may have a lower rank
    A = np.stack([narrow(vectors[:, i]) / np.sqrt(values[i]) for i in order], axis=1)
    # The sign of an eigenvector is arbitrary; the largest coefficient is made positive.
    return np.asarray(A * np.sign(A[np.abs(A).argmax(axis=0), np.arange(A.shape[1])]))
