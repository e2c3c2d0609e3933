"""The references are scikit-learn and, for the intervals, quantiles of the distributions they estimate."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom
from sklearn.metrics import balanced_accuracy_score, recall_score

from didan import metrics, recalls, uar_interval, unweighted_average_recall

Ints = npt.NDArray[np.int64]


def guesses(seed: int, n: int = 200) -> tuple[Ints, Ints]:
    """Labels of four emotions, some far rarer than others, and guesses right half of the time."""
    rng = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(4), rng.choice(4, n, p=[0.6, 0.3, 0.05, 0.05])])
    return labels, np.where(rng.random(n + 4) < 0.5, labels, rng.integers(0, 4, n + 4))


@pytest.mark.parametrize("seed", range(5))
def test_recalls_and_uar_are_those_of_scikit_learn(seed: int) -> None:
    labels, predicted = guesses(seed)
    np.testing.assert_allclose(recalls(labels, predicted, 4), recall_score(labels, predicted, average=None))
    assert unweighted_average_recall(labels, predicted) == pytest.approx(
        balanced_accuracy_score(labels, predicted)
    )


@pytest.mark.parametrize("absent", range(4))
def test_an_emotion_that_does_not_occur_does_not_count(absent: int) -> None:
    labels, predicted = guesses(0)
    labels, predicted = labels[labels != absent], predicted[labels != absent]
    assert absent in predicted
    present = [emotion for emotion in range(4) if emotion != absent]
    found = recalls(labels, predicted, 4)
    assert np.isnan(found[absent])
    expected = recall_score(labels, predicted, labels=present, average=None)
    np.testing.assert_allclose(found[present], expected)
    assert unweighted_average_recall(labels, predicted) == pytest.approx(expected.mean())


@pytest.mark.parametrize("coverage", [95, 50])
def test_interval_by_utterance_has_binomial_ends(coverage: float) -> None:
    labels, predicted = np.zeros(40, np.int64), np.repeat([0, 1], [30, 10])
    share = (100 - coverage) / 200
    low, high = uar_interval(labels, predicted, None, coverage)
    assert low == pytest.approx(binom.ppf(share, 40, 0.75) / 40, abs=1.5 / 40)
    assert high == pytest.approx(binom.ppf(1 - share, 40, 0.75) / 40, abs=1.5 / 40)


def test_interval_by_speaker_has_the_ends_of_as_many_draws_as_speakers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_BOOTSTRAPS", 300)
    # 12 speakers; of 9 everything is recognised, of 3 nothing. So UAR is the share of the drawn that are of the 9.
    speakers = np.repeat([f"speaker {number}" for number in range(12)], 10).astype(object)
    labels = np.tile(np.repeat([0, 1], 5), 12)
    predicted = np.where(np.repeat(np.arange(12) < 9, 10), labels, 1 - labels)
    low, high = uar_interval(labels, predicted, speakers)
    assert low == pytest.approx(binom.ppf(0.025, 12, 0.75) / 12, abs=1 / 12)
    assert high == pytest.approx(binom.ppf(0.975, 12, 0.75) / 12, abs=1 / 12)
    narrow_low, narrow_high = uar_interval(labels, predicted, None)
    assert high - low > 2.5 * (narrow_high - narrow_low)  # sqrt(10) in theory


def test_interval_covers_the_truth_if_it_resamples_speakers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_BOOTSTRAPS", 30)
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(8), 40).astype(object)
    labels = np.tile(np.repeat([0, 1], 20), 8)
    covered = {"speaker": 0, "utterance": 0}
    for _ in range(24):
        ease = rng.beta(2, 1, 8)  # of recognising each speaker: 2/3 on average
        right = rng.random(320) < np.repeat(ease, 40)
        predicted = np.where(right, labels, 1 - labels)
        for kind, drawn in (("speaker", speakers), ("utterance", None)):
            low, high = uar_interval(labels, predicted, drawn)
            covered[kind] += low <= 2 / 3 <= high
    # Fewer than 19 of 24 intervals that cover the truth with 95 % do so less than once in a thousand times.
    # By utterances, the standard error is 0.45 / sqrt(320) instead of 0.24 / sqrt(8), and 45 % cover it.
    assert covered["speaker"] >= 19
    assert covered["utterance"] <= 16


def test_interval_is_the_same_each_time() -> None:
    labels, predicted = guesses(0, 50)
    assert uar_interval(labels, predicted, None) == uar_interval(labels, predicted, None)


def test_interval_goes_by_speakers_whatever_they_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_BOOTSTRAPS", 20)
    labels, predicted = guesses(0, 50)
    numbers = np.arange(54) % 3
    names = np.array(["anna", "berta", "carla"], dtype=object)[numbers]
    assert uar_interval(labels, predicted, names) == uar_interval(labels, predicted, numbers.astype(object))
