import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from torch import Tensor

from didan.alignment import reconstruct
from didan.alignment.transport import marginal_gap, scale_to_marginals, solve_balanced


def random(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def column_sums(seed: int, n_t: int, n_s: int) -> Tensor:
    return n_t * random(seed, n_s).softmax(dim=0)


def linear_transport(cost: Tensor, columns: Tensor) -> tuple[float, Tensor]:
    """The least ``<cost, V>`` over nonnegative V with row sums 1, and the dual variables of the columns."""
    n_t, n_s = cost.shape
    A = np.vstack([np.kron(np.eye(n_t), np.ones(n_s)), np.kron(np.ones(n_t), np.eye(n_s))])
    solution = linprog(cost.numpy().ravel(), A_eq=A, b_eq=np.concatenate([np.ones(n_t), columns.numpy()]))
    assert solution.success
    return float(solution.fun), torch.tensor(solution.eqlin.marginals[n_t:])


def loss(H_t: Tensor, H_s: Tensor, W: Tensor, tau: float) -> float:
    return float((H_t - W @ H_s).square().sum() + tau * W.square().sum())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), n_t=st.integers(1, 9), n_s=st.integers(1, 9))
def test_scaling_meets_both_marginals_by_scaling_alone(seed: int, n_t: int, n_s: int) -> None:
    log_kernel, columns = random(seed, n_t, n_s), column_sums(seed + 1, n_t, n_s)
    scaled, log_v = scale_to_marginals(log_kernel, columns, 1e-10)
    torch.testing.assert_close(scaled.sum(dim=1), torch.ones(n_t, dtype=torch.float64))
    torch.testing.assert_close(scaled.sum(dim=0), columns, rtol=1e-7, atol=0)
    # diag(u) K diag(v) has one factor per row once v is taken out; with the marginals that is unique.
    rows = scaled.log() - log_kernel - log_v
    torch.testing.assert_close(rows, rows[:, :1].expand(-1, n_s))


def test_scaling_of_a_two_by_two_kernel() -> None:
    # Uniform marginals: [[p, 1-p], [1-p, p]] with (p / (1-p))^2 equal to the kernel's cross ratio.
    scaled, _ = scale_to_marginals(torch.tensor([[2.0, 1.0], [3.0, 6.0]]).log(), torch.tensor([1.0, 1.0]), 1e-6)
    torch.testing.assert_close(scaled, torch.tensor([[2.0, 1.0], [1.0, 2.0]]) / 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scaling_survives_extreme_kernels(dtype: torch.dtype) -> None:
    log_kernel, columns = 300 * random(0, 6, 5).to(dtype), column_sums(1, 6, 5).to(dtype)
    log_kernel[:, 2] -= 1e4
    scaled, log_v = scale_to_marginals(log_kernel, columns, 1e-5)
    assert scaled.isfinite().all()
    assert scaled.min() >= 0
    assert log_v.isfinite().all()
    torch.testing.assert_close(scaled.sum(dim=1), torch.ones(6, dtype=dtype))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), n_t=st.integers(1, 6), n_s=st.integers(1, 6), scale=st.floats(0, 10))
