"""The projection onto the simplex, by the conditions that make it the nearest point."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from didan.simplex import project_simplex


def matrix(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10_000), d=st.integers(1, 30), scale=st.sampled_from([1e-3, 1.0, 1e3]))
def test_simplex_projection_satisfies_its_conditions(seed: int, d: int, scale: float) -> None:
    x = scale * matrix(seed, 2, d)
    projected = project_simplex(x)
    torch.testing.assert_close(projected.sum(dim=1), torch.ones(2, dtype=torch.float64))
    assert projected.min() >= 0
    # Nearest: x - p makes an obtuse angle with every way into the simplex, whose corners are unit vectors.
    away = x - projected
    assert (away.amax(dim=1) - (away * projected).sum(dim=1)).max() <= 1e-9 * max(scale, 1)


def test_simplex_projection_keeps_its_points() -> None:
    x = matrix(0, 5, 7).softmax(dim=1)
    torch.testing.assert_close(project_simplex(x), x)
