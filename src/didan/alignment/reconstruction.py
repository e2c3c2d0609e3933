"""The coefficients that reconstruct target features from source features, solved exactly.

    min_W ||H_t - W H_s||_F^2 + Omega(W)        W in R^(n_t x n_s)

Row j of W says which source utterances explain target utterance j. With ``Omega(W) = tau ||W||_1`` it is the
lasso, that is sparse coding; classification by such coefficients is known as SRC (Wright et al., TPAMI 2009). The
other penalties and the constraints on W are our switches; balanced coefficients are weak optimal transport, see
:mod:`didan.alignment.transport`.
"""

from dataclasses import dataclass
from typing import Literal, TypedDict

import torch
from torch import Tensor

from didan.alignment.regularisers import L1, L21, Regulariser, Ridge, Simplex, Unpenalised
from didan.alignment.transport import solve_balanced
from didan.errors import UserError

_UNCHECKED = 5
"""Iterations between two looks at the duality gap, which costs as much as two of them."""

Penalty = Literal["l1", "l21", "ridge", "none"]
Constraint = Literal["free", "nonnegative", "convex", "balanced"]


class ReconstructionOptions(TypedDict, total=False):
    """The keyword arguments of :func:`reconstruct`."""

    penalty: Penalty
    constraint: Constraint
    tau: float
    source_marginal: Tensor | None
    tolerance: float
    max_iterations: int


@dataclass(frozen=True)
class Reconstruction:
    """A solution.

    Attributes:
        coefficients: W, shape (n_t, n_s).
        tau: the absolute weight of the penalty.
        penalty: the value of Omega(W).
        gap: an upper bound on the objective at W less the minimum.
        iterations: taken by the solver, 0 for a closed form.
    """

    coefficients: Tensor
    tau: float
    penalty: float
    gap: float
    iterations: int


def tau_max(H_t: Tensor, H_s: Tensor, penalty: Penalty = "l1", constraint: Constraint = "free") -> float:
    """The weight of the penalty from which on W = 0.

    ``2 max |H_t H_s^T|`` for l1, ``2 max_i ||H_t h_i||_2`` for l21; with nonnegative coefficients only positive
    products count. Ridge and constrained coefficients have no such point; they take the scale of l1.

    >>> tau_max(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 1.0], [-4.0, 0.0]]))
    8.0
    """
    products = H_t @ H_s.T
    if constraint == "nonnegative":
        products = products.clamp_min(0)
    largest = products.norm(dim=0).amax() if penalty == "l21" else products.abs().amax()
    return 2 * float(largest)


@torch.no_grad()
def reconstruct(
    H_t: Tensor,
    H_s: Tensor,
    *,
    penalty: Penalty = "l1",
    constraint: Constraint = "free",
    tau: float = 0.1,
    source_marginal: Tensor | None = None,
    tolerance: float = 1e-6,
    max_iterations: int = 10_000,
) -> Reconstruction:
    """Find the coefficients W that reconstruct the target from the source.

    Args:
        H_t: target features, shape (n_t, d).
        H_s: source features, shape (n_s, d).
        penalty: ``l1`` (lasso), ``l21`` on columns (a common set of source utterances), ``ridge``, ``none``.
        constraint: ``free``; ``nonnegative``; ``convex`` (nonnegative rows that sum to 1, under which l1 is
            constant); ``balanced`` (convex, and column sums in proportion to ``source_marginal``).
        tau: weight of the penalty as a fraction of :func:`tau_max`.
        source_marginal: how much each source utterance is to be used, shape (n_s,), positive; uniform if None.
        tolerance: stop once the duality gap is below this fraction of ``||H_t||_F^2``.
        max_iterations: stop in any case; the gap returned says how good the coefficients are.

    Returns:
        The solution with its duality gap.

    Raises:
        UserError: ``l21`` with convex rows, which has no exact step; or a negative tau.

    >>> h = torch.eye(3)
    >>> reconstruct(h, h, tau=0.5).coefficients.diagonal()      # shrunk by tau / 2 = 0.5
    tensor([0.5000, 0.5000, 0.5000])
    """
    if penalty == "l21" and constraint in ("convex", "balanced"):
        raise UserError(f"penalty l21 cannot be combined with {constraint} coefficients; use l1, ridge or none")
    if tau < 0:
        raise UserError(f"tau is a fraction of tau_max and cannot be negative ({tau})")
    weight = 0.0 if penalty == "none" else tau * tau_max(H_t, H_s, penalty, constraint)
    if constraint == "balanced":
        marginal = H_s.new_ones(len(H_s)) if source_marginal is None else source_marginal.to(H_s)
        ridge = Simplex(weight if penalty == "ridge" else 0.0, weight if penalty == "l1" else 0.0)
        W, bound, iterations = solve_balanced(
            H_t, H_s, marginal / marginal.sum(), ridge.tau, tolerance, max_iterations
        )
        return Reconstruction(W, weight, float(ridge.value(W)), float(bound), iterations)
    omega = _regulariser(penalty, constraint, weight)
    if constraint == "free" and (weight == 0 or penalty == "ridge"):
        W, iterations = _closed_form(H_t, H_s, weight), 0
        gap = duality_gap(H_t, H_s, W, omega)
    else:
        W, gap, iterations = proximal_gradient(H_t, H_s, omega, tolerance, max_iterations)
    return Reconstruction(W, weight, float(omega.value(W)), float(gap), iterations)


