"""Where only the class prior differs, estimates come out right."""

import numpy as np
from benchmarks.class_prior import by_confusions, by_expectation_maximisation, frequencies

TRUTH = np.array([0.6, 0.3, 0.1])
CONFUSION = np.array([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])  # column c: how emotion c is predicted


def draw_predictions(n: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    labels = generator.choice(3, n, p=TRUTH)
    return np.array([generator.choice(3, p=CONFUSION[:, label]) for label in labels])


def test_estimates_come_near_where_counts_do_not() -> None:
    classes = draw_predictions(20_000)
    predicted = frequencies(classes, 3)
    assert np.abs(predicted - TRUTH).max() > 0.1
    np.testing.assert_allclose(by_confusions(CONFUSION, predicted), TRUTH, atol=0.02)
    # Probabilities of a calibrated network, trained with all emotions equally often: p(emotion | predicted)
    probabilities = (CONFUSION / CONFUSION.sum(axis=1, keepdims=True))[classes]
    np.testing.assert_allclose(by_expectation_maximisation(probabilities, iterations=500), TRUTH, atol=0.02)
