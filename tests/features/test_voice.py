"""Against signals made to have a known pitch, noise, formants and balance."""

import librosa
import numpy as np
import pytest
from didan.features.summaries import Numbers
from didan.features.voice import EVERYWHERE, descriptors, pitch, resonances
from scipy import signal

from didan.audio import RATE

CENTRES = librosa.mel_frequencies(66, fmin=50, fmax=8000)[1:-1]
TIMES = np.arange(RATE) / RATE


def pulses(frequency: float) -> Numbers:
    """A voice without a mouth: all harmonics alike."""
    harmonics = np.arange(1, int(7000 / frequency))
    wave: Numbers = 0.01 * np.cos(2 * np.pi * frequency * np.outer(TIMES, harmonics)).sum(axis=1)
    return wave


@pytest.mark.parametrize("frequency", [70, 121.3, 250, 480])
def test_pitch_of_pulses_is_their_rate(frequency: float) -> None:
    found, harmonicity = pitch(pulses(frequency).astype(np.float32))
    inside = slice(3, -3)
    np.testing.assert_allclose(found[inside], frequency, rtol=0.01)
    assert (harmonicity[inside] > 0.8).all()


@pytest.mark.parametrize("ratio", [0.0, 10.0])
def test_harmonicity_is_the_share_of_power_that_repeats(ratio: float) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=RATE) * np.sqrt(0.5 / 10 ** (ratio / 10))
    _, r = pitch((np.sin(2 * np.pi * 200 * TIMES) + noise).astype(np.float32))
    assert np.median(10 * np.log10(r / (1 - r))) == pytest.approx(ratio, abs=1.5)


def test_noise_has_no_voice_and_silence_neither() -> None:
    noise = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    for samples in (noise, np.zeros(RATE, dtype=np.float32)):
        assert (pitch(samples)[1] < 0.5).mean() > 0.95


@pytest.mark.parametrize("formants", [(500, 1500, 2500), (300, 2200, 3000)])
@pytest.mark.parametrize("bandwidths", [(80, 100, 120), (120, 180, 300)])
def test_formants_are_the_resonances_that_a_filter_was_given(
    formants: tuple[int, ...], bandwidths: tuple[int, ...]
) -> None:
    poles = np.exp(-np.pi * np.array(bandwidths) / RATE + 2j * np.pi * np.array(formants) / RATE)
    filter_ = np.poly(np.concatenate([poles, poles.conj()])).real
    # Whispered, since in any linear prediction harmonics draw the first formant to the nearest of them; and
    # falling by 6 dB an octave, as voices do.
    breath = signal.lfilter([1.0], [1.0, -0.97], np.random.default_rng(0).normal(size=RATE))
    voice = signal.lfilter([1.0], filter_, breath)
    frequency, width = resonances((0.1 * voice / np.abs(voice).max()).astype(np.float32))
    np.testing.assert_allclose(np.median(frequency, axis=0), formants, rtol=0.06)
    # The window widens narrow ones.
    np.testing.assert_allclose(np.median(width, axis=0), bandwidths, rtol=0.3)


def test_where_there_is_no_formant_stands_the_mean_of_the_others() -> None:
    frequency, width = resonances(np.zeros(RATE, dtype=np.float32))
    assert (frequency == 0).all()
    assert (width == 0).all()


def test_balance_of_a_spectrum_that_falls_evenly() -> None:
    levels = np.tile(60 - 0.01 * CENTRES, (101, 1))
    found = descriptors(np.zeros(RATE, dtype=np.float32), levels)
    loudness, alpha, hammarberg, low, middle, flux = found[50, EVERYWHERE:]
    np.testing.assert_allclose([low, middle], -10)  # dB/kHz
    power = 10 ** (levels[0] / 10)
    assert loudness == pytest.approx(10 * np.log10(power.sum()))
    below, above = power[CENTRES < 1000].sum(), power[(CENTRES >= 1000) & (CENTRES < 5000)].sum()
    assert alpha == pytest.approx(10 * np.log10(below / above))
    assert hammarberg == pytest.approx(0.01 * (CENTRES[CENTRES >= 2000][0] - CENTRES[0]))
    assert flux == 0


def test_flux_of_a_spectrum_that_turns_over() -> None:
    # Square roots of shares (1, 0) become (0, 1): the distance is the root of 2, but for the floor.
    levels = np.full((3, 64), -100.0)
    levels[0, 0] = levels[1, 40] = levels[2, 40] = 100.0
    found = descriptors(np.zeros(400, dtype=np.float32), levels)
    np.testing.assert_allclose(found[:, -1], [0, np.sqrt(2), 0], atol=1e-6)


def test_a_louder_voice_is_the_same_voice() -> None:
    rng = np.random.default_rng(0)
    samples = (pulses(150) + 0.01 * rng.normal(size=RATE)).astype(np.float32)
    levels = rng.normal(size=(101, 64))
    before, after = descriptors(samples, levels), descriptors(4 * samples, levels + 20 * np.log10(4))
    before[:, EVERYWHERE] += 20 * np.log10(4)
    np.testing.assert_allclose(after, before, atol=1e-5)
