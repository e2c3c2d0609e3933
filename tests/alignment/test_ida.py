from typing import Unpack

import numpy as np
import pytest
import torch
from torch import Tensor

from didan.alignment import Alignment, align, ida, implicit_distribution_alignment, reconstruct, tau_max
from didan.alignment.reconstruction import Constraint, Penalty, Reconstruction, ReconstructionOptions

CHOICES: list[tuple[Penalty, Constraint]] = [
    ("l1", "free"),
    ("l21", "free"),
    ("ridge", "free"),
    ("none", "free"),
    ("l1", "nonnegative"),
    ("ridge", "nonnegative"),
    ("none", "nonnegative"),
    ("none", "convex"),
    ("ridge", "convex"),
    ("none", "balanced"),
    ("ridge", "balanced"),
]
every_choice = pytest.mark.parametrize(("penalty", "constraint"), CHOICES)


def features(n_s: int = 4, n_t: int = 3, d: int = 7, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    h_s = torch.randn(n_s, d, generator=generator, dtype=torch.float64)
    h_t = torch.rand(n_t, n_s, generator=generator, dtype=torch.float64) @ h_s
    return h_s, h_t + 0.7 * torch.randn(n_t, d, generator=generator, dtype=torch.float64)


def options(penalty: Penalty, constraint: Constraint) -> ReconstructionOptions:
    tolerance = 1e-5 if constraint == "balanced" else 1e-13
    return {"penalty": penalty, "constraint": constraint, "tolerance": tolerance, "max_iterations": 5000}


@every_choice
def test_gradient_is_that_of_the_minimised_objective(
    penalty: Penalty, constraint: Constraint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Danskin's theorem: solving W again at every displaced point gives the slope that W held fixed gives."""
    h_s, h_t = (h.requires_grad_() for h in features())
    weights: list[float] = []

    def with_fixed_weight(H_t: Tensor, H_s: Tensor, **given: Unpack[ReconstructionOptions]) -> Reconstruction:
        # tau is a fraction of a number that moves with the features; the objective is the one at fixed weight.
        scale = tau_max(H_t, H_s, penalty, constraint)
        weights.append(weights[0] if weights else 0.1 * scale)
        given["tau"] = weights[0] / scale
        return reconstruct(H_t, H_s, **given)

    monkeypatch.setattr(ida, "reconstruct", with_fixed_weight)
    settings = options(penalty, constraint)
    slopes = torch.autograd.grad(implicit_distribution_alignment(h_s, h_t, **settings), (h_s, h_t))
    width = 1e-2 if constraint == "balanced" else 1e-4  # of a size with the accuracy of the solver
    accuracy = 2e-3 if constraint == "balanced" else 1e-5
    generator = torch.Generator().manual_seed(1)
    for _ in range(1 if constraint == "balanced" else 3):
        for moved in (0, 1):
            way = torch.randn(slopes[moved].shape, generator=generator, dtype=torch.float64)
            way = way / way.norm()

            def at(distance: float, way: Tensor = way, moved: int = moved) -> float:
                with torch.no_grad():
                    pair = [h_s, h_t]
                    pair[moved] = pair[moved] + distance * way
                    return float(implicit_distribution_alignment(pair[0], pair[1], **settings))

            measured = (8 * (at(width) - at(-width)) - (at(2 * width) - at(-2 * width))) / (12 * width)
            assert float((slopes[moved] * way).sum()) == pytest.approx(measured, abs=accuracy)
    assert max(float(slope.abs().max()) for slope in slopes) > 10 * accuracy


@every_choice
@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_rescaled_features_have_the_same_loss(penalty: Penalty, constraint: Constraint, factor: float) -> None:
    h_s, h_t = features()
    settings = options(penalty, constraint)
    first, second = align(h_s, h_t, **settings), align(factor * h_s, factor * h_t, **settings)
    assert float(second.loss) == pytest.approx(float(first.loss), rel=1e-6)


@every_choice
def test_order_of_utterances_does_not_matter(penalty: Penalty, constraint: Constraint) -> None:
    h_s, h_t = features(6, 5, 9)
    settings = options(penalty, constraint)
    loss = float(align(h_s, h_t, **settings).loss)
    assert float(align(h_s.flip(0), h_t.roll(2, 0), **settings).loss) == pytest.approx(loss, abs=1e-5)


@every_choice
def test_permuted_source_leaves_almost_nothing(penalty: Penalty, constraint: Constraint) -> None:
    h_s, _ = features(6, 3, 9)
    settings = options(penalty, constraint) | ReconstructionOptions(tau=1e-6)
    alignment = align(h_s, h_s[[2, 5, 0, 1, 4, 3]], **settings)
    assert float(alignment.loss) < 1e-4
    assert alignment.diagnostics["residual"] < 1e-2


@pytest.mark.parametrize("constraint", ["convex", "balanced"])
def test_distance_raises_the_loss(constraint: Constraint) -> None:
    generator = torch.Generator().manual_seed(0)
    h_s, h_t = torch.randn(2, 20, 6, generator=generator)
    shift = torch.tensor([1.0, 0, 0, 0, 0, 0])
    losses = [
        float(align(h_s, h_t + size * shift, penalty="none", constraint=constraint, tolerance=1e-3).loss)
        for size in (0.0, 2.0, 8.0)
    ]
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize("penalty", ["l1", "l21"])
@pytest.mark.parametrize("constraint", ["free", "nonnegative"])
def test_nothing_is_aligned_from_tau_max_on(penalty: Penalty, constraint: Constraint) -> None:
    h_s, h_t = features(5, 8, 6)
    alignment = align(h_s, h_t, penalty=penalty, constraint=constraint, tau=1.0)
    # W = 0 leaves ||H_t||^2 / n_t, and rows have length 1.
    assert float(alignment.loss) == pytest.approx(1)
    assert alignment.diagnostics["residual"] == pytest.approx(1)
    assert alignment.diagnostics["used"] == 0


def test_residual_is_relative() -> None:
    h_s, h_t = features(4, 6, 9)
    for constraint in ("free", "nonnegative", "convex", "balanced"):
        alignment = align(h_s, h_t, penalty="none", constraint=constraint, tolerance=1e-4)
        # Without a penalty the loss is the squared residual per row of length 1.
        assert alignment.diagnostics["residual"] == pytest.approx(float(alignment.loss) ** 0.5)
        assert 0 < alignment.diagnostics["residual"] < 1.5


def test_used_counts_the_sources_of_a_target() -> None:
    h_s, h_t = features(6, 5, 9)
    permuted = align(h_s, h_s.flip(0), penalty="none", constraint="convex", tolerance=1e-12)
    assert permuted.diagnostics["used"] == 1
    assert align(h_s, h_t, penalty="ridge", constraint="free").diagnostics["used"] == pytest.approx(6, abs=0.2)
    sparse, dense = (align(h_s, h_t, tau=tau).diagnostics["used"] for tau in (0.7, 0.05))
    assert 0 < sparse < dense <= 6


def test_a_coefficient_counts_from_a_thousandth_of_the_largest_on(monkeypatch: pytest.MonkeyPatch) -> None:
    W = torch.tensor([[50.0, 0.06, 0.04], [-0.02, 0.00003, 0.00001], [0.0, 0.0, 0.0]])
    monkeypatch.setattr(ida, "reconstruct", lambda *_, **__: Reconstruction(W, 0.0, 0.0, 0.0, 1))
    assert align(*(h.float() for h in features(3, 3))).diagnostics["used"] == pytest.approx(4 / 3)


def test_the_centre_is_half_way_between_the_means() -> None:
    h_s, h_t = features(6, 3)
    centre = (h_s.numpy().mean(axis=0) + h_t.numpy().mean(axis=0)) / 2
    for h, normalised in zip((h_s, h_t), ida.normalise_together(h_s, h_t), strict=True):
        moved = h.numpy() - centre
        np.testing.assert_allclose(normalised.numpy(), moved / np.linalg.norm(moved, axis=1, keepdims=True))


def test_gap_is_relative_and_obeys_the_tolerance() -> None:
    h_s, h_t = features(12, 30, 8)
    for constraint in ("free", "convex", "balanced"):
        for tolerance in (1e-2, 1e-3):
            gap = align(h_s, h_t, constraint=constraint, tolerance=tolerance).diagnostics["gap"]
            assert -1e-9 <= gap <= tolerance
        hasty = align(h_s, h_t, constraint=constraint, tolerance=1e-9, max_iterations=2)
        assert hasty.diagnostics["gap"] > 1e-9


def test_penalty_is_part_of_the_loss() -> None:
    h_s, h_t = features()
    alignment = align(h_s, h_t, penalty="l1", constraint="convex", tau=0.5, tolerance=1e-10)
    plain = align(h_s, h_t, penalty="none", constraint="convex", tolerance=1e-10)
    # Convex rows have l1 norm 1, so the penalty is its weight; unit rows have products of at most 1.
    assert 0 < float(alignment.loss - plain.loss) <= 2 * 0.5 * 1
    assert alignment.diagnostics["residual"] == pytest.approx(plain.diagnostics["residual"])


def test_short_form_is_the_loss() -> None:
    h_s, h_t = features()
    alignment = align(h_s, h_t)
    assert isinstance(alignment, Alignment)
    assert alignment.loss.shape == ()
    assert float(implicit_distribution_alignment(h_s, h_t)) == float(alignment.loss)


def test_single_precision_stays_single() -> None:
    h_s, h_t = (h.float() for h in features())
    assert align(h_s, h_t).loss.dtype == torch.float32
