"""Transfer joint matching: components of one mean, made of those source utterances that resemble the target."""

import numpy as np

from didan.classical.kernel_components import KernelComponents, Mask, leading_components
from didan.classical.method import Array, ClassicalMethod
from didan.classical.svm import AdaptedSVM, linear_svm

_SMALLEST = 1e-8


class TransferJointMatching(KernelComponents):
    """TJM (Long, Wang, Ding, Sun and Yu 2014).

        min_A tr(A^T K M K A) + l (||A_s||_2,1 + ||A_t||_F^2)    subject to A^T K H K A = I

    with M = e e^T / ||e e^T||_F, and A_s, A_t the rows of A that belong to the source and the target. Solved by
    reweighting: a row a_i of the source enters as ||a_i||^2 / (2 ||a_i||) with the norm of the round before,
    which never raises the objective.

    Our own: skada 0.6 compares the loss of the first round with a negative number and so always stops there,
    before any utterance is reweighted.

    Args:
        n_components: k.
        trade_off: l; 1 is ours.
        rounds: of reweighting; it stops earlier once the objective falls by less than a thousandth.

    Attributes:
        objective_: its value after every round.
    """

    def __init__(self, n_components: int = 40, trade_off: float = 1.0, rounds: int = 10) -> None:
        super().__init__(n_components)
        self.trade_off = trade_off
        self.rounds = rounds

    def coefficients(self, K: Array, difference: Array, source: Mask) -> Array:
        """See :class:`KernelComponents`."""
        e = difference / np.linalg.norm(difference)
        ridge = np.ones(len(K))
        self.objective_: list[float] = []
        for _ in range(self.rounds):
            A = leading_components(K, e, self.trade_off * ridge, self.n_components)
            norms = np.linalg.norm(A, axis=1)
            matching = np.square(e @ K @ A).sum()
            size = norms[source].sum() + np.square(norms[~source]).sum()
            self.objective_.append(float(matching + self.trade_off * size))
            if len(self.objective_) > 1 and self.objective_[-1] > (1 - 1e-3) * self.objective_[-2]:
                break
            ridge[source] = 1 / (2 * np.maximum(norms[source], _SMALLEST))
        return A


METHOD = ClassicalMethod(
    name="tjm",
    summary="transfer joint matching (RBF kernel, 40 components), then a linear SVM",
    reference="Long, Wang, Ding, Sun and Yu, Transfer joint matching for unsupervised domain adaptation, "
    "CVPR 2014",
    make=lambda seed: AdaptedSVM(TransferJointMatching(), linear_svm(seed)),
)
