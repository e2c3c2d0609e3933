"""The reference is librosa, which computes the same by code of its own."""

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import torch
from pydantic import ValidationError

from didan.audio import RATE
from didan.features import Spectrogram, SpectrogramSettings

Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def speechlike() -> Samples:
    """A rising harmonic tone in noise, louder in the middle."""
    rng = np.random.default_rng(0)
    times = np.arange(RATE) / RATE
    tone = sum(np.sin(2 * np.pi * k * (120 * times + 40 * times**2)) / k for k in range(1, 20))
    loudness = 10 ** (-3 * np.abs(times - 0.5))
    samples: Samples = (0.1 * loudness * tone + 1e-3 * rng.standard_normal(RATE)).astype(np.float32)
    return samples


def compute(samples: Samples, settings: SpectrogramSettings) -> Samples:
    log_mel, n_frames = Spectrogram(settings)(torch.from_numpy(samples)[None])
    assert n_frames.item() <= log_mel.shape[1]
    values: Samples = log_mel[0, : n_frames.item()].numpy()
    return values


def stft_power(samples: Samples, settings: SpectrogramSettings) -> Samples:
    """|X|^2 by librosa, shape (bins, frames)."""
    n_fft, hop = round(settings.window * RATE), round(settings.hop * RATE)
    spectrum = librosa.stft(samples, n_fft=n_fft, hop_length=hop, window="hann", pad_mode="constant")
    power: Samples = np.abs(spectrum) ** 2
    return power


def mel_by_librosa(samples: Samples, settings: SpectrogramSettings) -> Samples:
    mel = librosa.feature.melspectrogram(
        S=stft_power(samples, settings),
        sr=RATE,
        n_fft=round(settings.window * RATE),
        n_mels=settings.bands,
        fmin=settings.low,
        fmax=settings.high,
    )
    decibels: Samples = librosa.power_to_db(mel, ref=1.0, amin=1e-10, top_db=settings.floor).T
    return decibels


@pytest.mark.parametrize(
    "settings",
    [
        SpectrogramSettings(trim=None),
        SpectrogramSettings(trim=None, window=0.032, hop=0.016, bands=40, low=0, high=4000),
        SpectrogramSettings(trim=None, window=0.02, hop=0.02, bands=20, low=300, high=3400, floor=30),
    ],
    ids=["default", "long-window", "telephone"],
)
def test_mel_is_that_of_librosa(speechlike: Samples, settings: SpectrogramSettings) -> None:
    expected = mel_by_librosa(speechlike, settings)
    np.testing.assert_allclose(compute(speechlike, settings), expected, atol=2e-3)
    assert expected.max() - expected.min() > 25


def test_floor_raises_what_is_far_below_the_loudest_point(speechlike: Samples) -> None:
    whole = compute(speechlike, SpectrogramSettings(trim=None, floor=200))
    cut = compute(speechlike, SpectrogramSettings(trim=None, floor=20))
    assert (whole < whole.max() - 20).mean() > 0.1
    np.testing.assert_allclose(cut, np.maximum(whole, whole.max() - 20), atol=1e-4)


def test_gain_shifts_all_values_alike(speechlike: Samples) -> None:
    settings = SpectrogramSettings()
    quiet = compute(speechlike * np.float32(0.1), settings)
    np.testing.assert_allclose(quiet, compute(speechlike, settings) - 20, atol=2e-3)


@pytest.mark.parametrize("n_samples", [1600, 1759, 1760, 16_000, 16_161])
def test_one_frame_per_hop_and_one_more(n_samples: int) -> None:
    samples = np.ones(n_samples, np.float32)
    assert len(compute(samples, SpectrogramSettings(trim=None))) == n_samples // 160 + 1


def burst_pause_burst() -> Samples:
    """Silence to 0.5 s, noise to 0.9 s, a pause to 1.2 s, noise to 1.6 s, silence to 2.4 s."""
    samples = 1e-5 * np.random.default_rng(1).standard_normal(round(2.4 * RATE))
    for start, end in ((0.5, 0.9), (1.2, 1.6)):
        samples[round(start * RATE) : round(end * RATE)] *= 1e4
    loud: Samples = samples.astype(np.float32)
    return loud


def test_trim_cuts_silence_at_the_ends_only() -> None:
    samples = burst_pause_burst()
    whole = compute(samples, SpectrogramSettings(trim=None))
    cut = compute(samples, SpectrogramSettings(trim=40))
    starts = [first for first in range(len(whole)) if np.array_equal(whole[first : first + len(cut)], cut)]
    assert len(starts) == 1
    # A frame of 25 ms begins 12.5 ms before its centre.
    assert starts[0] * 0.01 == pytest.approx(0.5, abs=0.0125)
    assert (starts[0] + len(cut) - 1) * 0.01 == pytest.approx(1.6, abs=0.0125)
    assert cut.min() < cut.max() - 60  # the pause is still there


def test_trim_goes_by_the_loudness_of_frames() -> None:
    # A tone, before it noise some 35 dB softer; in no single band does the noise come near the tone.
    samples = np.sin(np.arange(2 * RATE) * (2 * np.pi * 1000 / RATE)).astype(np.float32)
    samples[:RATE] = 0.016 * np.random.default_rng(1).standard_normal(RATE)
    lengths = {trim: len(compute(samples, SpectrogramSettings(trim=trim))) for trim in (20.0, 40.0)}
    power = 10 ** (mel_by_librosa(samples, SpectrogramSettings(floor=200)) / 10)
    loudness = 10 * np.log10(power.sum(axis=1))
    for trim, length in lengths.items():
        loud = np.flatnonzero(loudness >= loudness.max() - trim)
        assert length == loud[-1] - loud[0] + 1
    assert lengths[20.0] < 110 < 190 < lengths[40.0]  # the noise is cut, or kept


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"low": 4000, "high": 4000}, "must be below high"),
        ({"low": 5000, "high": 4000}, "must be below high"),
        ({"high": 8001}, "less than or equal to 8000"),
        ({"low": -1}, "greater than or equal to 0"),
        ({"window": 0}, "greater than"),
        ({"window": 1e-5}, "greater than"),
        ({"hop": 1e-5}, "greater than"),
        ({"hop": 0.6}, "less than"),
        ({"bands": 7}, "greater than or equal to 8"),
        ({"floor": 0}, "greater than 0"),
        ({"trim": -3}, "greater than 0"),
        ({"kind": "cepstrum"}, "spectrogram"),
        ({"kind": "linear"}, "spectrogram"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        SpectrogramSettings.model_validate(wrong)
