from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize, nnls
from sklearn.linear_model import Lasso, MultiTaskLasso, Ridge
from torch import Tensor

from didan.alignment import Reconstruction, reconstruct, tau_max
from didan.alignment.reconstruction import Constraint, Penalty, duality_gap
from didan.alignment.regularisers import L1, L21, Regulariser, Simplex, Unpenalised
from didan.alignment.regularisers import Ridge as RidgePenalty
from didan.errors import UserError

Array = npt.NDArray[np.float64]

COMBINATIONS: list[tuple[Penalty, Constraint]] = [
    ("l1", "free"),
    ("l21", "free"),
    ("ridge", "free"),
    ("none", "free"),
    ("l1", "nonnegative"),
    ("l21", "nonnegative"),
    ("ridge", "nonnegative"),
    ("none", "nonnegative"),
    ("l1", "convex"),
    ("ridge", "convex"),
    ("none", "convex"),
    ("l1", "balanced"),
    ("ridge", "balanced"),
    ("none", "balanced"),
]
every_combination = pytest.mark.parametrize(("penalty", "constraint"), COMBINATIONS)


def features(n_t: int, n_s: int, d: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Target and source features that overlap enough for the solution to be neither 0 nor exact."""
    generator = torch.Generator().manual_seed(seed)
    H_s = torch.randn(n_s, d, generator=generator, dtype=torch.float64) + 0.5
    mixing = torch.rand(n_t, n_s, generator=generator, dtype=torch.float64) / n_s
    noise = torch.randn(n_t, d, generator=generator, dtype=torch.float64)
    return 2 * mixing @ H_s + 0.5 * noise, H_s


def omega(W: Array, penalty: Penalty, weight: float) -> float:
    norms = {
        "l1": np.abs(W).sum(),
        "l21": np.sqrt((W**2).sum(axis=0)).sum(),
        "ridge": (W**2).sum(),
        "none": 0.0,
    }
    return float(weight * norms[penalty])


def objective(H_t: Tensor, H_s: Tensor, W: Tensor | Array, penalty: Penalty, weight: float) -> float:
    coefficients = np.asarray(W, dtype=np.float64)
    residual = H_t.double().numpy() - coefficients @ H_s.double().numpy()
    return float((residual**2).sum()) + omega(coefficients, penalty, weight)


def weight_of(H_t: Tensor, H_s: Tensor, penalty: Penalty, constraint: Constraint, tau: float) -> float:
    """The absolute weight, from the definition in words: a fraction of the least weight that makes W vanish."""
    products = H_t.double().numpy() @ H_s.double().numpy().T
    if constraint == "nonnegative":
        products = np.maximum(products, 0)
    if penalty == "none":
        return 0.0
    if penalty == "l21":
        return 2 * tau * float(np.sqrt((products**2).sum(axis=0)).max())
    return 2 * tau * float(np.abs(products).max())


def constrained_minimum(
    H_t: Array, H_s: Array, penalty: Penalty, weight: float, columns: Array | None, lower: float = 0.0
) -> Array:
    """scipy's sequential quadratic programming over all of W; l21 by an epigraph variable per column."""
    n_t, n_s = len(H_t), len(H_s)
    size = n_t * n_s
    epigraph = n_s if penalty == "l21" else 0

    def value(x: Array) -> tuple[float, Array]:
        W = x[:size].reshape(n_t, n_s)
        residual = W @ H_s - H_t
        gradient = 2 * residual @ H_s.T
        total = (residual**2).sum()
        if penalty == "ridge":
            total += weight * (W**2).sum()
            gradient = gradient + 2 * weight * W
        if penalty == "l1":  # W >= 0 wherever this is called
            total += weight * W.sum()
            gradient = gradient + weight
        return float(total + weight * x[size:].sum()), np.append(gradient, np.full(epigraph, weight))

    constraints = []
    if columns is not None:
        rows = np.kron(np.eye(n_t), np.ones(n_s))
        sums = [rows, np.kron(np.ones(n_t), np.eye(n_s))[:-1]] if len(columns) else [rows]
        wanted = np.concatenate([np.ones(n_t), columns[:-1]])
        A = np.vstack(sums)
        constraints = [{"type": "eq", "fun": lambda x: A @ x - wanted, "jac": lambda x: A}]
    if epigraph:

        def room(x: Array) -> Array:
            return np.asarray(x[size:] - np.sqrt((x[:size].reshape(n_t, n_s) ** 2).sum(axis=0) + 1e-18))

        constraints = [{"type": "ineq", "fun": room}]
    solution = minimize(
        value,
        np.append(np.full(size, 1 / n_s), np.full(epigraph, 1.0)),
        jac=True,
        bounds=[(lower, None)] * (size + epigraph),
        constraints=constraints,
        method="SLSQP",
        options={"ftol": 1e-15, "maxiter": 2000},
    )
    return np.asarray(solution.x[:size].reshape(n_t, n_s))


def rows(solve: Callable[[Array], Array], H_t: Array) -> Array:
    return np.stack([solve(row) for row in H_t])


def minimiser(
    target: Tensor,
    source: Tensor,
    penalty: Penalty,
    constraint: Constraint,
    weight: float,
    marginal: Array | None = None,
) -> Array:
    """The minimiser according to scikit-learn, scipy or NumPy."""
    H_t, H_s = target.double().numpy(), source.double().numpy()
    n_s, d = H_s.shape
    nonnegative = constraint == "nonnegative"
    exact = {"fit_intercept": False, "tol": 1e-13, "max_iter": 1_000_000}
    if constraint == "balanced":
        marginal = np.full(n_s, 1 / n_s) if marginal is None else marginal
        return constrained_minimum(H_t, H_s, penalty, weight, len(H_t) * marginal)
    if constraint == "convex":
        return rows(lambda row: constrained_minimum(row[None], H_s, penalty, weight, np.zeros(0))[0], H_t)
    if penalty == "l1":  # scikit-learn divides the squared error by twice the number of its samples, here d
        lasso = Lasso(alpha=weight / (2 * d), positive=nonnegative, **exact)
        return rows(lambda row: lasso.fit(H_s.T, row).coef_.copy(), H_t)
    if penalty == "l21" and nonnegative:
        return constrained_minimum(H_t, H_s, penalty, weight, None)
    if penalty == "l21":
        return np.asarray(MultiTaskLasso(alpha=weight / (2 * d), **exact).fit(H_s.T, H_t.T).coef_)
    if nonnegative:  # ridge is least squares with more rows
        A = np.vstack([H_s.T, np.sqrt(weight) * np.eye(n_s)])
        return rows(lambda row: nnls(A, np.append(row, np.zeros(n_s)))[0], H_t)
    if penalty == "ridge":
        return np.asarray(Ridge(alpha=weight, fit_intercept=False, solver="svd").fit(H_s.T, H_t.T).coef_)
    return np.asarray(H_t @ np.linalg.pinv(H_s))


def solved(
    H_t: Tensor,
    H_s: Tensor,
    penalty: Penalty,
    constraint: Constraint,
    tau: float = 0.1,
    tolerance: float | None = None,
) -> Reconstruction:
    """Solved tightly; less so where balanced, since mirror descent takes its time."""
    if tolerance is None:
        tolerance = 1e-6 if constraint == "balanced" else 1e-12
    return reconstruct(
        H_t, H_s, penalty=penalty, constraint=constraint, tau=tau, tolerance=tolerance, max_iterations=5000
    )


@every_combination
@pytest.mark.parametrize(("n_t", "n_s"), [(3, 5), (5, 3), (4, 4)])
def test_agrees_with_an_independent_solver(penalty: Penalty, constraint: Constraint, n_t: int, n_s: int) -> None:
    H_t, H_s = features(n_t, n_s, 7, seed=10 * n_t + n_s)
    solution = solved(H_t, H_s, penalty, constraint)
    weight = weight_of(H_t, H_s, penalty, constraint, 0.1)
    expected = minimiser(H_t, H_s, penalty, constraint, weight)
    assert solution.tau == pytest.approx(weight)
    assert solution.penalty == pytest.approx(omega(solution.coefficients.numpy(), penalty, weight))
    # The Gram matrix of H_s has full rank, so the minimiser is unique; the balanced solver is of first order.
    np.testing.assert_allclose(solution.coefficients, expected, atol=2e-3 if constraint == "balanced" else 1e-5)
    least = objective(H_t, H_s, expected, penalty, weight)
    assert objective(H_t, H_s, solution.coefficients, penalty, weight) == pytest.approx(least, rel=1e-5)


@every_combination
def test_single_precision(penalty: Penalty, constraint: Constraint) -> None:
    H_t, H_s = (h.float() for h in features(6, 4, 9, seed=3))
    solution = reconstruct(H_t, H_s, penalty=penalty, constraint=constraint, tolerance=1e-5)
    assert solution.coefficients.dtype == torch.float32
    weight = weight_of(H_t, H_s, penalty, constraint, 0.1)
    least = objective(H_t, H_s, minimiser(H_t, H_s, penalty, constraint, weight), penalty, weight)
    size = float(H_t.square().sum())
    assert solution.gap <= 1e-5 * size
    assert solution.gap >= -1e-6 * size
    assert objective(H_t, H_s, solution.coefficients, penalty, weight) == pytest.approx(least, abs=2e-5 * size)


@pytest.mark.parametrize(("penalty", "constraint"), [c for c in COMBINATIONS if c[0] in ("l1", "l21")][:4])
def test_large_dictionary(penalty: Penalty, constraint: Constraint) -> None:
    H_t, H_s = features(5, 120, 12, seed=1)
    solution = solved(H_t, H_s, penalty, constraint, tau=0.2)
    weight = weight_of(H_t, H_s, penalty, constraint, 0.2)
    if (penalty, constraint) == ("l21", "nonnegative"):
        check_l21_nonnegative(H_t, H_s, solution.coefficients, weight)
    else:
        least = objective(H_t, H_s, minimiser(H_t, H_s, penalty, constraint, weight), penalty, weight)
        assert objective(H_t, H_s, solution.coefficients, penalty, weight) == pytest.approx(least, rel=1e-9)


def check_l21_nonnegative(H_t: Tensor, H_s: Tensor, W: Tensor, weight: float) -> None:
    """The conditions of optimality, by hand, since no library at hand solves this one."""
    slope = 2 * (W @ H_s - H_t) @ H_s.T
    lengths = W.norm(dim=0)
    used = lengths > 1e-4
    assert used.any()
    assert not used.all()
    assert W.min() >= 0
    total = slope[:, used] + weight * W[:, used] / lengths[used]
    positive = W[:, used] > 1e-4
    assert total[positive].abs().max() < 1e-3 * weight
    assert total[~positive].min() > -1e-3 * weight
    assert (-slope[:, ~used]).clamp_min(0).norm(dim=0).max() <= weight * (1 + 1e-3)


@pytest.mark.parametrize("n_s", [6, 40])
@pytest.mark.parametrize("constraint", ["free", "nonnegative"])
def test_lasso_conditions_of_optimality(n_s: int, constraint: Constraint) -> None:
    H_t, H_s = features(8, n_s, 10, seed=2)
    solution = solved(H_t, H_s, "l1", constraint, tau=0.15)
    W, tau = solution.coefficients, solution.tau
    slope = 2 * (H_t - W @ H_s) @ H_s.T
    active = W.abs() > 1e-4
    assert active.any()
    assert not active.all()
    torch.testing.assert_close(slope[active], tau * W[active].sign(), rtol=0, atol=1e-4 * tau)
    assert (slope if constraint == "nonnegative" else slope.abs()).max() <= tau * (1 + 1e-4)


@every_combination
@pytest.mark.parametrize("max_iterations", [1, 2, 7, 10, 25])
def test_gap_bounds_suboptimality_however_early_one_stops(
    penalty: Penalty, constraint: Constraint, max_iterations: int
) -> None:
    for seed in range(3):
        H_t, H_s = features(3, 4, 6, seed=seed)
        solution = reconstruct(
            H_t, H_s, penalty=penalty, constraint=constraint, tau=0.05, max_iterations=max_iterations
        )
        assert solution.iterations <= max_iterations
        weight = weight_of(H_t, H_s, penalty, constraint, 0.05)
        least = objective(H_t, H_s, minimiser(H_t, H_s, penalty, constraint, weight), penalty, weight)
        excess = objective(H_t, H_s, solution.coefficients, penalty, weight) - least
        rounding = 1e-6 * float(H_t.square().sum())
        assert np.isfinite(solution.gap)
        assert excess >= -rounding if constraint != "balanced" else excess >= -1e-4 * least
        assert excess <= solution.gap + rounding


@every_combination
def test_gap_vanishes_at_the_solution(penalty: Penalty, constraint: Constraint) -> None:
    H_t, H_s = features(4, 5, 8, seed=5)
    size = float(H_t.square().sum())
    gaps = [
        reconstruct(
            H_t, H_s, penalty=penalty, constraint=constraint, tolerance=1e-12, max_iterations=iterations
        ).gap
        / size
        for iterations in (1, 300)
    ]
    assert gaps[1] == pytest.approx(0, abs=1e-4 if constraint == "balanced" else 1e-9)
    if constraint != "free" or penalty in ("l1", "l21"):
        assert gaps[0] > 10 * abs(gaps[1])  # and it was not small before


def feasible(W: Tensor, constraint: Constraint) -> Tensor:
    if constraint == "nonnegative":
        return W.abs()
    return W.abs() / W.abs().sum(dim=1, keepdim=True) if constraint == "convex" else W


WEIGHT = 0.02
REGULARISERS: list[tuple[Regulariser, Penalty, Constraint]] = [
    (L1(WEIGHT, False), "l1", "free"),
    (L1(WEIGHT, True), "l1", "nonnegative"),
    (L21(WEIGHT, False), "l21", "free"),
    (L21(WEIGHT, True), "l21", "nonnegative"),
    (RidgePenalty(WEIGHT, False), "ridge", "free"),
    (RidgePenalty(WEIGHT, True), "ridge", "nonnegative"),
    (Simplex(WEIGHT), "ridge", "convex"),
    (Simplex(0.0), "none", "convex"),
    (Simplex(0.0, WEIGHT), "l1", "convex"),
]


@pytest.mark.parametrize(("regulariser", "penalty", "constraint"), REGULARISERS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-3, 0.01, 0.03, 0.1, 1.0]))
def test_gap_is_valid_at_any_coefficients(
    regulariser: Regulariser, penalty: Penalty, constraint: Constraint, seed: int, scale: float
) -> None:
    # The target can almost be reconstructed, so that near the solution the residual may point anywhere.
    generator = torch.Generator().manual_seed(seed)
    H_s = torch.randn(4, 6, generator=generator, dtype=torch.float64) + 0.5
    H_t = feasible(torch.rand(3, 4, generator=generator, dtype=torch.float64), constraint) @ H_s
    best = minimiser(H_t, H_s, penalty, constraint, WEIGHT)
    noise = torch.randn(3, 4, generator=generator, dtype=torch.float64)
    W = feasible(torch.from_numpy(best) + scale * noise, constraint)
    excess = objective(H_t, H_s, W, penalty, WEIGHT) - objective(H_t, H_s, best, penalty, WEIGHT)
    assert float(duality_gap(H_t, H_s, W, regulariser)) >= max(excess, 0) - 1e-6


