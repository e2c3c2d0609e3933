import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import Tensor

from didan.alignment.regularisers import (
    L1,
    L21,
    Regulariser,
    Ridge,
    Simplex,
    SparseGroup,
    Unpenalised,
    soft_threshold,
)

GROUPS = torch.tensor([0, 1, 0, 2])
PENALTIES: list[Regulariser] = [
    L1(0.7, False),
    L1(0.7, True),
    L21(0.7, False),
    L21(0.7, True),
    Ridge(0.7, False),
    Ridge(0.7, True),
    Simplex(0.0),
    Simplex(0.7),
    Simplex(0.0, 0.7),
    SparseGroup(0.7, GROUPS, 0.5),
    SparseGroup(0.7, GROUPS, 1.0),
]
ALL: list[Regulariser] = [*PENALTIES, Unpenalised(False), Unpenalised(True)]
each = pytest.mark.parametrize("regulariser", ALL, ids=str)
each_with_a_conjugate = pytest.mark.parametrize("regulariser", PENALTIES, ids=str)
seeds = st.integers(0, 10_000)


def matrix(seed: int, n: int = 3, d: int = 4) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def feasible(regulariser: Regulariser, W: Tensor) -> Tensor:
    if isinstance(regulariser, Simplex):
        return W.abs() / W.abs().sum(dim=1, keepdim=True)
    return W.abs() if getattr(regulariser, "nonnegative", False) else W


def by_hand(regulariser: Regulariser, W: Tensor) -> float:
    """Omega(W) as the docstrings have it, in NumPy."""
    w = W.numpy()
    if isinstance(regulariser, L1):
        return float(0.7 * np.abs(w).sum())
    if isinstance(regulariser, L21):
        return float(0.7 * sum(np.sqrt((column**2).sum()) for column in w.T))
    if isinstance(regulariser, SparseGroup):
        members = [w[:, [0, 2]], w[:, [1]], w[:, [3]]]
        groups = sum(np.sqrt(own.shape[1]) * np.linalg.norm(own) for own in members)
        return float(0.7 * (regulariser.share * groups + (1 - regulariser.share) * np.abs(w).sum()))
    if isinstance(regulariser, Ridge):
        return float(0.7 * (w**2).sum())
    if isinstance(regulariser, Simplex):
        return float(regulariser.tau * (w**2).sum() + regulariser.offset * len(w))
    return 0.0


KINK = 2e-6
Vector = npt.NDArray[np.float64]


def numerical_minimum(regulariser: Regulariser, linear: Tensor, quadratic: float) -> tuple[Tensor, float]:
    """scipy's minimum of ``Omega(W) - <linear, W> + quadratic * ||W||^2 / 2`` over the feasible set.

    Absolute values are split into two nonnegative parts; lengths are rounded off at their kink.
    """
    n, d = linear.shape
    v = linear.numpy()
    simplex = isinstance(regulariser, Simplex)
    square = regulariser.tau if isinstance(regulariser, Ridge | Simplex) else 0.0
    offset = regulariser.offset * n if isinstance(regulariser, Simplex) else 0.0
    elements = 0.7 if isinstance(regulariser, L1) else 0.0
    if isinstance(regulariser, SparseGroup):
        elements = 0.7 * (1 - regulariser.share)
    parts = 2 if elements and not getattr(regulariser, "nonnegative", False) else 1

    def coefficients(x: Vector) -> Vector:
        both = x.reshape(parts, n, d)
        return np.asarray(both[0] - both[1] if parts == 2 else both[0])

    def value(x: Vector) -> tuple[float, Vector]:
        w = coefficients(x)
        total = offset - (v * w).sum() + (quadratic / 2 + square) * (w**2).sum()
        slope = (quadratic + 2 * square) * w - v
        if isinstance(regulariser, L21):
            lengths = np.sqrt((w**2).sum(axis=0) + KINK**2)
            total += 0.7 * lengths.sum()
            slope = slope + 0.7 * w / lengths
        if isinstance(regulariser, SparseGroup):
            numbers = GROUPS.numpy()
            sizes = np.bincount(numbers)
            lengths = np.sqrt(np.bincount(numbers, (w**2).sum(axis=0)) + KINK**2)
            total += 0.7 * regulariser.share * (np.sqrt(sizes) * lengths).sum()
            slope = slope + 0.7 * regulariser.share * w * (np.sqrt(sizes) / lengths)[numbers]
        gradient = np.concatenate([slope.ravel(), -slope.ravel()][:parts])
        return float(total + elements * x.sum()), gradient + elements

    nonnegative = simplex or parts == 2 or getattr(regulariser, "nonnegative", False)
    sums = {"type": "eq", "fun": lambda x: x.reshape(n, d).sum(axis=1) - 1}
    solution = minimize(
        value,
        np.full(parts * n * d, 1 / d if simplex else 1e-3),
        jac=True,
        bounds=[(0.0 if nonnegative else None, None)] * (parts * n * d),
        constraints=[sums] if simplex else [],
        method="SLSQP" if simplex else "L-BFGS-B",
        options={"ftol": 1e-13, "maxiter": 2000},
    )
    return torch.from_numpy(coefficients(solution.x)), float(solution.fun)


