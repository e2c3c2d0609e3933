"""Room, noise and microphone, measured at the output."""

import numpy as np
import pytest

from didan.audio import RATE
from didan.synthesis import Microphone, Noise, Room
from didan.synthesis.recording import record

OPEN = Microphone(low=1.0, high=1e6)
DRY = Room(rt60=0.01, reverberation=-100.0)
QUIET = Noise(snr=200.0, slope=0.0)


@pytest.mark.parametrize("rt60", [0.2, 0.5, 1.0])
def test_reverberation_decays_by_60_db_in_rt60(rt60: float) -> None:
    response = Room(rt60, 0.0).impulse_response(np.random.default_rng(0)).astype(np.float64)
    # Schroeder: the energy still to come, fitted from -5 to -25 dB of its tail.
    decay = np.cumsum(response[:0:-1] ** 2)[::-1]
    level = 10 * np.log10(decay / decay[0])
    part = np.flatnonzero((level < -5) & (level > -25))
    slope = np.polyfit(part / RATE, level[part], 1)[0]
    assert -60 / slope == pytest.approx(rt60, rel=0.08)


@pytest.mark.parametrize("reverberation", [-20.0, 0.0, 6.0])
def test_reverberant_to_direct_energy(reverberation: float) -> None:
    response = Room(0.3, reverberation).impulse_response(np.random.default_rng(0)).astype(np.float64)
    assert 10 * np.log10(np.sum(response[1:] ** 2) / response[0] ** 2) == pytest.approx(reverberation, abs=0.01)
    assert np.sum(response**2) == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("snr", [0.0, 20.0, 40.0])
@pytest.mark.parametrize("slope", [0.0, -3.0])
def test_noise_has_the_level_asked_for(snr: float, slope: float) -> None:
    speech = np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE).astype(np.float32) * np.float32(0.1 * np.sqrt(2))
    noisy = record(speech, -20.0, DRY, Noise(snr, slope), OPEN, np.random.default_rng(0))
    noise = noisy.astype(np.float64) - speech
    assert 10 * np.log10(np.mean(speech.astype(np.float64) ** 2) / np.mean(noise**2)) == pytest.approx(
        snr, abs=0.3
    )


def test_the_slope_of_the_noise() -> None:
    silence = np.zeros(8 * RATE, dtype=np.float32)
    noise = record(silence, -20.0, DRY, Noise(0.0, -6.0), OPEN, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(noise)) ** 2
    hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
    octaves = [power[(hertz >= low) & (hertz < 1.1 * low)].mean() for low in (500.0, 1000.0, 2000.0)]
    np.testing.assert_allclose(np.diff(10 * np.log10(octaves)), -6.0, atol=0.8)


def test_a_microphone_passes_its_band_only() -> None:
    pulse = np.zeros(RATE, dtype=np.float32)
    pulse[RATE // 2] = 1.0
    recorded = record(pulse, 0.0, DRY, QUIET, Microphone(300.0, 3400.0, slope=2.0), np.random.default_rng(0))
    gain = 20 * np.log10(np.abs(np.fft.rfft(recorded)))
    assert gain[[300, 3400]] == pytest.approx([-3.0 + 2 * np.log2(0.3), -3.0 + 2 * np.log2(3.4)], abs=0.1)
    assert gain[2000] - gain[1000] == pytest.approx(2.0, abs=0.2)
    assert gain[75] < -45
    assert gain[6800] < -15


def test_a_recording_is_as_long_as_the_speech_and_clipped() -> None:
    loud = np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    recorded = record(loud, 0.0, Room(0.5, 0.0), QUIET, OPEN, np.random.default_rng(0))
    assert recorded.shape == (5000,)
    assert recorded.dtype == np.float32
    assert np.abs(recorded).max() == 1.0