@pytest.mark.parametrize("weight", [0.02, 1.0, 50.0])
@pytest.mark.parametrize("nonnegative", [False, True])
def test_gap_of_the_lasso_is_to_the_best_dual_point_along_the_residual(nonnegative: bool, weight: float) -> None:
    H_t, H_s = (0.3 * h for h in features(5, 4, 6, seed=2))
    # Too little of each, so that some product is positive.
    W = 0.01 * torch.rand(5, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = weight * float(W.sum())
    for target, row in zip(H_t.numpy(), W.numpy(), strict=True):
        residual = target - row @ H_s.numpy()
        products = 2 * residual @ H_s.numpy().T
        stretch = weight / (products.max() if nonnegative else np.abs(products).max())
        factor = np.clip(residual @ target / (residual @ residual), 0, stretch)
        expected += residual @ residual - (2 * factor * residual @ target - factor**2 * residual @ residual)
    assert float(duality_gap(H_t, H_s, W, L1(weight, nonnegative))) == pytest.approx(expected)


def test_gap_of_least_squares_is_valid_within_its_bound() -> None:
    H_t, H_s = features(3, 4, 6, seed=0)
    best = minimiser(H_t, H_s, "none", "nonnegative", 0.0)
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        W = torch.from_numpy(best) + torch.rand(3, 4, generator=generator, dtype=torch.float64)
        excess = objective(H_t, H_s, W, "none", 0.0) - objective(H_t, H_s, best, "none", 0.0)
        assert float(duality_gap(H_t, H_s, W, Unpenalised(True))) >= excess - 1e-9


def test_tau_max_by_hand() -> None:
    H_t = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    H_s = torch.tensor([[3.0, 4.0], [-6.0, 0.0]])  # products: (3, -6) and (4, 0)
    assert tau_max(H_t, H_s) == 12
    assert tau_max(H_t, H_s, "l21") == 12
    assert tau_max(H_t, H_s, "l1", "nonnegative") == 8
    assert tau_max(H_t, H_s, "l21", "nonnegative") == 10


@pytest.mark.parametrize("penalty", ["l1", "l21"])
@pytest.mark.parametrize("constraint", ["free", "nonnegative"])
def test_coefficients_vanish_exactly_from_tau_max_on(penalty: Penalty, constraint: Constraint) -> None:
    for seed in range(5):
        H_t, H_s = features(4, 6, 5, seed=seed)
        for tau in (1.0, 1.5):
            solution = solved(H_t, H_s, penalty, constraint, tau)
            assert solution.coefficients.abs().max() < 1e-12
            assert objective(H_t, H_s, solution.coefficients, penalty, solution.tau) == pytest.approx(
                float(H_t.square().sum())
            )
        assert solved(H_t, H_s, penalty, constraint, 0.999).coefficients.abs().max() > 1e-6


def test_smaller_tau_keeps_more_coefficients() -> None:
    H_t, H_s = features(6, 10, 12)
    counts = [
        int((solved(H_t, H_s, "l1", "free", tau).coefficients.abs() > 1e-6).sum()) for tau in (0.9, 0.5, 0.1)
    ]
    assert counts[0] < counts[1] < counts[2]


@every_combination
def test_permuted_source_is_reconstructed_as_tau_vanishes(penalty: Penalty, constraint: Constraint) -> None:
    _, H_s = features(1, 6, 9, seed=4)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    H_t = H_s[order]
    permutation = np.eye(6)[order]
    size = float(H_t.square().sum())
    for tau in (1e-2, 1e-6):
        solution = solved(H_t, H_s, penalty, constraint, tau, 1e-5 if constraint == "balanced" else None)
        # The permutation itself leaves no residual, so the minimum is at most its penalty.
        bound = omega(permutation, penalty, solution.tau)
        assert objective(H_t, H_s, solution.coefficients, penalty, solution.tau) <= bound + 2e-5 * size
    residual = float((H_t - solution.coefficients @ H_s).square().sum())
    assert residual < 1e-4 * size
    np.testing.assert_allclose(solution.coefficients, permutation, atol=5e-3)


@pytest.mark.parametrize("n_s", [7, 8, 30])
def test_no_residual_where_sources_span_the_space(n_s: int) -> None:
    H_t, H_s = features(5, n_s, 7)
    solution = reconstruct(H_t, H_s, penalty="none", constraint="free")
    torch.testing.assert_close(solution.coefficients @ H_s, H_t)
    assert solution.iterations == 0
    assert solution.gap == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("penalty", ["l1", "ridge"])
def test_tau_zero_is_no_penalty(penalty: Penalty) -> None:
    H_t, H_s = features(4, 3, 7)
    for constraint in ("free", "nonnegative", "convex", "balanced"):
        solution, plain = solved(H_t, H_s, penalty, constraint, 0.0), solved(H_t, H_s, "none", constraint)
        torch.testing.assert_close(solution.coefficients, plain.coefficients)


@pytest.mark.parametrize("penalty", ["l1", "ridge", "none"])
@pytest.mark.parametrize("max_iterations", [1, 7, 2000])
def test_convex_rows(penalty: Penalty, max_iterations: int) -> None:
    H_t, H_s = features(9, 30, 5)
    W = reconstruct(H_t, H_s, penalty=penalty, constraint="convex", max_iterations=max_iterations).coefficients
    assert W.min() >= 0
    torch.testing.assert_close(W.sum(dim=1), torch.ones(9, dtype=torch.float64))


def test_l1_is_constant_on_convex_rows() -> None:
    H_t, H_s = features(4, 6, 8)
    for constraint in ("convex", "balanced"):
        with_l1, without = solved(H_t, H_s, "l1", constraint, 0.3), solved(H_t, H_s, "none", constraint)
        torch.testing.assert_close(with_l1.coefficients, without.coefficients)
        assert with_l1.penalty == pytest.approx(4 * with_l1.tau)
        assert with_l1.gap == pytest.approx(without.gap, abs=1e-9)


@pytest.mark.parametrize("penalty", ["ridge", "none"])
def test_balanced_with_a_prescribed_marginal(penalty: Penalty) -> None:
    H_t, H_s = features(4, 5, 7, seed=8)
    marginal = torch.tensor([4.0, 1.0, 2.0, 1.0, 2.0])  # need not add up to 1
    solution = reconstruct(
        H_t,
        H_s,
        penalty=penalty,
        constraint="balanced",
        source_marginal=marginal,
        tolerance=1e-6,
    )
    W, share = solution.coefficients, marginal.double() / 10
    assert W.dtype == torch.float64
    assert W.min() >= 0
    torch.testing.assert_close(W.sum(dim=1), torch.ones(4, dtype=torch.float64))
    torch.testing.assert_close(W.sum(dim=0), 4 * share, rtol=1e-3, atol=0)
    weight = weight_of(H_t, H_s, penalty, "balanced", 0.1)
    expected = minimiser(H_t, H_s, penalty, "balanced", weight, share.numpy())
    least = objective(H_t, H_s, expected, penalty, weight)
    assert objective(H_t, H_s, W, penalty, weight) == pytest.approx(least, rel=1e-5)
    np.testing.assert_allclose(W, expected, atol=2e-3)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), n_t=st.integers(1, 8), n_s=st.integers(1, 8))