def test_gap_is_at_least_that_of_the_exact_transport(seed: int, n_t: int, n_s: int, scale: float) -> None:
    gradient, columns = random(seed, n_t, n_s), column_sums(seed + 1, n_t, n_s)
    W = columns.expand(n_t, -1) / n_t
    least, _ = linear_transport(gradient, columns)
    exact = float((gradient * W).sum()) - least
    beta = scale * random(seed + 2, n_s)
    assert float(marginal_gap(gradient, W, columns, beta)) >= exact - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_gap_is_exact_at_the_dual_solution(seed: int) -> None:
    gradient, columns = random(seed, 5, 4), column_sums(seed + 1, 5, 4)
    W = columns.expand(5, -1) / 5
    least, beta = linear_transport(gradient, columns)
    exact = float((gradient * W).sum()) - least
    assert float(marginal_gap(gradient, W, columns, beta)) == pytest.approx(exact)
    assert exact > 0


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("tau", [0.0, 0.5])
def test_bounds_come_in_order(seed: int, tau: float) -> None:
    """Reported gap >= exact Frank-Wolfe gap >= what W really is away from the minimum."""
    H_t, H_s = random(seed, 5, 6), random(seed + 1, 4, 6)
    marginal = random(seed + 2, 4).softmax(dim=0)
    W, gap, _ = solve_balanced(H_t, H_s, marginal, tau, 1e-4, 10)
    gradient = 2 * ((W @ H_s - H_t) @ H_s.T + tau * W)
    least, _ = linear_transport(gradient, 5 * marginal)
    frank_wolfe = float((gradient * W).sum()) - least
    best, small, _ = solve_balanced(H_t, H_s, marginal, tau, 1e-5, 500)
    excess = loss(H_t, H_s, W, tau) - loss(H_t, H_s, best, tau)
    assert float(small) < 0.05 * float(gap)
    assert float(gap) >= frank_wolfe - 1e-9
    assert frank_wolfe >= excess - 1e-4
    assert excess > 0


@pytest.mark.parametrize("tau", [0.0, 0.3, 2.0])
def test_two_by_two_in_closed_form(tau: float) -> None:
    H_t = torch.tensor([[1.0, 0.5], [0.0, -0.5]], dtype=torch.float64)
    H_s = torch.tensor([[0.5, 1.5], [-1.0, 0.0]], dtype=torch.float64)
    # W = [[p, 1-p], [1-p, p]] = A + (p - 1/2) B leaves one variable, in which the loss is a parabola.
    mean, difference = H_s.mean(dim=0), H_s[0] - H_s[1]
    toward = (H_t[0] - mean) @ difference - (H_t[1] - mean) @ difference
    q = float(toward / (2 * difference @ difference + 4 * tau))
    p = min(max(0.5 + q, 0.0), 1.0)
    half = torch.tensor([0.5, 0.5], dtype=torch.float64)
    W, _, _ = solve_balanced(H_t, H_s, half, tau, 1e-7, 5000)
    torch.testing.assert_close(W, torch.tensor([[p, 1 - p], [1 - p, p]]).double(), rtol=0, atol=1e-3)


def test_one_source_utterance_explains_all() -> None:
    W, _, _ = solve_balanced(random(0, 4, 3), random(1, 1, 3), torch.ones(1).double(), 0.0, 1e-6, 50)
    torch.testing.assert_close(W, torch.ones(4, 1, dtype=torch.float64))


def test_one_target_utterance_gets_the_marginal() -> None:
    marginal = random(2, 5).softmax(dim=0)
    W, _, _ = solve_balanced(random(0, 1, 3), random(1, 5, 3), marginal, 0.0, 1e-6, 50)
    torch.testing.assert_close(W, marginal[None], rtol=1e-4, atol=0)


def test_a_ridge_that_dominates_leaves_the_marginal() -> None:
    """The least ``||W||_F`` with these sums has the marginal in every row."""
    H_t, H_s, marginal = random(0, 6, 3), random(1, 5, 3), random(2, 5).softmax(dim=0)
    W, gap, _ = solve_balanced(0.01 * H_t, 0.01 * H_s, marginal, 50.0, 1e-3, 200)
    torch.testing.assert_close(W, marginal.expand(6, -1), rtol=1e-3, atol=0)
    assert gap.isfinite()


@pytest.mark.parametrize("tau", [0.0, 5.0, 50.0])
def test_a_ridge_is_no_obstacle(tau: float) -> None:
    H_t, H_s, marginal = random(0, 6, 3), random(1, 5, 3), random(2, 5).softmax(dim=0)
    W, gap, iterations = solve_balanced(H_t, H_s, marginal, tau, 1e-3, 300)
    assert iterations < 300
    assert float(gap) <= 1e-3 * float(H_t.square().sum())
    assert loss(H_t, H_s, W, tau) < loss(H_t, H_s, marginal.expand(6, -1), tau)


