"""Hand-made batches whose groups can be reconstructed from the right source utterances only."""

from typing import Any

import pytest
import torch

from didan.alignment import align, class_balanced_marginal, grouped_alignment

EXACT: dict[str, Any] = {"penalty": "none", "constraint": "convex", "tolerance": 1e-8, "max_iterations": 5000}
ONE, COARSE, FINE = torch.tensor([0, 0, 0, 0]), torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 2, 3])


def four_emotions() -> tuple[torch.Tensor, torch.Tensor]:
    """Two utterances of each emotion, every emotion in a direction of its own."""
    labels = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    noise = 0.1 * torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
    return torch.eye(6)[labels] + noise, labels


@pytest.mark.parametrize("constraint", ["convex", "balanced"])
def test_one_group_is_ida(constraint: str) -> None:
    h, labels = four_emotions()
    h_t = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    options = EXACT | {"constraint": constraint, "tolerance": 1e-5}
    grouped = grouped_alignment(h, h_t, labels, torch.tensor([0, 1, 2, 3, 0]), ONE, **options)
    expected = align(h, h_t, source_marginal=class_balanced_marginal(labels), **options)
    assert float(grouped.loss.detach()) == pytest.approx(float(expected.loss.detach()), abs=1e-4)
    assert grouped.diagnostics["residual"] == pytest.approx(expected.diagnostics["residual"], abs=1e-3)


@pytest.mark.parametrize("groups", [ONE, COARSE, FINE])
def test_permuted_source_with_its_own_labels_is_explained(groups: torch.Tensor) -> None:
    h, labels = four_emotions()
    assert float(grouped_alignment(h, h.flip(0), labels, labels.flip(0), groups, **EXACT).loss.detach()) < 1e-5


def test_the_finer_the_groups_the_more_a_wrong_pseudo_label_costs() -> None:
    h, labels = four_emotions()
    near = labels.clone()  # 0 taken for 1 and 1 for 0: wrong emotion, right coarse class
    near[labels == 0], near[labels == 1] = 1, 0
    far = (labels + 2) % 4  # wrong coarse class
    cost = {
        (name, level): float(grouped_alignment(h, h, labels, pseudo, groups, **EXACT).loss.detach())
        for name, pseudo in (("near", near), ("far", far))
        for level, groups in (("one", ONE), ("coarse", COARSE), ("fine", FINE))
    }
    assert cost["near", "one"] < 1e-5
    assert cost["near", "coarse"] < 1e-5
    assert cost["near", "fine"] > 0.1
    assert cost["far", "one"] < 1e-5
    assert cost["far", "coarse"] > 0.1
    assert cost["far", "fine"] > 0.1


def test_target_of_a_group_without_source_is_left_out() -> None:
    h, labels = four_emotions()
    source, of_source = h[labels < 3], labels[labels < 3]
    pseudo = torch.full((8,), 3)
    target = h.clone().requires_grad_()
    nothing = grouped_alignment(source, target, of_source, pseudo, FINE, **EXACT)
    nothing.loss.backward()  # type: ignore[no-untyped-call]
    assert float(nothing.loss.detach()) == 0
    pseudo[0] = 0
    some = grouped_alignment(source, h, of_source, pseudo, FINE, **EXACT)
    # One of eight is aligned, so the loss is an eighth of its squared residual.
    assert float(some.loss.detach()) == pytest.approx(some.diagnostics["residual"] ** 2 / 8, abs=1e-6)


def test_gradient_is_that_of_the_groups_taken_alone() -> None:
    h, labels = four_emotions()
    target = torch.randn(8, 6, generator=torch.Generator().manual_seed(3)).requires_grad_()
    grouped_alignment(h, target, labels, labels, COARSE, **EXACT).loss.backward()  # type: ignore[no-untyped-call]
    assert target.grad is not None
    step = 1e-3
    for row, column in ((0, 0), (5, 2)):
        moved = [target.detach().clone() for _ in range(2)]
        for sign, h_t in zip((1, -1), moved, strict=True):
            h_t[row, column] += sign * step
        up, down = (
            float(grouped_alignment(h, h_t, labels, labels, COARSE, **EXACT).loss.detach()) for h_t in moved
        )
        assert float(target.grad[row, column]) == pytest.approx((up - down) / (2 * step), abs=2e-3)
