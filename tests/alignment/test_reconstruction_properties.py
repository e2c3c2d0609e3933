"""What every solution obeys, whatever the features: conditions of optimality, order, rotation, scale.

W is the minimiser of a smooth f and a penalty over a convex set if and only if no way into the set goes downhill.
For each penalty and constraint this is an equation and an inequality in the slope of f, written out here by hand.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import Tensor

from didan.alignment import Reconstruction, reconstruct
from didan.alignment.reconstruction import Constraint, Penalty

CHOICES: list[tuple[Penalty, Constraint]] = [
    *((penalty, "free") for penalty in ("l1", "l21", "ridge", "none")),
    *((penalty, "nonnegative") for penalty in ("l1", "l21", "ridge", "none")),
    *((penalty, "convex") for penalty in ("ridge", "none")),  # l1 is constant there
    *((penalty, "balanced") for penalty in ("ridge", "none")),
]
every_choice = pytest.mark.parametrize(("penalty", "constraint"), CHOICES)
examples = settings(max_examples=4, deadline=None, derandomize=True)
seeds, taus = st.integers(0, 10_000), st.sampled_from([0.01, 0.1, 0.6])


def features(seed: int, n_t: int, n_s: int, d: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    H_s = torch.randn(n_s, d, generator=generator, dtype=torch.float64) + 0.5
    mixing = torch.rand(n_t, n_s, generator=generator, dtype=torch.float64)
    noise = torch.randn(n_t, d, generator=generator, dtype=torch.float64)
    return mixing / mixing.sum(dim=1, keepdim=True) @ H_s + 0.3 * noise, H_s


def solved(H_t: Tensor, H_s: Tensor, penalty: Penalty, constraint: Constraint, tau: float) -> Reconstruction:
    tolerance = 1e-4 if constraint == "balanced" else 1e-10
    return reconstruct(H_t, H_s, penalty=penalty, constraint=constraint, tau=tau, tolerance=tolerance)


def downhill(
    H_t: Tensor, H_s: Tensor, solution: Reconstruction, penalty: Penalty, constraint: Constraint
) -> float:
    """How far the steepest way into the set goes downhill, 0 at the minimiser; in units of the objective."""
    W, tau = solution.coefficients, solution.tau
    slope = 2 * (W @ H_s - H_t) @ H_s.T
    if penalty == "ridge":
        slope = slope + 2 * tau * W
    if constraint == "balanced":  # a linear programme over the transport plans
        n_t, n_s = W.shape
        sums = np.vstack([np.kron(np.eye(n_t), np.ones(n_s)), np.kron(np.ones(n_t), np.eye(n_s))])
        wanted = np.concatenate([np.ones(n_t), np.full(n_s, n_t / n_s)])
        best = linprog(slope.numpy().ravel(), A_eq=sums, b_eq=wanted)
        return float((slope * W).sum()) - float(best.fun)
    if constraint == "convex":  # the corners of the simplex
        return float((slope * W).sum() - slope.amin(dim=1).sum())
    against = -slope.clamp_max(0) if constraint == "nonnegative" else slope
    if penalty == "l1":
        steepest = against.abs().amax()
        value = tau * W.abs().sum()
    elif penalty == "l21":
        steepest = against.norm(dim=0).amax()
        value = tau * W.norm(dim=0).sum()
    else:
        steepest, value, tau = against.abs().amax(), torch.zeros(()), 0.0
    # A norm and its dual: <slope, W> + tau ||W|| = 0 and ||slope||* <= tau.
    return max(abs(float((slope * W).sum() + value)), float(steepest) - tau)


@every_choice
@examples
@given(seed=seeds, n_t=st.integers(1, 4), n_s=st.integers(1, 5), d=st.integers(1, 6), tau=taus)
def test_no_way_into_the_set_goes_downhill(
    penalty: Penalty, constraint: Constraint, seed: int, n_t: int, n_s: int, d: int, tau: float
) -> None:
    H_t, H_s = features(seed, n_t, n_s, d)
    solution = solved(H_t, H_s, penalty, constraint, tau)
    size = float(H_t.square().sum() + H_s.square().sum())
    accuracy = 5e-3 if constraint == "balanced" else 1e-4  # column sums of balanced coefficients are near
    assert downhill(H_t, H_s, solution, penalty, constraint) <= accuracy * size
    if constraint != "free":
        assert solution.coefficients.min() >= 0
    if constraint in ("convex", "balanced"):
        torch.testing.assert_close(solution.coefficients.sum(dim=1), torch.ones(n_t, dtype=torch.float64))


@every_choice
@examples
@given(seed=seeds, order=st.permutations(range(4)), sources=st.permutations(range(5)), tau=taus)
def test_coefficients_go_with_their_utterances(
    penalty: Penalty, constraint: Constraint, seed: int, order: list[int], sources: list[int], tau: float
) -> None:
    H_t, H_s = features(seed, 4, 5, 7)
    first = solved(H_t, H_s, penalty, constraint, tau)
    second = solved(H_t[order], H_s[sources], penalty, constraint, tau)
    near = 3e-2 if constraint == "balanced" else 2e-4
    torch.testing.assert_close(second.coefficients, first.coefficients[order][:, sources], rtol=0, atol=near)
    assert second.tau == pytest.approx(first.tau)


@every_choice
@examples
@given(seed=seeds, factor=st.sampled_from([1e-3, 0.1, 30.0]), tau=taus)
def test_units_and_axes_of_features_play_no_part(
    penalty: Penalty, constraint: Constraint, seed: int, factor: float, tau: float
) -> None:
    H_t, H_s = features(seed, 3, 4, 6)
    turn = torch.linalg.qr(features(seed + 1, 6, 1, 6)[0]).Q
    first = solved(H_t, H_s, penalty, constraint, tau)
    second = solved(factor * H_t @ turn, factor * H_s @ turn, penalty, constraint, tau)
    near = 3e-2 if constraint == "balanced" else 2e-4
    torch.testing.assert_close(second.coefficients, first.coefficients, rtol=0, atol=near)
    assert second.tau == pytest.approx(factor**2 * first.tau)
    assert second.penalty == pytest.approx(factor**2 * first.penalty, rel=3 * near)