@pytest.mark.parametrize("tau", [0.0, 0.5])
def test_scale_of_the_features_plays_no_part(tau: float) -> None:
    H_t, H_s, marginal = random(0, 8, 3), random(1, 6, 3), random(2, 6).softmax(dim=0)
    W, gap, iterations = solve_balanced(H_t, H_s, marginal, tau, 1e-2, 500)
    assert 0 < iterations < 500
    for factor in (2**-6, 2**6):  # powers of two, which round nothing
        scaled, of_scaled, taken = solve_balanced(factor * H_t, factor * H_s, marginal, factor**2 * tau, 1e-2, 500)
        assert torch.equal(scaled, W)
        assert float(of_scaled) == factor**2 * float(gap)
        assert taken == iterations


@pytest.mark.parametrize("most", [0, 1, 7, 10])
def test_iterations_are_counted_and_bounded(most: int) -> None:
    H_t, H_s, marginal = random(0, 6, 3), random(1, 5, 3), random(2, 5).softmax(dim=0)
    W, gap, iterations = solve_balanced(H_t, H_s, marginal, 0.0, 1e-12, most)
    assert iterations == most
    assert bool(gap.isfinite()) == (most > 0)
    if not most:
        torch.testing.assert_close(W, marginal.expand(6, -1))


def test_where_the_features_lie_plays_no_part() -> None:
    H_t, H_s, marginal = random(0, 6, 3), random(1, 5, 3), random(2, 5).softmax(dim=0)
    W, gap, _ = solve_balanced(H_t, H_s, marginal, 0.0, 0.0, 10)
    moved, of_moved, _ = solve_balanced(H_t + 2, H_s + 2, marginal, 0.0, 0.0, 10)
    torch.testing.assert_close(moved, W, rtol=1e-6, atol=1e-9)
    assert float(of_moved) == pytest.approx(float(gap), rel=1e-4)


@pytest.mark.parametrize("tolerance", [5e-3, 0.5])
def test_training_settings_keep_the_marginal_closely(tolerance: float) -> None:
    """At the tolerance used for training, columns are met to a few per cent even for many utterances."""
    H_t, H_s = random(0, 64, 32).float(), random(1, 64, 32).float()
    coefficients = reconstruct(
        H_t, H_s, penalty="none", constraint="balanced", tolerance=tolerance, max_iterations=50
    ).coefficients
    assert (coefficients.sum(dim=0) - 1).abs().max() < 0.05


@pytest.mark.parametrize("seed", range(4))
def test_scaling_is_that_of_pot(seed: int) -> None:
    ot = pytest.importorskip("ot")
    log_kernel, columns = random(seed, 7, 5), column_sums(seed + 1, 7, 5)
    scaled, _ = scale_to_marginals(log_kernel, columns, 1e-10)
    theirs = ot.sinkhorn(np.ones(7) / 7, columns.numpy() / 7, -log_kernel.numpy(), reg=1.0, stopThr=1e-12)
    np.testing.assert_allclose(scaled.numpy(), 7 * theirs, atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_balanced_coefficients_are_weak_transport_as_pot_solves_it(seed: int) -> None:
    ot = pytest.importorskip("ot")
    H_t, H_s, marginal = random(seed, 6, 3), random(seed + 1, 5, 3), random(seed + 2, 5).softmax(dim=0)
    W, gap, _ = solve_balanced(H_t, H_s, marginal, 0.0, 1e-5, 2000)
    plan = ot.weak_optimal_transport(
        H_t.numpy(), H_s.numpy(), np.ones(6) / 6, marginal.numpy(), numItermax=5000, stopThr=1e-12, stopThr2=1e-12
    )
    theirs = torch.from_numpy(6 * plan)
    assert loss(H_t, H_s, W, 0.0) == pytest.approx(loss(H_t, H_s, theirs, 0.0), rel=1e-4)
    assert loss(H_t, H_s, W, 0.0) <= loss(H_t, H_s, theirs, 0.0) + float(gap) + 1e-9
    # What is reconstructed is unique, unlike W.
    torch.testing.assert_close(W @ H_s, theirs @ H_s, rtol=0, atol=2e-2)
