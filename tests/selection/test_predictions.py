"""Compared with closed forms, explicit loops, scipy, and skada's scorers where their formula is the same."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import scipy.stats
from sklearn.linear_model import LogisticRegression

from didan.selection import predictions
from didan.selection.predictions import entropy, information_maximisation, soft_neighbourhood_density

Floats = npt.NDArray[np.float64]
FUNCTIONS = [entropy, information_maximisation, soft_neighbourhood_density]
every_function = pytest.mark.parametrize("function", FUNCTIONS)


def predicted(n: int = 40, c: int = 4, seed: int = 0) -> Floats:
    return np.random.default_rng(seed).dirichlet(np.full(c, 0.5), n)


@pytest.mark.parametrize("n_emotions", [2, 5])
def test_predictions_without_a_clue(n_emotions: int) -> None:
    flat = np.full((7, n_emotions), 1 / n_emotions)
    assert entropy(flat) == pytest.approx(math.log(n_emotions))
    assert information_maximisation(flat) == pytest.approx(0)
    assert soft_neighbourhood_density(flat) == pytest.approx(math.log(6))


@pytest.mark.parametrize("n_emotions", [2, 5])
def test_sure_and_evenly_spread_predictions(n_emotions: int) -> None:
    sure = np.tile(np.eye(n_emotions), (3, 1))
    assert entropy(sure) == 0
    assert information_maximisation(sure) == pytest.approx(math.log(n_emotions))
    assert soft_neighbourhood_density(sure) == pytest.approx(math.log(2), abs=1e-5)


def test_collapse_is_rewarded_by_entropy_and_density_alone() -> None:
    collapsed, fair = np.tile([1.0, 0, 0, 0], (40, 1)), predicted()
    assert entropy(collapsed) < entropy(fair)
    assert soft_neighbourhood_density(collapsed) > soft_neighbourhood_density(fair)
    assert information_maximisation(collapsed) < information_maximisation(fair)


def test_entropy_is_that_of_scipy() -> None:
    p = predicted()
    assert entropy(p) == pytest.approx(scipy.stats.entropy(p, axis=1).mean())


def test_information_is_the_divergence_of_the_predictions_from_their_mean() -> None:
    p = predicted()
    divergences = scipy.stats.entropy(p, p.mean(axis=0)[None], axis=1)
    assert information_maximisation(p) == pytest.approx(divergences.mean())


@pytest.mark.parametrize("temperature", [0.05, 1.0])
@pytest.mark.parametrize("block", [1000, 7])
def test_density_by_loops(temperature: float, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "_BLOCK", block)
    p = predicted(20)
    total = 0.0
    for i in range(20):
        others = [j for j in range(20) if j != i]
        cosines = [float(p[i] @ p[j]) / math.dist(p[i], [0] * 4) / math.dist(p[j], [0] * 4) for j in others]
        weights = [math.exp(cosine / temperature) for cosine in cosines]
        shares = [weight / sum(weights) for weight in weights]
        total -= sum(share * math.log(share) for share in shares)
    assert soft_neighbourhood_density(p, temperature) == pytest.approx(total / 20)


def test_density_needs_a_neighbour() -> None:
    assert math.isnan(soft_neighbourhood_density(predicted(1)))
    assert soft_neighbourhood_density(predicted(2)) == pytest.approx(0)


@every_function
def test_order_of_utterances_and_emotions_does_not_matter(function: Callable[[Floats], float]) -> None:
    p, generator = predicted(), np.random.default_rng(1)
    shuffled = p[generator.permutation(40)][:, generator.permutation(4)]
    assert function(shuffled) == pytest.approx(function(p))


@pytest.mark.usefixtures("skada_settings")
@pytest.mark.parametrize("seed", range(3))
def test_scorers_of_skada_agree(seed: int) -> None:
    import skada
    from skada.metrics import PredictionEntropyScorer, SoftNeighborhoodDensity

    generator = np.random.default_rng(seed)
    x, y = generator.normal(size=(90, 5)), np.tile([0, 1, 2], 30)
    x[:, :3] += 2 * np.eye(3)[y]
    domain = np.repeat([1, -2], [50, 40])
    estimator = skada.make_da_pipeline(LogisticRegression()).fit(x[:50], y[:50], sample_domain=domain[:50])
    p = estimator.predict_proba(x[50:], sample_domain=domain[50:], allow_source=True)
    labels = np.where(domain > 0, y, -1)
    # Theirs is minus the mean over utterances and emotions, where the paper sums over emotions.
    scores = PredictionEntropyScorer()(estimator, x, labels, sample_domain=domain)
    assert entropy(p) == pytest.approx(-3 * scores)
    density = SoftNeighborhoodDensity()(estimator, x, labels, sample_domain=domain)
    assert soft_neighbourhood_density(p) == pytest.approx(density, abs=1e-6)
