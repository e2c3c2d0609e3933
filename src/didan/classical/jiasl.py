"""JIASL: least squares onto emotions in a space where the source reconstructs the target."""

import numpy as np
import torch

from didan.alignment import reconstruct
from didan.classical.linear import SPARSITY, Centred, LinearAdaptation
from didan.classical.method import Array, ClassicalMethod, Labels


class JIASL(LinearAdaptation):
    """Joint distribution implicitly aligned subspace learning, the linear ancestor of IDA.

    The objective is ours, after the abstract.

        min_{P, W, W_c}  sum_i w_i ||l_i - P^T x_i||^2 + mu ||P||_2,1
            + (lambda / n_t) ( ||X_t P - W X_s P||_F^2 + sum_c ||X_t^c P - W_c X_s^c P||_F^2 )
        subject to  W, W_c >= 0, rows of sum 1, column sums in proportion to w

    The classes of the target are those that P predicts. P, then W and all W_c, then the classes are updated in
    turn, starting from regression alone; P is exact to a duality gap of 1e-6, W to one of 2 %.

    A free W reconstructs everything and asks nothing of P, and a penalty on W would be escaped by a smaller P (or
    would end in W = 0 and only shrink it). Under the constraints W is the same whatever the scale of P, every
    source utterance is used, and the error per utterance is at least the squared gap between the means; that P
    itself does not vanish is in the way mu is given. A common factor of P does not change a prediction.

    Args:
        trade_off: lambda. 1, ours: an error of reconstruction counts as much as one of regression.
        sparsity: mu as a fraction of the smallest weight at which P = 0.
        rounds: of updates at most; it stops once P moves by less than a hundredth of its norm.

    Attributes:
        residuals_: ``||X_t P - W X_s P||_F / ||X_t P||_F`` at every update.
    """

    def __init__(self, trade_off: float = 1.0, sparsity: float = SPARSITY, rounds: int = 5) -> None:
        self.trade_off = trade_off
        self.sparsity = sparsity
        self.rounds = rounds

    def minimise(self, data: Centred) -> Array:
        """See :class:`didan.classical.linear.LinearAdaptation`."""
        P = data.solve(np.zeros((0, data.X_s.shape[1])), self.sparsity)
        self.residuals_: list[float] = []
        for _ in range(self.rounds):
            errors = reconstruction_errors(data, P, data.pseudo_labels(P))
            marginal = errors[: len(data.X_t)] @ P
            self.residuals_.append(float(np.linalg.norm(marginal) / np.linalg.norm(data.X_t @ P)))
            previous, P = P, data.solve(np.sqrt(self.trade_off / len(data.X_t)) * errors, self.sparsity)
            if np.linalg.norm(P - previous) < 1e-2 * np.linalg.norm(P):
                break
        return P


def reconstruction_errors(data: Centred, P: Array, pseudo_labels: Labels) -> Array:
    """Target utterances less what reconstructs their projections, in the space of the features.

    Args:
        data: both corpora.
        P: shape (d, C).
        pseudo_labels: of the target, shape (n_t,).

    Returns:
        ``X_t - W X_s``, then ``X_t^c - W_c X_s^c`` class by class, shape (2 n_t, d).
    """
    errors = [_error(data.X_t, data.X_s, P, data.weights)]
    for c in np.unique(pseudo_labels):
        of_class = data.classes == c
        errors.append(_error(data.X_t[pseudo_labels == c], data.X_s[of_class], P, data.weights[of_class]))
    return np.concatenate(errors)


def _error(X_t: Array, X_s: Array, P: Array, weights: Array) -> Array:
    W = reconstruct(
        torch.from_numpy(X_t @ P).float(),
        torch.from_numpy(X_s @ P).float(),
        penalty="none",
        constraint="balanced",
        source_marginal=torch.from_numpy(weights),
        tolerance=2e-2,
        max_iterations=100,
    ).coefficients
    return np.asarray(X_t - W.double().numpy() @ X_s)


METHOD = ClassicalMethod(
    name="jiasl",
    summary="JIASL: label regression where the source reconstructs the target, as a whole and per emotion",
    reference="after the abstract of the paper on JIASL by authors of DIDAN; the objective is ours",
    make=lambda seed: JIASL(),
)
