import numpy as np
import pytest
from scipy.stats import zscore

from didan.classical import normalise

RNG = np.random.default_rng(0)
X_S = RNG.normal(5, 3, (40, 4)) * [1, 10, 1e-3, 1e5]
X_T = RNG.normal(-2, 7, (30, 4))
GROUPS_S = np.repeat(["a", "b"], [25, 15])
GROUPS_T = np.array(["c", "d", "e"] * 10)


def test_source_statistics_for_both() -> None:
    normal_s, normal_t = normalise(X_S, X_T, GROUPS_S, GROUPS_T, "source")
    np.testing.assert_allclose(normal_s, zscore(X_S))
    slope = (normal_t[1] - normal_t[0]) / (X_T[1] - X_T[0])
    np.testing.assert_allclose(slope, 1 / X_S.std(axis=0))
    np.testing.assert_allclose(normal_t - normal_s[:30], slope * (X_T - X_S[:30]))


@pytest.mark.parametrize("kind", ["corpus", "speaker"])
def test_every_group_by_itself(kind: str) -> None:
    normal = normalise(X_S, X_T, GROUPS_S, GROUPS_T, "corpus" if kind == "corpus" else "speaker")
    for X, groups, result in ((X_S, GROUPS_S, normal[0]), (X_T, GROUPS_T, normal[1])):
        for group in np.unique(groups):
            np.testing.assert_allclose(result[groups == group], zscore(X[groups == group]))


def test_a_name_on_both_sides_is_two_groups() -> None:
    apart = normalise(X_S, X_T, GROUPS_S, GROUPS_T, "speaker")
    together = normalise(X_S, X_T, GROUPS_S, np.array(["a", "d", "b"] * 10), "speaker")
    np.testing.assert_array_equal(apart[1], together[1])


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6, -3e-7])
def test_a_band_that_never_varies_becomes_zero(value: float) -> None:
    X = np.column_stack([np.full(7, value), np.arange(7)])
    groups = np.zeros(7, dtype=int)
    for kind in ("source", "corpus"):
        normal, _ = normalise(X, X, groups, groups, "source" if kind == "source" else "corpus")
        np.testing.assert_allclose(normal[:, 0], 0, atol=1e-9)


def test_a_speaker_of_one_utterance_becomes_zero() -> None:
    _, normal = normalise(X_S, X_T[:1], GROUPS_S, GROUPS_T[:1], "speaker")
    np.testing.assert_array_equal(normal, 0)
