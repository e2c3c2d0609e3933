"""The references: scikit-learn, the bootstrap of scipy, and quantiles of distributions that intervals estimate."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, bootstrap
from sklearn.metrics import balanced_accuracy_score, recall_score

from didan.metrics import (
    RESAMPLES,
    chance,
    interval,
    recalls,
    resampled_uar,
    resampling_unit,
    speaker_contributions,
    speaker_draws,
    uar_interval,
    unweighted_average_recall,
)

Ints = npt.NDArray[np.int64]

answers = st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=1, max_size=30).map(lambda rows: np.array(rows).T)
"""Label, prediction and speaker of some utterances."""
examples = settings(max_examples=25, deadline=None, derandomize=True)


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


def test_contributions_of_speakers_sum_to_uar() -> None:
    rng = np.random.default_rng(0)
    labels, speakers = rng.choice(4, 300, p=[0.6, 0.2, 0.15, 0.05]), rng.integers(0, 7, 300)
    predicted = np.where(rng.random(300) < 0.5, labels, rng.integers(0, 4, 300))
    counts, hits = np.zeros((7, 4)), np.zeros((7, 4))
    np.add.at(counts, (speakers, labels), 1)
    np.add.at(hits, (speakers, labels), labels == predicted)
    uar = balanced_accuracy_score(labels, predicted)
    assert speaker_contributions(hits, counts).sum() == pytest.approx(uar)
    # An emotion that nobody has does not count.
    absent = [np.insert(table, 2, 0, axis=1) for table in (hits, counts)]
    assert speaker_contributions(*absent).sum() == pytest.approx(uar)
    # Drawing everybody once is UAR, and so is its resample.
    assert resampled_uar(absent[0], absent[1], np.ones((1, 7)))[0] == pytest.approx(uar)


def test_resampling_is_that_of_the_utterances_of_the_drawn() -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 4, (5, 3))
    hits = rng.binomial(counts, 0.5)
    draws = speaker_draws("somewhere", 5)[:50]
    for drawn, uar in zip(draws, resampled_uar(hits, counts, draws), strict=True):
        chosen = np.repeat(np.arange(5), drawn.astype(int))
        n, h = counts[chosen].sum(axis=0), hits[chosen].sum(axis=0)
        assert uar == pytest.approx(np.mean([h[c] / n[c] for c in range(3) if n[c]]))


def test_draws_are_those_of_the_target() -> None:
    draws = speaker_draws("emodb", 10)
    assert draws.shape == (RESAMPLES, 10)
    assert (draws.sum(axis=1) == 10).all()
    np.testing.assert_allclose(draws.mean(axis=0), 1, atol=5 / RESAMPLES**0.5)
    speaker_draws.cache_clear()
    np.testing.assert_array_equal(speaker_draws("emodb", 10), draws)
    assert not np.array_equal(speaker_draws("casia", 10), draws)


def test_interval_has_binomial_ends() -> None:
    # Of 12 speakers 9 are recognised always and 3 never, so UAR is the share of the drawn that are of the 9.
    hits = np.repeat([5, 0], [9, 3])[:, None] * np.ones((1, 2))
    low, high = interval(resampled_uar(hits, np.full((12, 2), 5), speaker_draws("x", 12)))
    assert (low, high) == pytest.approx((binom.ppf(0.025, 12, 0.75) / 12, binom.ppf(0.975, 12, 0.75) / 12))


def test_interval_covers_the_truth() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        ease = rng.beta(4, 4, (20, 1))
        low, high = interval(
            resampled_uar(rng.binomial(8, ease, (20, 3)), np.full((20, 3), 8), speaker_draws("x", 20))
        )
        covered += low <= 0.5 <= high
    # The percentile interval is a little narrow: nominal 95 %, some 92 % with 20 speakers.
    assert covered >= binom.ppf(0.001, 200, 0.92)


@pytest.mark.parametrize("coverage", [95, 50])
def test_interval_by_utterance_has_binomial_ends(coverage: float) -> None:
    labels, predicted = np.zeros(40, np.int64), np.repeat([0, 1], [30, 10])
    share = (100 - coverage) / 200
    low, high = uar_interval(labels, predicted, None, coverage)
    assert low == pytest.approx(binom.ppf(share, 40, 0.75) / 40)
    assert high == pytest.approx(binom.ppf(1 - share, 40, 0.75) / 40)


def test_interval_by_speaker_has_the_ends_of_as_many_draws_as_speakers() -> None:
    # 12 speakers; of 9 everything is recognised, of 3 nothing. So UAR is the share of the drawn that are of the 9.
    speakers = np.repeat([f"speaker {number}" for number in range(12)], 10).astype(object)
    labels = np.tile(np.repeat([0, 1], 5), 12)
    predicted = np.where(np.repeat(np.arange(12) < 9, 10), labels, 1 - labels)
    low, high = uar_interval(labels, predicted, speakers)
    assert (low, high) == pytest.approx((binom.ppf(0.025, 12, 0.75) / 12, binom.ppf(0.975, 12, 0.75) / 12))
    narrow_low, narrow_high = uar_interval(labels, predicted, None)
    assert high - low > 2.5 * (narrow_high - narrow_low)  # sqrt(10) in theory


@pytest.mark.parametrize("unit", ["speaker", "utterance"])
def test_interval_is_that_of_the_bootstrap_of_scipy(unit: str) -> None:
    labels, predicted = guesses(1, 120)
    numbers = np.arange(len(labels)) % 9 if unit == "speaker" else np.arange(len(labels))
    n_units = numbers.max() + 1
    counts, hits = np.zeros((2, n_units, 4))
    np.add.at(counts, (numbers, labels), 1)
    np.add.at(hits, (numbers, labels), labels == predicted)

    def uar(drawn: Ints, axis: int) -> npt.NDArray[np.float64]:
        n, h = counts[drawn].sum(axis=-2), hits[drawn].sum(axis=-2)
        recall = np.divide(h, n, out=np.full(n.shape, np.nan), where=n > 0)
        return np.asarray(np.nanmean(recall, axis=-1))

    theirs = bootstrap(
        (np.arange(n_units),),
        uar,
        vectorized=True,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    ours = uar_interval(labels, predicted, numbers if unit == "speaker" else None)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_interval_covers_the_truth_if_it_resamples_speakers() -> None:
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(12), 40)
    labels = np.tile(np.repeat([0, 1], 20), 12)
    covered = {"speaker": 0, "utterance": 0}
    for _ in range(100):
        ease = rng.beta(2, 1, 12)  # of recognising each speaker: 2/3 on average
        right = rng.random(480) < np.repeat(ease, 40)
        predicted = np.where(right, labels, 1 - labels)
        for kind, drawn in (("speaker", speakers), ("utterance", None)):
            low, high = uar_interval(labels, predicted, drawn)
            covered[kind] += low <= 2 / 3 <= high
    # The percentile interval is a little narrow: nominal 95 %, some 90 % with 12 speakers.
    assert covered["speaker"] >= binom.ppf(0.001, 100, 0.9)
    # By utterances, the standard error is 0.47 / sqrt(480) instead of 0.25 / sqrt(12), and 44 % cover it.
    assert covered["utterance"] <= binom.ppf(0.999, 100, 0.45)


@pytest.mark.parametrize("coverage", [95, 50])
def test_one_speaker_is_resampled_by_utterance(coverage: float) -> None:
    labels, predicted = guesses(0, 50)
    alone = np.full(54, "anna", dtype=object)
    assert (resampling_unit(alone), resampling_unit(None), resampling_unit(["anna", "berta"])) == (
        "utterance",
        "utterance",
        "speaker",
    )
    assert uar_interval(labels, predicted, alone, coverage) == uar_interval(labels, predicted, None, coverage)


def test_interval_is_the_same_each_time() -> None:
    labels, predicted = guesses(0, 50)
    assert uar_interval(labels, predicted, None) == uar_interval(labels, predicted, None)


def test_interval_goes_by_speakers_whatever_they_are_called() -> None:
    labels, predicted = guesses(0, 50)
    numbers = np.arange(54) % 3
    names = np.array(["anna", "berta", "carla"], dtype=object)[numbers]
    assert uar_interval(labels, predicted, names) == uar_interval(labels, predicted, numbers.astype(object))


def test_utterances_without_a_prediction_are_misses() -> None:
    labels, predicted = guesses(0, 50)
    wrong = np.where(labels == predicted, predicted, -1)
    assert uar_interval(labels, wrong, None) == uar_interval(labels, predicted, None)
    assert unweighted_average_recall(labels, wrong) == unweighted_average_recall(labels, predicted)
    np.testing.assert_array_equal(recalls(labels, wrong, 4), recalls(labels, predicted, 4))


@examples
@given(answers=answers, renamed=st.permutations(range(4)), times=st.integers(2, 3))
def test_uar_is_what_counting_says_whatever_emotions_are_called(
    answers: Ints, renamed: list[int], times: int
) -> None:
    labels, predicted, _ = answers
    shares = [np.mean(predicted[labels == emotion] == emotion) for emotion in set(labels.tolist())]
    assert unweighted_average_recall(labels, predicted) == pytest.approx(sum(shares) / len(shares))
    names = np.array(renamed)
    assert unweighted_average_recall(names[labels], names[predicted]) == pytest.approx(sum(shares) / len(shares))
    # A frequent emotion weighs what a rare one does.
    often = np.where(labels == labels[0], times, 1)
    assert unweighted_average_recall(labels.repeat(often), predicted.repeat(often)) == pytest.approx(
        sum(shares) / len(shares)
    )


@examples
@given(answers=answers)
def test_intervals_are_nested_shares_and_a_point_where_nothing_varies(answers: Ints) -> None:
    labels, predicted, speakers = answers
    for own in (None, speakers):
        low, high = uar_interval(labels, predicted, own)
        inner_low, inner_high = uar_interval(labels, predicted, own, 50)
        assert 0 <= low <= inner_low <= inner_high <= high <= 1
        assert uar_interval(labels, labels, own) == (1, 1)
        assert uar_interval(labels, np.full_like(labels, -1), own) == (0, 0)


@examples
@given(seed=st.integers(0, 1000), speakers=st.integers(2, 6), emotions=st.integers(1, 4))
def test_interval_of_misses_is_that_of_hits_from_the_other_end(seed: int, speakers: int, emotions: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 5, (speakers, emotions))
    hits = rng.binomial(counts, 0.4)
    draws = speaker_draws("anywhere", speakers)
    low, high = interval(resampled_uar(hits, counts, draws))
    assert interval(resampled_uar(counts - hits, counts, draws)) == pytest.approx((1 - high, 1 - low))
    assert speaker_contributions(hits, counts).sum() == pytest.approx(
        np.mean(hits.sum(axis=0) / counts.sum(axis=0))
    )


def test_chance_is_what_guessing_comes_to() -> None:
    labels, _ = guesses(0, 4000)
    guessed = np.random.default_rng(1).integers(0, 4, len(labels))
    found = recalls(labels, guessed, 5)  # nobody has the fifth emotion
    assert chance(found) == chance([*found[:4], None]) == 1 / 4
    assert chance(found) == pytest.approx(unweighted_average_recall(labels, guessed), abs=0.05)


def test_intervals_leave_out_a_fortieth_at_either_end() -> None:
    assert interval(np.arange(1001.0)) == (25, 975)
    assert interval(np.arange(1001.0), 50) == (250, 750)


def test_an_emotion_with_one_utterance_counts_as_much_as_others() -> None:
    assert speaker_contributions([[1, 4], [0, 2]], [[1, 4], [0, 4]]).sum() == (1 + 6 / 8) / 2
