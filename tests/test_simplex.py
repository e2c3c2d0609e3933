"""The projection onto the simplex, by the conditions that make it the nearest point."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor

from didan.simplex import in_descending_order, project_simplex, quickly_in_descending_order

either_order = pytest.mark.parametrize("ordered", [in_descending_order, quickly_in_descending_order])


def matrix(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@either_order
@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), d=st.integers(1, 30), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_simplex_projection_satisfies_its_conditions(
    ordered: Callable[[Tensor], Tensor], seed: int, d: int, scale: float
) -> None:
    x = scale * matrix(seed, 2, d)
    projected = project_simplex(x, ordered)
    torch.testing.assert_close(projected.sum(dim=1), torch.ones(2, dtype=torch.float64))
    assert projected.min() >= 0
    # Nearest: x - p makes an obtuse angle with every way into the simplex, whose corners are unit vectors.
    away = x - projected
    assert (away.amax(dim=1) - (away * projected).sum(dim=1)).max() <= 1e-9 * max(scale, 1)


def test_simplex_projection_keeps_its_points() -> None:
    x = matrix(0, 5, 7).softmax(dim=1)
    torch.testing.assert_close(project_simplex(x), x)


@either_order
@given(values=arrays(np.float64, (3, 5), elements=st.integers(-3, 3).map(float)), shift=st.integers(-100, 100))
def test_rows_in_order_whatever_their_ties(
    ordered: Callable[[Tensor], Tensor], values: np.ndarray, shift: int
) -> None:
    x = torch.from_numpy(values)
    assert ordered(x).tolist() == [sorted(row, reverse=True) for row in values.tolist()]
    # What all entries have in common is at right angles to the simplex; whole numbers are added without rounding.
    torch.testing.assert_close(project_simplex(x + shift, ordered), project_simplex(x, ordered))
    torch.testing.assert_close(project_simplex(x.flip(1), ordered), project_simplex(x, ordered).flip(1))
