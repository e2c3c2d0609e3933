"""Against scipy, numpy's own functions on closed forms, and invariants."""

import numpy as np
import pytest
from didan.features.summaries import course, modulation_spectrum, outline, rhythm
from scipy import stats

FRAMES = np.random.default_rng(0).normal(size=(50, 3))


def test_an_outline_is_made_of_known_statistics() -> None:
    mean, deviation, low, high, step = outline(FRAMES).reshape(5, 3)
    described = stats.describe(FRAMES, ddof=0)
    np.testing.assert_allclose(mean, described.mean)
    np.testing.assert_allclose(deviation, np.sqrt(described.variance))
    for percent, found in ((10, low), (90, high)):
        np.testing.assert_allclose(found, [stats.scoreatpercentile(band, percent) for band in FRAMES.T])
    np.testing.assert_allclose(step, np.abs(FRAMES[1:] - FRAMES[:-1]).mean(axis=0))


@pytest.mark.parametrize("describe", [outline, course])
def test_summaries_follow_a_change_of_units(describe) -> None:  # type: ignore[no-untyped-def]
    # So normalisation per speaker takes out what is constant in a speaker's descriptors.
    before, after = describe(FRAMES), describe(3 * FRAMES + 7)
    moved = after - 3 * before
    assert set(np.round(moved, 9)) == {0.0, 7.0}


def test_a_course_finds_slope_and_curvature() -> None:
    t = np.linspace(-1, 1, 40)[:, None]
    curvature, slope = course(2 * t**2 - 3 * t + 1)[-2:]
    assert (curvature, slope) == pytest.approx((2, -3))
    assert (course(FRAMES[:2])[-6:] == 0).all()


def test_one_frame_has_no_steps() -> None:
    assert (outline(FRAMES[:1]).reshape(5, 3)[[1, 4]] == 0).all()


def test_rhythm_of_silence_and_of_speech_throughout() -> None:
    assert (rhythm(np.zeros(10, dtype=bool)) == 0).all()
    assert rhythm(np.ones(10, dtype=bool)) == pytest.approx([1, 0.1, 10, 0])


@pytest.mark.parametrize("n_frames", [1, 30, 400, 3000])
def test_modulations_have_the_power_of_their_fourier_transform(n_frames: int) -> None:
    levels = 10 * np.random.default_rng(1).normal(size=(n_frames, 4))
    found = modulation_spectrum(levels, 2).reshape(8, 2)
    bands = levels.reshape(n_frames, 2, 2).mean(axis=2)
    # At every multiple of 100 / 512 Hz, whatever the length.
    times = 2j * np.pi * np.outer(np.arange(257) / 512, np.arange(n_frames))
    power = np.abs(np.exp(-times) @ (bands - bands.mean(axis=0))) ** 2 / n_frames
    frequencies = 100 * np.arange(257) / 512
    within = (frequencies >= 4) & (frequencies < 6)
    np.testing.assert_allclose(np.exp(found[3]) - 0.1, power[within].mean(axis=0), rtol=1e-6, atol=1e-9)