def duality_gap(H_t: Tensor, H_s: Tensor, W: Tensor, omega: Regulariser) -> Tensor:
    """The objective at W less a lower bound on its minimum.

    The dual of the problem is ``max_Theta <Theta, H_t> - ||Theta||_F^2 / 4 - Omega*(Theta H_s^T)``. At the
    minimum Theta is twice the residual; elsewhere that point is stretched or shrunk, row by row, to where it is
    feasible and best.
    """
    return _gap(H_t.square().sum(dim=1, keepdim=True), H_t @ H_s.T, H_s @ H_s.T, W, omega)


def _gap(lengths: Tensor, cross: Tensor, gram: Tensor, W: Tensor, omega: Regulariser) -> Tensor:
    """The same from products alone: ``||h_t||^2`` of every row, shape (n_t, 1), ``H_t H_s^T``, ``H_s H_s^T``."""
    unexplained = cross - W @ gram  # the residual times H_s^T
    along = lengths - (W * cross).sum(dim=1, keepdim=True)  # the residual times the target
    residual = (along - (W * unexplained).sum(dim=1, keepdim=True)).clamp_min(0)  # its squared length
    loss = residual.sum()
    if omega.rows_coupled:
        along, residual = along.sum().reshape(1, 1), loss.reshape(1, 1)
    stretch = omega.stretch(2 * unexplained)
    # Never turned around: what bounds the stretch holds for one direction only.
    best = along.clamp_min(0) / residual.clamp_min(torch.finfo(residual.dtype).tiny)
    factor = torch.where(stretch.isfinite(), torch.minimum(best, stretch), torch.ones_like(best))
    dual = (2 * factor * along - factor.square() * residual).sum()
    return loss + omega.value(W) - dual + omega.conjugate(2 * factor * unexplained, W)


def _regulariser(penalty: Penalty, constraint: Constraint, weight: float) -> Regulariser:
    if constraint == "convex":
        return Simplex(weight if penalty == "ridge" else 0.0, weight if penalty == "l1" else 0.0)
    nonnegative = constraint == "nonnegative"
    if weight == 0:
        return Unpenalised(nonnegative)
    if penalty == "l1":
        return L1(weight, nonnegative)
    if penalty == "l21":
        return L21(weight, nonnegative)
    return Ridge(weight, nonnegative)


def _closed_form(H_t: Tensor, H_s: Tensor, weight: float) -> Tensor:
    """Ridge regression, or the least-squares solution of smallest norm."""
    if weight == 0:
        inverse: Tensor = torch.linalg.pinv(H_s)
        return H_t @ inverse
    identity = torch.eye(len(H_s), dtype=H_s.dtype, device=H_s.device)
    W: Tensor = torch.linalg.solve(H_s @ H_s.T + weight * identity, H_s @ H_t.T)
    return W.T


def proximal_gradient(
    H_t: Tensor, H_s: Tensor, omega: Regulariser, tolerance: float, max_iterations: int
) -> tuple[Tensor, Tensor, int]:
    """The coefficients W, shape (n_t, n_s), that minimise ``||H_t - W H_s||_F^2 + Omega(W)``; gap and iterations.

    FISTA (Beck and Teboulle 2009) with the momentum ``k / (k + 3)`` and the restarts of O'Donoghue and Candes
    (2015), each row for itself. Small batches are the rule, so what counts is how few operations a step has.

    Args:
        H_t: shape (n_t, d).
        H_s: shape (n_s, d).
        omega: the regulariser.
        tolerance: stop once the duality gap is below this fraction of ``||H_t||_F^2``.
        max_iterations: stop in any case.
    """
    n_t, n_s = len(H_t), len(H_s)
    gram, cross, lengths = H_s @ H_s.T, H_t @ H_s.T, H_t.square().sum(dim=1, keepdim=True)
    small = gram if n_s <= H_s.shape[1] else H_s.T @ H_s
    step = 1 / (2 * float(torch.linalg.eigvalsh(small)[-1].clamp_min(1e-12)))
    enough = tolerance * float(lengths.sum())
    # A gradient step is Y - 2 step (Y gram - cross) = Y kept + added.
    kept, added = torch.eye(n_s, dtype=gram.dtype, device=gram.device).sub_(gram, alpha=2 * step), 2 * step * cross
    W = omega.prox(H_t.new_zeros(n_t, n_s), step)
    gap, Y, since, iteration = W.new_full((), torch.inf), W, W.new_zeros(n_t, 1), 0
    while iteration < max_iterations and gap > enough:
        for _ in range(min(_UNCHECKED, max_iterations - iteration)):
            iteration += 1
            new = omega.prox(torch.addmm(added, Y, kept), step)
            moved = new - W
            uphill = torch.linalg.vecdot(Y - new, moved)[:, None]
            if omega.rows_coupled:
                uphill = uphill.sum()
            since = (since + 1).masked_fill_(uphill > 0, 0)
            Y = torch.addcmul(new, since / (since + 3), moved)
            W = new
        gap = _gap(lengths, cross, gram, W, omega)
    return W, gap, iteration
