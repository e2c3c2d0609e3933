"""Beside scipy's relative entropy."""

import numpy as np
import pytest
import torch
from scipy.stats import entropy

from didan.alignment.divergence import divergence


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_relative_entropy(seed: int) -> None:
    p, prior = np.random.default_rng(seed).dirichlet([0.7] * 5, size=2)
    assert float(divergence(torch.tensor(p), torch.tensor(prior))) == pytest.approx(entropy(p, prior))


def test_what_never_occurs_is_finite() -> None:
    p = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    prior = torch.tensor([0.5, 0.5], dtype=torch.float64)
    loss = divergence(p, prior)
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == pytest.approx(np.log(2))
    assert p.grad is not None
    assert bool(p.grad.isfinite().all())
    assert float(divergence(prior, torch.tensor([0.0, 1.0], dtype=torch.float64))) == pytest.approx(
        0.5 * np.log(0.5 / 1e-8) + 0.5 * np.log(0.5)
    )
