"""Against signals made to have a known pitch, noise, formants and balance."""

import librosa
import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import signal

from didan.audio import RATE
from didan.features.descriptors import MEANINGFUL_UNVOICED, NAMES, Descriptors, Formants, Pitch

Floats = npt.NDArray[np.float64]

CENTRES = librosa.mel_frequencies(66, fmin=50, fmax=8000)[1:-1]
TIMES = np.arange(RATE) / RATE


def pitch(samples: Floats) -> tuple[Floats, Floats]:
    """Of one utterance, in Hz, and its harmonicity."""
    frequency, harmonicity = Pitch()(torch.from_numpy(samples.astype(np.float32))[None])
    return frequency[0].double().numpy(), harmonicity[0].double().numpy()


def formants(samples: Floats) -> tuple[Floats, Floats]:
    """Of one utterance: frequencies and bandwidths, each of shape (frames, 3)."""
    waveform = torch.from_numpy(samples.astype(np.float32))[None]
    frequency, bandwidth = Formants()(waveform, torch.tensor([len(samples) // 160 + 1]))
    return frequency[0].double().numpy(), bandwidth[0].double().numpy()


def descriptors(samples: Floats, log_mel: Floats) -> dict[str, Floats]:
    """Of one utterance, each of shape (frames,)."""
    described = Descriptors()(
        torch.from_numpy(samples.astype(np.float32))[None],
        torch.from_numpy(log_mel.astype(np.float32))[None],
        torch.tensor([len(log_mel)]),
    )
    return {name: values[0].double().numpy() for name, values in described.items()}


def pulses(frequency: float) -> Floats:
    """A voice without a mouth: all harmonics alike."""
    harmonics = np.arange(1, int(7000 / frequency))
    wave: Floats = 0.01 * np.cos(2 * np.pi * frequency * np.outer(TIMES, harmonics)).sum(axis=1)
    return wave


def test_there_is_a_descriptor_for_every_name() -> None:
    described = descriptors(pulses(150), np.zeros((101, 64)))
    assert set(described) == set(NAMES)
    assert len(set(NAMES)) == 19
    assert set(MEANINGFUL_UNVOICED) < set(NAMES)
    assert all(values.shape == (101,) and np.isfinite(values).all() for values in described.values())


@pytest.mark.parametrize("frequency", [70, 121.3, 250, 480])
def test_pitch_of_pulses_is_their_rate(frequency: float) -> None:
    found, harmonicity = pitch(pulses(frequency))
    inside = slice(3, -3)
    np.testing.assert_allclose(found[inside], frequency, rtol=0.01)
    assert (harmonicity[inside] > 0.8).all()


@pytest.mark.parametrize("ratio", [0.0, 10.0])
def test_harmonicity_is_the_share_of_power_that_repeats(ratio: float) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(size=RATE) * np.sqrt(0.5 / 10 ** (ratio / 10))
    _, r = pitch(np.sin(2 * np.pi * 200 * TIMES) + noise)
    assert np.median(10 * np.log10(r / (1 - r))) == pytest.approx(ratio, abs=1.5)


def test_noise_has_no_voice_and_silence_neither() -> None:
    noise = np.random.default_rng(0).normal(size=RATE)
    for samples in (noise, np.zeros(RATE)):
        assert (pitch(samples)[1] < 0.5).mean() > 0.95


@pytest.mark.parametrize("resonances", [(500, 1500, 2500), (300, 2200, 3000)])
@pytest.mark.parametrize("bandwidths", [(80, 100, 120), (120, 180, 300)])
def test_formants_are_the_resonances_that_a_filter_was_given(
    resonances: tuple[int, ...], bandwidths: tuple[int, ...]
) -> None:
    poles = np.exp(-np.pi * np.array(bandwidths) / RATE + 2j * np.pi * np.array(resonances) / RATE)
    filter_ = np.poly(np.concatenate([poles, poles.conj()])).real
    # Whispered, since in any linear prediction harmonics draw the first formant to the nearest of them; and
    # falling by 6 dB an octave, as voices do.
    breath = signal.lfilter([1.0], [1.0, -0.97], np.random.default_rng(0).normal(size=RATE))
    voice = signal.lfilter([1.0], filter_, breath)
    frequency, width = formants(0.1 * voice / np.abs(voice).max())
    np.testing.assert_allclose(np.median(frequency, axis=0), resonances, rtol=0.06)
    # The window widens narrow ones.
    np.testing.assert_allclose(np.median(width, axis=0), bandwidths, rtol=0.3)


def test_where_there_is_no_formant_stands_the_mean_of_the_others() -> None:
    frequency, width = formants(np.zeros(RATE))
    assert (frequency == 0).all()
    assert (width == 0).all()


def test_balance_of_a_spectrum_that_falls_evenly() -> None:
    log_mel = np.tile(60 - 0.01 * CENTRES, (101, 1))
    described = {name: values[50] for name, values in descriptors(np.zeros(RATE), log_mel).items()}
    assert described["slope_0-500hz_db_per_khz"] == pytest.approx(-10, abs=1e-3)
    assert described["slope_500-1500hz_db_per_khz"] == pytest.approx(-10, abs=1e-3)
    power = 10 ** (log_mel[0] / 10)
    assert described["loudness_db"] == pytest.approx(10 * np.log10(power.sum()), abs=1e-4)
    below, above = power[CENTRES < 1000].sum(), power[(CENTRES >= 1000) & (CENTRES < 5000)].sum()
    assert described["alpha_ratio_db"] == pytest.approx(10 * np.log10(below / above), abs=1e-4)
    expected = 0.01 * (CENTRES[CENTRES >= 2000][0] - CENTRES[0])
    assert described["hammarberg_index_db"] == pytest.approx(expected, abs=1e-4)
    assert described["flux"] == 0


def test_flux_of_a_spectrum_that_turns_over() -> None:
    # Square roots of proportions (1, 0) become (0, 1): the distance is the root of 2, but for the floor.
    log_mel = np.full((3, 64), -100.0)
    log_mel[0, 0] = log_mel[1, 40] = log_mel[2, 40] = 100.0
    flux = descriptors(np.zeros(400), log_mel)["flux"]
    np.testing.assert_allclose(flux, [0, np.sqrt(2), 0], atol=1e-6)


def test_steps_are_differences_from_the_frame_before() -> None:
    samples = np.concatenate([pulses(100)[: RATE // 2], pulses(110)[: RATE // 2]])
    log_mel = np.tile(np.arange(101.0)[:, None], (1, 64))
    described = descriptors(samples, log_mel)
    np.testing.assert_allclose(described["loudness_step_db"], np.r_[0, np.ones(100)], atol=1e-4)
    steps = np.r_[0, np.abs(np.diff(described["pitch_semitones"]))]
    np.testing.assert_allclose(described["pitch_step_semitones"], np.minimum(steps, 6), atol=1e-5)
    assert described["pitch_semitones"][[10, 90]] == pytest.approx(12 * np.log2([100 / 27.5, 4]), abs=0.05)


def test_levels_at_formants_are_interpolated_between_bands() -> None:
    log_mel = np.tile(np.random.default_rng(0).uniform(-80, 0, 64), (101, 1))
    described = descriptors(pulses(200), log_mel)
    at_pitch = np.interp(27.5 * 2 ** (described["pitch_semitones"] / 12), CENTRES, log_mel[0])
    for k in (1, 2, 3):
        level = np.interp(described[f"f{k}_hz"], CENTRES, log_mel[0])
        np.testing.assert_allclose(described[f"f{k}_level_db"], level - at_pitch, atol=1e-2)


def test_a_louder_voice_is_the_same_voice() -> None:
    rng = np.random.default_rng(0)
    samples = pulses(150) + 0.01 * rng.normal(size=RATE)
    log_mel = rng.normal(size=(101, 64))
    before, after = descriptors(samples, log_mel), descriptors(4 * samples, log_mel + 20 * np.log10(4))
    before["loudness_db"] += 20 * np.log10(4)
    for name in NAMES:
        np.testing.assert_allclose(after[name], before[name], rtol=1e-4, atol=1e-3, err_msg=name)