def test_balanced_residual_is_at_least_the_distance_of_the_means(seed: int, n_t: int, n_s: int) -> None:
    H_t, H_s = features(n_t, n_s, 4, seed=seed)
    marginal = torch.rand(n_s, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) + 0.1
    marginal = marginal / marginal.sum()
    W = reconstruct(
        H_t, H_s, penalty="none", constraint="balanced", source_marginal=marginal, max_iterations=200
    ).coefficients
    torch.testing.assert_close(W.sum(dim=0), n_t * marginal, rtol=1e-3, atol=1e-6)
    residual = float((H_t - W @ H_s).square().sum()) / n_t
    distance = float((H_t.mean(dim=0) - marginal @ H_s).square().sum())
    assert residual >= distance * (1 - 1e-3) - 1e-9


def test_l21_selects_whole_columns() -> None:
    H_t, H_s = features(6, 25, 10)
    used = solved(H_t, H_s, "l21", "free", 0.4).coefficients.abs() > 1e-7
    assert torch.equal(used.any(dim=0), used.all(dim=0))
    assert 0 < int(used.any(dim=0).sum()) < 25
    singly = solved(H_t, H_s, "l1", "free", 0.4).coefficients.abs() > 1e-7
    assert not torch.equal(singly.any(dim=0), singly.all(dim=0))


