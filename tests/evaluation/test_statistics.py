"""The references are scipy, enumeration and closed testing."""

import itertools

import numpy as np
import pytest
from scipy.stats import binom, permutation_test

from didan.evaluation.statistics import FLIPS, holm, sign_flip_p, smallest_p


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


@pytest.mark.parametrize("n_speakers", [2, 5, 15])
def test_of_few_speakers_who_agree_one_pattern_of_signs_and_its_opposite_are_as_extreme(n_speakers: int) -> None:
    d = np.random.default_rng(0).random(n_speakers)
    assert sign_flip_p(d) == smallest_p(n_speakers) == 2 / 2**n_speakers


def test_of_many_speakers_who_agree_no_drawn_pattern_is_as_extreme() -> None:
    assert sign_flip_p(np.random.default_rng(0).random(200)) == smallest_p(200) == 1 / 20_000
    # From 16 on patterns are drawn, of which some may be the one.
    assert smallest_p(16) == 1 / 20_000
    assert smallest_p(16) <= sign_flip_p(np.random.default_rng(0).random(16)) <= 6 / 20_000


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
