"""Kinds of voice against scikit-learn's discriminant analysis and against numpy over the utterances of each."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from didan.features import (
    Domain,
    FeatureSet,
    FunctionalsSettings,
    FusionSettings,
    Moments,
    Normaliser,
    PretrainedSettings,
    SpectrogramSettings,
    Voices,
    voice_bands,
    voices_in,
)
from didan.features.frontend import cached_frontend
from didan.features.normaliser import KIND_SHRINKAGE
from didan.features.voices import fit_voices

Floats = npt.NDArray[np.float64]
BANDS = (3, 1)
MEN, WOMEN = (24.0, 2500.0), (34.0, 2900.0)
"""Medians of pitch in semitones and of the third formant in Hz."""


def speech(n: int, voice: tuple[float, float], seed: int) -> npt.NDArray[np.float32]:
    """Vectors of five features, of which two describe the voice and the others know of it only a little."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)) + 0.002 * (voice[1] - 2700)
    x[:, BANDS[0]], x[:, BANDS[1]] = rng.normal(voice[0], 2.0, n), rng.normal(voice[1], 90.0, n)
    return x.astype(np.float32)


def both(n_men: int, n_women: int, seed: int = 0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    x = np.concatenate([speech(n_men, MEN, seed), speech(n_women, WOMEN, seed + 1)])
    return x, np.repeat([0, 1], [n_men, n_women])


@pytest.mark.parametrize(("men", "women"), [(200, 200), (300, 60)])
def test_kinds_are_what_discriminant_analysis_finds_with_labels(men: int, women: int) -> None:
    x, labels = both(men, women)
    voices = fit_voices([x[:, BANDS]], BANDS)
    assert voices is not None
    truth = LinearDiscriminantAnalysis(solver="lsqr").fit(x[:, list(BANDS)].astype(float), labels)
    np.testing.assert_allclose(voices(x), truth.predict_proba(x[:, list(BANDS)].astype(float)), atol=0.03)


def without_groups(x: npt.NDArray[np.float32]) -> FeatureSet:
    return FeatureSet(
        raw=x[:, None], domains=(Domain(groups=[None] * len(x), shrinkage=20),), contents=pd.DataFrame()
    )


def test_a_target_of_one_kind_is_normalised_as_a_whole() -> None:
    """Fitted to both, a target of women is of one kind; so its statistics are those of all its utterances."""
    source, _ = both(100, 100)
    target = speech(150, WOMEN, 7)
    sets = [without_groups(x) for x in (source, target)]
    voices = voices_in(sets, BANDS)
    assert voices is not None
    shared = [one.told_apart(voices) for one in sets]
    assert (voices.within(target[:, BANDS])(target)[:, 1] > 0.9).mean() > 0.97
    np.testing.assert_allclose(shared[1].vectors(), sets[1].vectors(), atol=0.15)
    # Of the source, every feature that knows of the voice loses it.
    for before, after in zip(sets[0].vectors().T, shared[0].vectors().T, strict=True):
        gap = [abs(side[:100].mean() - side[100:].mean()) for side in (before, after)]
        assert gap[1] < 0.2 * gap[0]


@pytest.mark.parametrize("moved", [-600.0, 0.0, 400.0])
def test_what_moves_all_formants_of_a_domain_makes_no_kind_of_voice(moved: float) -> None:
    source, labels = both(150, 150)
    target, others = both(200, 100, seed=5)
    target[:, BANDS[1]] += moved
    voices = fit_voices([source[:, BANDS], target[:, BANDS]], BANDS)
    assert voices is not None
    for x, truth in ((source, labels), (target, others)):
        kinds = voices.within(x[:, BANDS])(x)
        assert ((kinds[:, 1] > 0.5) == truth).mean() > 0.97
    still, _ = both(200, 100, seed=5)
    np.testing.assert_allclose(
        voices.within(target[:, BANDS])(target), voices.within(still[:, BANDS])(still), atol=1e-2
    )


def test_a_pitch_that_was_not_found_is_no_kind_of_voice() -> None:
    x, _ = both(100, 100)
    x[::10, BANDS[0]] = 0.0
    voices = fit_voices([x[:, BANDS]], BANDS)
    assert voices is not None
    kinds = voices(np.delete(x, np.s_[::10], axis=0))
    labels = np.delete(np.repeat([0, 1], 100), np.s_[::10])
    assert (kinds.argmax(axis=1) == labels).mean() > 0.97


def test_the_lower_voices_come_first_and_repetition_changes_nothing() -> None:
    x, labels = both(80, 120)
    for order in (np.arange(200), np.random.default_rng(0).permutation(200)):
        voices = fit_voices([x[order][:, BANDS]], BANDS)
        assert voices is not None
        assert (voices(x).argmax(axis=1) == labels).mean() > 0.97


@pytest.mark.parametrize("x", [both(9, 9)[0], np.ones((50, 5), np.float32)])
def test_where_nothing_can_be_told_apart_there_are_no_kinds(x: npt.NDArray[np.float32]) -> None:
    assert fit_voices([x[:, BANDS]], BANDS) is None


def sharp(at: float) -> Voices:
    """Below a pitch the first kind, above it the second, with nothing between."""
    return Voices((0,), np.array([[0.0], [1e4]]), np.zeros(2), np.array([at]))


@given(low=st.integers(2, 60), high=st.integers(2, 60), seed=st.integers(0, 50))
def test_a_kind_has_the_statistics_of_its_own_drawn_to_those_of_all(low: int, high: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.concatenate([rng.normal(-5, 1, (low, 3)), rng.normal(5, 2, (high, 3))])
    normaliser = Normaliser.fit([Moments.of(row[None]) for row in x], 20.0, voices=sharp(0.0))
    kinds = [x[x[:, 0] < 0], x[x[:, 0] >= 0]]
    statistics = normaliser.statistics()
    for kind, own in enumerate(kinds):
        weight = len(own) / (len(own) + KIND_SHRINKAGE)
        mean = weight * own.mean(axis=0) + (1 - weight) * x.mean(axis=0)
        variance = weight * own.var(axis=0) + (1 - weight) * x.var(axis=0)
        np.testing.assert_allclose(statistics.mean[kind], mean, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(statistics.std[kind], np.sqrt(variance), rtol=1e-4)
        np.testing.assert_allclose(
            statistics.apply(own[:1].astype(np.float32))[0], (own[0] - mean) / np.sqrt(variance), atol=1e-3
        )


def test_a_group_is_drawn_to_the_kinds_of_its_utterances() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-5, 1, (50, 3)), rng.normal(5, 2, (50, 3))])
    normaliser = Normaliser.fit([Moments.of(row[None]) for row in x], 20.0, voices=sharp(0.0))
    group = x[:10]
    drawn = normaliser.statistics(Moments.pooled(Moments.of(row[None]) for row in group))
    alone = normaliser.statistics()
    expected = 10 / 30 * group.mean(axis=0) + 20 / 30 * alone.mean[0]
    np.testing.assert_allclose(drawn.of(x[:1].astype(np.float32))[0], expected, rtol=1e-4)


