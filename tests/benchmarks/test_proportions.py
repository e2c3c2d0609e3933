"""Where only the proportions differ, estimates come out right."""

import numpy as np
from benchmarks.proportions import by_confusions, by_expectation_maximisation, counted

TRUTH = np.array([0.6, 0.3, 0.1])
CONFUSION = np.array([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.2, 0.7]])  # column c: how emotion c is predicted


def drawn(n: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    labels = generator.choice(3, n, p=TRUTH)
    return np.array([generator.choice(3, p=CONFUSION[:, label]) for label in labels])


def test_estimates_come_near_where_counts_do_not() -> None:
    predicted = drawn(20_000)
    found = counted(predicted, 3)
    assert np.abs(found - TRUTH).max() > 0.1
    np.testing.assert_allclose(by_confusions(CONFUSION, found), TRUTH, atol=0.02)
    # What a calibrated network says that was trained with all emotions alike: p(emotion | predicted)
    said = (CONFUSION / CONFUSION.sum(axis=1, keepdims=True))[predicted]
    np.testing.assert_allclose(by_expectation_maximisation(said, rounds=500), TRUTH, atol=0.02)