@each
def test_value(regulariser: Regulariser) -> None:
    for seed in range(3):
        W = feasible(regulariser, matrix(seed))
        assert float(regulariser.value(W)) == pytest.approx(by_hand(regulariser, W))


@each
@pytest.mark.parametrize("step", [0.3, 1.7])
def test_prox_is_the_minimum_of_its_definition(regulariser: Regulariser, step: float) -> None:
    for seed in range(3):
        W = matrix(seed)
        # step * Omega(W') + ||W' - W||^2 / 2, divided by step and without its constant
        expected, _ = numerical_minimum(regulariser, W / step, 1 / step)
        torch.testing.assert_close(regulariser.prox(W, step), expected, rtol=0, atol=2e-5)


@each
@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=seeds, step=st.floats(0.01, 5))
def test_no_feasible_point_beats_prox(regulariser: Regulariser, seed: int, step: float) -> None:
    W, rival = matrix(seed), feasible(regulariser, matrix(seed + 1))
    best = regulariser.prox(W, step)
    torch.testing.assert_close(feasible(regulariser, best), best)
    for share in (1e-3, 0.1, 1.0):
        other = (1 - share) * best + share * rival

        def cost(point: Tensor) -> float:
            return step * by_hand(regulariser, point) + float((point - W).square().sum()) / 2

        assert cost(best) <= cost(other) + 1e-12


@each_with_a_conjugate
def test_conjugate_is_the_maximum_of_its_definition(regulariser: Regulariser) -> None:
    for seed in range(3):
        V = matrix(seed)
        stretch = regulariser.stretch(V)
        V = V * torch.where(stretch.isfinite(), 0.99 * stretch, 1.0)  # inside the set where it is finite
        _, least = numerical_minimum(regulariser, V, 0.0)
        assert float(regulariser.conjugate(V, torch.zeros(3, 4))) == pytest.approx(-least, abs=4 * KINK)


@each
@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=seeds, scale=st.sampled_from([0.01, 1.0, 100.0]))
def test_fenchel_inequality(regulariser: Regulariser, seed: int, scale: float) -> None:
    V = scale * matrix(seed)
    stretch = regulariser.stretch(V)
    V = V * torch.where(stretch.isfinite(), stretch.clamp_max(1), 1.0)
    W = feasible(regulariser, matrix(seed + 1) / scale)
    bound = by_hand(regulariser, W) + float(regulariser.conjugate(V, W))
    assert float((V * W).sum()) <= bound + 1e-9 * max(1, abs(bound))


@each_with_a_conjugate
def test_conjugate_is_attained(regulariser: Regulariser) -> None:
    """Equality in Fenchel's inequality at V in the subdifferential, which the prox provides."""
    for seed in range(5):
        W = matrix(seed)
        point = regulariser.prox(W, 0.5)
        V = (W - point) / 0.5
        total = by_hand(regulariser, point) + float(regulariser.conjugate(V, point))
        assert total == pytest.approx(float((V * point).sum()), abs=1e-9)


