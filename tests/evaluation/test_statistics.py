"""The references are scikit-learn, scipy, enumeration, closed testing and binomial quantiles."""

import itertools

import numpy as np
import pytest
from scipy.stats import binom, permutation_test
from sklearn.metrics import balanced_accuracy_score

from didan.evaluation.statistics import (
    FLIPS,
    RESAMPLES,
    holm,
    interval,
    resampled_uar,
    sign_flip_p,
    smallest_p,
    speaker_draws,
    speaker_shares,
)


def test_shares_of_speakers_sum_to_uar() -> None:
    rng = np.random.default_rng(0)
    labels, speakers = rng.choice(4, 300, p=[0.6, 0.2, 0.15, 0.05]), rng.integers(0, 7, 300)
    predicted = np.where(rng.random(300) < 0.5, labels, rng.integers(0, 4, 300))
    counts, hits = np.zeros((7, 4)), np.zeros((7, 4))
    np.add.at(counts, (speakers, labels), 1)
    np.add.at(hits, (speakers, labels), labels == predicted)
    uar = balanced_accuracy_score(labels, predicted)
    assert speaker_shares(hits, counts).sum() == pytest.approx(uar)
    # An emotion that nobody has does not count.
    absent = [np.insert(table, 2, 0, axis=1) for table in (hits, counts)]
    assert speaker_shares(*absent).sum() == pytest.approx(uar)
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


@pytest.mark.parametrize("n_speakers", [2, 4, 7])
def test_few_speakers_are_enumerated(n_speakers: int) -> None:
    d = np.random.default_rng(n_speakers).normal(0.3, 1, n_speakers)
    sums = [abs(np.dot(signs, d)) for signs in itertools.product((1, -1), repeat=n_speakers)]
    assert sign_flip_p(d) == np.mean([total >= abs(d.sum()) - 1e-12 for total in sums])


@pytest.mark.parametrize("shift", [0.0, 0.4, 1.0])
def test_exact_p_is_that_of_scipy(shift: float) -> None:
    d = np.random.default_rng(3).normal(shift, 1, 10)
    theirs = permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_p(d) == pytest.approx(theirs.pvalue)


def test_drawn_p_is_near_the_exact_one() -> None:
    d = np.random.default_rng(5).normal(0.35, 1, 18)
    signs = 1 - 2 * (np.arange(2**17)[:, None] >> np.arange(18) & 1)
    exact = float(np.mean(np.abs(signs @ d) >= abs(d.sum()) - 1e-9))
    assert 0.01 < exact < 0.9
    assert sign_flip_p(d) == pytest.approx(exact, abs=4 * (exact / FLIPS) ** 0.5)
    assert sign_flip_p(d) == sign_flip_p(d)
    assert sign_flip_p(-d) == sign_flip_p(d)


def test_no_difference_is_never_significant() -> None:
    assert sign_flip_p(np.zeros(6)) == 1
    assert sign_flip_p(np.zeros(40)) == 1


@pytest.mark.parametrize("n_speakers", [2, 5, 15, 16, 40, 200])
def test_smallest_p_is_reached_where_all_speakers_agree(n_speakers: int) -> None:
    d = np.random.default_rng(0).random(n_speakers)
    assert sign_flip_p(d) == pytest.approx(smallest_p(n_speakers), abs=2e-4)
    assert smallest_p(n_speakers) <= sign_flip_p(d)


def test_false_alarms_are_as_rare_as_promised() -> None:
    rng = np.random.default_rng(0)
    alarms = sum(sign_flip_p(rng.standard_t(3, 8)) <= 0.05 for _ in range(400))
    assert binom.ppf(0.0005, 400, 0.046875) <= alarms <= binom.ppf(0.9995, 400, 0.046875)  # 12 of 256 patterns


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_the_closure_of_bonferroni(seed: int) -> None:
    p = [round(value, 2) for value in np.random.default_rng(seed).beta(0.4, 2, 5)]
    for index, adjusted in enumerate(holm(p)):
        families = [
            family for size in range(1, 6) for family in itertools.combinations(range(5), size) if index in family
        ]
        closed = max(min(1.0, len(family) * min(p[i] for i in family)) for family in families)
        assert adjusted == pytest.approx(closed)


def test_holm_by_hand() -> None:
    assert holm([]) == []
    assert holm([0.2]) == [0.2]
    assert holm([0.005, 0.011, 0.02, 0.04, 0.13]) == pytest.approx([0.025, 0.044, 0.06, 0.08, 0.13])
