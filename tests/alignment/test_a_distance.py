"""The proxy A-distance against scikit-learn's ridge regression, fitted anew without each utterance."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from didan.alignment import proxy_a_distance


@pytest.mark.parametrize("n_source", [4, 12])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shift", [0.7, 1.5, 3.0])
def test_it_is_the_error_of_leaving_one_out(n_source: int, seed: int, shift: float) -> None:
    rng, sizes = np.random.default_rng(seed), [n_source, 32 - n_source]
    h_s, h_t = rng.normal(size=(sizes[0], 3)), rng.normal(shift, 1, size=(sizes[1], 3))
    h, y = np.concatenate([h_s, h_t]), np.repeat([1.0, -1.0], sizes)
    weights = np.repeat([0.5 / sizes[0], 0.5 / sizes[1]], sizes)
    scatter = np.cov(h, rowvar=False, aweights=weights, ddof=0)
    penalty = np.trace(scatter) / 3
    error = 0.0
    for i in range(32):
        others = np.arange(32) != i
        ridge = Ridge(penalty).fit(h[others], y[others], weights[others])
        error += weights[i] * (ridge.predict(h[[i]])[0] * y[i] <= 0)
    expected = max(2 * (1 - 2 * error), 0)
    assert proxy_a_distance(torch.tensor(h_s), torch.tensor(h_t)) == pytest.approx(expected)


def test_the_same_distribution_has_nearly_none() -> None:
    draws = torch.randn(20, 400, 8, generator=torch.Generator().manual_seed(0))
    assert np.mean([proxy_a_distance(h[:200], h[200:]) for h in draws]) < 0.1


def test_scale_of_the_features_plays_no_part() -> None:
    h = torch.randn(40, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    h[20:, 0] += 1
    assert 0 < proxy_a_distance(h[:20], h[20:]) < 2
    assert proxy_a_distance(1e-3 * h[:20], 1e-3 * h[20:]) == proxy_a_distance(h[:20], h[20:])