def test_tolerance_and_iterations_are_obeyed() -> None:
    H_t, H_s = features(10, 40, 20)
    size = float(H_t.square().sum())
    for constraint in ("free", "balanced"):
        rough, fine = (
            reconstruct(H_t, H_s, constraint=constraint, tolerance=tolerance) for tolerance in (1e-2, 1e-4)
        )
        assert rough.gap <= 1e-2 * size
        assert fine.gap <= 1e-4 * size
        assert 0 < rough.iterations < fine.iterations < 10_000
        hasty = reconstruct(H_t, H_s, constraint=constraint, tolerance=1e-9, max_iterations=3)
        assert hasty.iterations == 3
        assert hasty.gap > 1e-9 * size


def test_rows_do_not_depend_on_one_another() -> None:
    H_t, H_s = features(5, 8, 6)
    for constraint in ("free", "nonnegative", "convex"):
        weight = tau_max(H_t, H_s, "l1", constraint)
        together = solved(H_t, H_s, "l1", constraint, 0.1)
        for row in range(5):
            alone = H_t[row : row + 1]
            share = 0.1 * weight / tau_max(alone, H_s, "l1", constraint)
            single = solved(alone, H_s, "l1", constraint, share).coefficients
            torch.testing.assert_close(together.coefficients[row : row + 1], single, rtol=0, atol=1e-5)


def test_nothing_is_recorded() -> None:
    H_t, H_s = (h.requires_grad_() for h in features(4, 5, 6))
    assert not reconstruct(H_t, H_s).coefficients.requires_grad


@pytest.mark.parametrize("constraint", ["convex", "balanced"])
def test_l21_with_convex_rows_is_refused(constraint: Constraint) -> None:
    H_t, H_s = features(3, 4, 5)
    with pytest.raises(UserError, match=f"l21 .* {constraint}"):
        reconstruct(H_t, H_s, penalty="l21", constraint=constraint)


def test_negative_tau_is_refused() -> None:
    H_t, H_s = features(3, 4, 5)
    with pytest.raises(UserError, match=r"negative \(-0.1\)"):
        reconstruct(H_t, H_s, tau=-0.1)
