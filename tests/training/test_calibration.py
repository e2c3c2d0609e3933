"""Labels are drawn from a softmax of known temperature, which must be found again."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from didan.networks import ScoreLink
from didan.training.calibration import fit_temperature

Scores = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


def drawn(temperature: float, n: int, n_emotions: int = 4, seed: int = 0) -> tuple[Scores, Labels]:
    """Scores, and labels that follow ``softmax(scores / temperature)``."""
    rng = np.random.default_rng(seed)
    scores = temperature * 1.5 * rng.normal(size=(n, n_emotions))
    chances = softmax(scores / temperature, axis=1).cumsum(axis=1)
    return scores, (rng.random((n, 1)) > chances).sum(axis=1)


def loss(scores: Scores, labels: Labels, temperature: float) -> float:
    """Mean over emotions of the mean over their utterances, one after the other."""
    likelihoods = log_softmax(scores / temperature, axis=1)
    return -float(np.mean([likelihoods[labels == label, label].mean() for label in np.unique(labels)]))


@pytest.mark.parametrize("temperature", [0.05, 0.2, 1.0, 8.0])
def test_the_temperature_that_labels_were_drawn_with_is_found(temperature: float) -> None:
    scores, labels = drawn(temperature, 20_000)
    assert fit_temperature(scores, labels) == pytest.approx(temperature, rel=0.03)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.integers(6, 80), n_emotions=st.integers(2, 6))
def test_no_other_temperature_is_better(seed: int, n: int, n_emotions: int) -> None:
    scores, labels = drawn(1.0, n, n_emotions, seed)
    found = fit_temperature(scores, labels)
    best = min(loss(scores, labels, other) for other in np.geomspace(0.01, 100, 200))
    assert loss(scores, labels, found) <= best + 1e-5  # more is asked for below, where the best is no end


@pytest.mark.parametrize("seed", range(5))
def test_the_gradient_is_zero_there(seed: int) -> None:
    scores, labels = drawn(0.7, 300, 5, seed)
    found = fit_temperature(scores, labels)
    step = 1e-3

    def slope(at: float) -> float:
        # By log T, so that slopes at different temperatures can be compared.
        return (loss(scores, labels, at * np.exp(step)) - loss(scores, labels, at * np.exp(-step))) / (2 * step)

    assert abs(slope(found)) < 1e-3 * abs(slope(2 * found))


@pytest.mark.parametrize("scale", [0.1, 3.0, 20.0])
def test_temperature_goes_with_the_scores(scale: float) -> None:
    scores, labels = drawn(0.8, 200)
    expected = scale * fit_temperature(scores, labels)
    assert fit_temperature(scale * scores, labels) == pytest.approx(expected, rel=1e-3)


def test_what_is_added_to_all_scores_of_an_utterance_changes_nothing() -> None:
    scores, labels = drawn(0.8, 200)
    shift = np.random.default_rng(1).normal(size=(200, 1))
    assert fit_temperature(scores + shift, labels) == pytest.approx(fit_temperature(scores, labels), rel=1e-3)


def test_every_emotion_weighs_the_same_however_often_it_occurs() -> None:
    scores, labels = drawn(0.8, 200)
    # The model is right about the first emotion and knows nothing of the others: now proportions would matter.
    scores[labels == 0, 0] += 3
    scores[labels != 0] = np.random.default_rng(1).normal(size=(int((labels != 0).sum()), 4))
    often = np.concatenate([np.arange(200), *[np.flatnonzero(labels == 0)] * 9])
    found = fit_temperature(scores, labels)
    assert fit_temperature(scores[often], labels[often]) == pytest.approx(found, rel=1e-3)
    # Copies of everything change nothing either, but copies of single utterances do.
    assert fit_temperature(np.tile(scores, (3, 1)), np.tile(labels, 3)) == pytest.approx(found, rel=1e-3)
    worst = log_softmax(scores, axis=1)[np.arange(200), labels].argmin()
    more = np.append(np.arange(200), np.repeat(worst, 50))
    assert fit_temperature(scores[more], labels[more]) > 1.05 * found


def test_emotions_that_do_not_occur_and_single_utterances() -> None:
    # One right and one wrong by as much: nothing is better than to know nothing.
    assert fit_temperature(np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([0, 1])) == pytest.approx(100, rel=1e-2)
    # Three right and one wrong, all of one emotion: p = 3/4 is likeliest, so exp(d / T) = 3.
    scores = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert fit_temperature(scores, np.zeros(4, dtype=int)) == pytest.approx(1 / np.log(3), rel=1e-3)


def test_it_stays_within_its_range() -> None:
    labels = np.arange(50) % 4
    right = np.eye(4)[labels]
    for scores in (right, right[:1], 1e-9 * right):
        found = fit_temperature(scores, labels[: len(scores)])
        assert found >= 0.01
        assert loss(scores, labels[: len(scores)], found) == pytest.approx(
            loss(scores, labels[: len(scores)], 0.01), abs=1e-6
        )
    assert fit_temperature(-right, labels) == pytest.approx(100, rel=0.01)
    assert fit_temperature(-1e9 * right, labels) <= 100


def test_single_precision_will_do() -> None:
    scores, labels = drawn(0.3, 500)
    assert fit_temperature(scores.astype(np.float32), labels) == pytest.approx(
        fit_temperature(scores, labels), rel=1e-3
    )


def test_without_anything_to_fit_a_one_hot_row_of_six_is_sure() -> None:
    row = np.eye(6)[0]
    assert softmax(row / ScoreLink("regression").temperature)[0] == pytest.approx(0.96, abs=0.01)
