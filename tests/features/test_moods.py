"""Moods of groups: the intraclass correlation against scipy's analysis of variance, and made-up callers."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.stats import f_oneway
from sklearn.linear_model import LinearRegression, LogisticRegression

from didan.features import MOODY
from didan.features.moods import between_groups, mood

N_EMOTIONS, D = 4, 30


@given(groups=st.integers(2, 12), size=st.integers(2, 9), effect=st.floats(0.5, 3), seed=st.integers(0, 99))
def test_the_share_between_groups_is_that_of_an_analysis_of_variance(
    groups: int, size: int, effect: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(groups), size)
    x = effect * rng.normal(size=groups)[codes] + rng.normal(size=len(codes))
    F = f_oneway(*(x[codes == code] for code in range(groups))).statistic
    assert between_groups(x[:, None], codes) == pytest.approx(max((F - 1) / (F + size - 1), 0), abs=1e-9)


def test_the_bound_holds_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(15), 6)
    truth, held = 1 / 3, 0
    for _ in range(1000):
        x = rng.normal(size=(15, 1))[codes] + np.sqrt(2) * rng.normal(size=(90, 1))
        held += between_groups(x, codes, confidence=0.9) <= truth
    assert held / 1000 == pytest.approx(0.9, abs=0.03)


def test_groups_of_unequal_size_are_estimated_without_bias() -> None:
    """Over many draws the variance between groups is a third of all."""
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(300), rng.integers(2, 12, 300))
    found = [
        between_groups((rng.normal(size=(300, 1))[codes] + np.sqrt(2) * rng.normal(size=(len(codes), 1))), codes)
        for _ in range(20)
    ]
    assert np.mean(found) == pytest.approx(1 / 3, abs=0.02)


def speech(
    n: int, emotions: npt.NDArray[np.int64], voices: npt.NDArray[np.float64], seed: int
) -> npt.NDArray[np.float64]:
    """Features in which emotion, voice and chance take part."""
    directions = np.random.default_rng(99).normal(size=(N_EMOTIONS, D))
    rng = np.random.default_rng(seed)
    return 0.5 * directions[emotions] + voices + rng.normal(size=(n, D))


def callers(moody: bool, voice: float, seed: int) -> tuple[npt.NDArray[np.float64], list[object]]:
    """40 callers of ten utterances, each in one mood or in all."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(40), 10)
    emotions = codes % N_EMOTIONS if moody else rng.integers(0, N_EMOTIONS, 400)
    voices = voice * rng.normal(size=(40, D))[codes]
    return speech(400, emotions, voices, seed), [f"caller {code}" for code in codes]


@pytest.mark.parametrize("voice", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_callers_in_one_mood_are_told_from_callers_in_all(voice: float, seed: int) -> None:
    labels = np.arange(400) % N_EMOTIONS
    source = speech(400, labels, np.zeros((400, D)), 50 + seed)
    assert mood(source, labels, *callers(False, voice, seed)) < MOODY
    assert mood(source, labels, *callers(True, voice, seed)) > MOODY


def test_mood_by_hand() -> None:
    labels = np.arange(400) % N_EMOTIONS
    source = speech(400, labels, np.zeros((400, D)), 50)
    X, groups = callers(True, 1.0, 0)
    classifier = LogisticRegression(C=3e-3, class_weight="balanced", max_iter=500).fit(
        np.clip(source, -5, 5), labels
    )
    inputs = np.clip(X, -5, 5)
    Z = classifier.decision_function(inputs)
    R = inputs - LinearRegression().fit(Z[:, 1:], inputs).predict(Z[:, 1:])  # scores sum to 0

    def correlation(x: npt.NDArray[np.float64], quantile: float) -> float:
        frame = pd.DataFrame(x)
        means = frame.groupby(groups).transform("mean")
        between = ((means - frame.mean()) ** 2).to_numpy().sum() / 39
        F = between / (((frame - means) ** 2).to_numpy().sum() / 360) / quantile
        return float((F - 1) / (F + 9))

    least, of_rest = correlation(Z, stats.f.ppf(0.95, 39, 360)), correlation(R, 1.0)
    assert of_rest > 0.1  # or the denominator would hardly matter
    assert mood(source, labels, X, groups) == pytest.approx((least - of_rest) / (1 - of_rest), rel=1e-6)


def test_utterances_of_unknown_callers_do_not_count() -> None:
    labels = np.arange(400) % N_EMOTIONS
    source = speech(400, labels, np.zeros((400, D)), 50)
    X, groups = callers(True, 0.5, 0)
    known = mood(source, labels, X, groups)
    strangers = np.concatenate([X, 100 + X])
    assert mood(source, labels, strangers, [*groups, *[None] * 200, *[float("nan")] * 200]) == pytest.approx(known)


@pytest.mark.parametrize("groups", [[None] * 6, list("abcdef"), ["a"] * 6, ["a", "a", "b", None, None, None]])
def test_without_two_groups_of_two_nothing_is_known(groups: list[object]) -> None:
    X = np.random.default_rng(0).normal(size=(6, 3))
    assert mood(X, np.array([0, 1, 0, 1, 0, 1]), X, groups) == 0