def test_between_two_kinds_are_the_statistics_of_both() -> None:
    voices = Voices((0,), np.array([[0.0], [1.0]]), np.zeros(2), np.zeros(1))
    normaliser = Normaliser(
        (Moments(9, 9, np.array([0.0]), np.array([1.0])), Moments(9, 9, np.array([4.0]), np.array([9.0]))),
        20.0,
        voices=voices,
    )
    mean, std = normaliser.statistics().of(np.array([[np.log(3)]], np.float32))  # three to one for the second
    assert mean == pytest.approx(3.0, rel=1e-5)
    assert std == pytest.approx(0.25 * 1 + 0.75 * 3, rel=1e-5)


def test_bands_are_those_of_the_names() -> None:
    names = cached_frontend(FunctionalsSettings()).feature_names
    bands = voice_bands(FunctionalsSettings())
    assert [names[band] for band in bands] == ["pitch_semitones_p50", "f3_hz_p50"]
    fused = FusionSettings(
        kind="spectrogram+functionals", frontends=(SpectrogramSettings(), FunctionalsSettings())
    )
    assert [cached_frontend(fused).feature_names[band] for band in voice_bands(fused)] == [
        names[band] for band in bands
    ]
    assert voice_bands(PretrainedSettings(model="anything")) == ()
