"""JDAR: least squares onto emotions with the means of both corpora, and of each emotion in both, at one place."""

import numpy as np

from didan.classical.dosl import marginal_gap
from didan.classical.linear import SPARSITY, Centred, LinearAdaptation
from didan.classical.method import Array, ClassicalMethod, Labels


class JDAR(LinearAdaptation):
    """Joint distribution adaptive regression: DoSL and the same squared gap between the means of every emotion.

        ... + lambda sum_c ||mean(P^T X_s^c) - mean(P^T X_t^c)||^2

    The emotions of the target are those that P itself predicts, at first that of DoSL; P and they are updated in
    turn until they no longer change. An emotion that no target utterance is given takes no part.

    Args:
        trade_off: lambda, as for :class:`didan.classical.dosl.DoSL`; the same for the marginal and every emotion.
        sparsity: mu as a fraction of the smallest weight at which P = 0.
        rounds: of updates at most.

    Attributes:
        rounds_: updates taken; all of ``rounds`` where the emotions did not settle.
    """

    def __init__(self, trade_off: float = 1.0, sparsity: float = SPARSITY, rounds: int = 20) -> None:
        self.trade_off = trade_off
        self.sparsity = sparsity
        self.rounds = rounds

    def minimise(self, data: Centred) -> Array:
        """See :class:`didan.classical.linear.LinearAdaptation`."""
        marginal = marginal_gap(data)
        P = data.solve(np.sqrt(self.trade_off) * marginal, self.sparsity)
        pseudo_labels = data.pseudo_labels(P)
        self.rounds_ = 0
        for _ in range(self.rounds):
            self.rounds_ += 1
            gaps = np.concatenate([marginal, *class_gaps(data, pseudo_labels)])
            P = data.solve(np.sqrt(self.trade_off) * gaps, self.sparsity)
            previous, pseudo_labels = pseudo_labels, data.pseudo_labels(P)
            if np.array_equal(previous, pseudo_labels):
                break
        return P


def class_gaps(data: Centred, pseudo_labels: Labels) -> list[Array]:
    """For every class that the target has, the source's mean less the target's, shape (1, d)."""
    return [
        data.X_s[data.classes == c].mean(axis=0, keepdims=True)
        - data.X_t[pseudo_labels == c].mean(axis=0, keepdims=True)
        for c in np.unique(pseudo_labels)
    ]


METHOD = ClassicalMethod(
    name="jdar",
    summary="JDAR: DoSL that also matches the mean of every emotion",
    reference="Zhang, Jiang, Zong, Zheng and Zhao, Cross-corpus speech emotion recognition using joint "
    "distribution adaptive regression, ICASSP 2021",
    make=lambda seed: JDAR(),
)