@pytest.mark.parametrize("nonnegative", [False, True])
def test_conjugate_without_penalty_is_over_a_ball(nonnegative: bool) -> None:
    W = torch.tensor([[1.0, 2.0, 0.0], [0.0, 0.0, 0.0]])  # radii 7 and 1
    V = torch.tensor([[1.0, -3.0, 2.0], [-1.0, -2.0, -0.5]])
    # A linear function on a ball of the l1 norm is largest at one of its corners.
    expected = 7 * 2 + 1 * 0 if nonnegative else 7 * 3 + 1 * 2
    assert float(Unpenalised(nonnegative).conjugate(V, W)) == expected


@pytest.mark.parametrize(
    ("regulariser", "expected"),
    [
        (L1(6.0, False), [[2.0], [3.0]]),
        (L1(6.0, True), [[6.0], [float("inf")]]),
        (L21(6.0, False), [[6 / 13**0.5]]),  # the second column, (-3, -2), is the longest
        (L21(6.0, True), [[6.0]]),
    ],
    ids=str,
)
def test_stretch_leads_to_the_edge(regulariser: Regulariser, expected: list[list[float]]) -> None:
    V = torch.tensor([[1.0, -3.0], [0.0, -2.0]])
    torch.testing.assert_close(regulariser.stretch(V), torch.tensor(expected))


@pytest.mark.parametrize(
    "regulariser", [one for one in PENALTIES if isinstance(one, L1 | L21 | SparseGroup)], ids=str
)
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_stretch_is_to_the_edge_and_not_beyond(regulariser: Regulariser, scale: float) -> None:
    for seed in range(5):
        V = scale * matrix(seed)
        stretch = regulariser.stretch(V)
        bounded = stretch.isfinite()[:, 0]
        stretch = stretch.nan_to_num(posinf=0)
        # Of the set where the conjugate is finite, 0 is the prox of its points with step 1, and of no others.
        assert not regulariser.prox(0.9999 * stretch * V, 1.0).any()
        beyond = regulariser.prox(1.0001 * stretch * V, 1.0)
        assert (beyond.any(dim=1) if len(stretch) > 1 else beyond.any()[None])[bounded].all()


@pytest.mark.parametrize("regulariser", [Ridge(1.0, False), Unpenalised(True), Simplex(0.0)], ids=str)
def test_stretch_without_an_edge(regulariser: Regulariser) -> None:
    assert regulariser.stretch(matrix(0)).isinf().all()


@pytest.mark.parametrize("regulariser", [L1(1.0, False), L21(1.0, True), SparseGroup(1.0, GROUPS, 0.5)], ids=str)
def test_stretch_of_nothing(regulariser: Regulariser) -> None:
    expected = torch.full((1 if regulariser.rows_coupled else 2, 1), torch.inf)
    torch.testing.assert_close(regulariser.stretch(torch.zeros(2, 4)), expected)


def test_l21_keeps_columns_of_nothing() -> None:
    assert not L21(1.0, False).prox(torch.zeros(2, 3), 1.0).any()


@pytest.mark.parametrize("regulariser", ALL, ids=str)
def test_rows_are_coupled_where_it_says_so(regulariser: Regulariser) -> None:
    W = matrix(0)
    alone = torch.cat([regulariser.prox(row[None], 0.5) for row in W])
    assert torch.allclose(regulariser.prox(W, 0.5), alone) is not regulariser.rows_coupled


@settings(max_examples=50, deadline=None, derandomize=True)
@given(x=st.floats(-10, 10), threshold=st.floats(0, 5))
def test_soft_threshold(x: float, threshold: float) -> None:
    expected = np.sign(x) * max(abs(x) - threshold, 0)
    thresholded = soft_threshold(torch.tensor([x], dtype=torch.float64), threshold)
    assert float(thresholded) == pytest.approx(expected, abs=1e-12)


def test_convex_rows_cost_nothing_by_themselves() -> None:
    assert float(Simplex(0.0).value(torch.full((3, 4), 0.25))) == 0
