"""Transfer component analysis: components of a kernel in which both corpora have one mean."""

import numpy as np

from didan.classical.kernel_components import KernelComponents, Mask, leading_components
from didan.classical.method import Array, ClassicalMethod
from didan.classical.svm import AdaptedSVM, linear_svm


class TransferComponents(KernelComponents):
    """TCA (Pan, Tsang, Kwok and Yang 2011), unsupervised.

        min_A tr(A^T K e e^T K A) + mu tr(A^T A)    subject to A^T K H K A = I

    Our own: skada 0.6 gives the matrix (I + mu K e e^T K)^-1 K H K to a solver for symmetric matrices, which it is
    not, so its components are somewhat off, and not scaled to the constraint (its mu is 1/mu here).

    Args:
        n_components: k.
        mu: weight of the ridge; 1 is ours.
    """

    def __init__(self, n_components: int = 40, mu: float = 1.0) -> None:
        super().__init__(n_components)
        self.mu = mu

    def coefficients(self, K: Array, difference: Array, source: Mask) -> Array:
        """See :class:`KernelComponents`."""
        return leading_components(K, difference, np.full(len(K), self.mu), self.n_components)


METHOD = ClassicalMethod(
    name="tca",
    summary="transfer component analysis (RBF kernel, 40 components), then a linear SVM",
    reference="Pan, Tsang, Kwok and Yang, Domain adaptation via transfer component analysis, TNN 2011",
    make=lambda seed: AdaptedSVM(TransferComponents(), linear_svm(seed)),
)
