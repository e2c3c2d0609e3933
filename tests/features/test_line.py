"""Lines are measured in sounds of known spectra (by Welch's method, where they are noise), and laid on them."""

import numpy as np
import numpy.typing as npt
import pytest
from scipy.signal import butter, resample_poly, sosfilt, welch

from didan.audio import RATE
from didan.features import Line, Spectra, line_between, suits
from didan.features.line import BANDS
from didan.features.mel import mel_edges
from didan.typing import Samples

CENTRES = mel_edges(BANDS, 40.0, 8000.0)[1:-1]
WITHIN = (CENTRES > 300) & (CENTRES < 3000)
SECONDS = 4


def pink(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise whose power falls by 3 dB per octave above 100 Hz."""
    spectrum = np.fft.rfft(rng.normal(size=SECONDS * RATE))
    frequencies = np.fft.rfftfreq(SECONDS * RATE, 1 / RATE)
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(frequencies, 100.0) / 100), SECONDS * RATE)


def speech(seed: int, noise: float = 1e-4, level: float = 0.1) -> Samples:
    """Something like it: noise of a slope that comes and goes four times a second, over white noise."""
    rng = np.random.default_rng(seed)
    envelope = np.maximum(np.sin(2 * np.pi * 4 * np.arange(SECONDS * RATE) / RATE), 0) ** 2
    mixed: Samples = (level * envelope * pink(rng) + noise * rng.normal(size=SECONDS * RATE)).astype(np.float32)
    return mixed


def telephone(samples: Samples, seed: int, noise: float) -> Samples:
    """By a filter and a rate of 8 kHz, which no code here shares, with white noise on the line."""
    rng = np.random.default_rng(seed)
    narrow = sosfilt(butter(8, (300, 3400), "bandpass", fs=RATE, output="sos"), samples)
    heard = resample_poly(narrow, 1, 2) + noise * rng.normal(size=len(samples) // 2)
    arrived: Samples = resample_poly(heard, 2, 1).astype(np.float32)
    return arrived


def spectra(made: list[Samples]) -> Spectra:
    return Spectra.of(made)


STUDIO = spectra([speech(seed) for seed in range(8)])


def decibels(signal: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The power density of noise at the centres of the bands, in dB of white noise."""
    frequencies, density = welch(signal, RATE, nperseg=1024)
    levels: npt.NDArray[np.float64] = np.interp(CENTRES, frequencies, 10 * np.log10(density * RATE / 2))
    return levels


def test_noise_is_measured_as_by_welch() -> None:
    hisses = [0.01 * pink(np.random.default_rng(seed)) for seed in range(5)]
    found = spectra([hiss.astype(np.float32) for hiss in hisses])
    np.testing.assert_allclose(found.noise, np.mean([decibels(hiss) for hiss in hisses], axis=0), atol=1.5)


@pytest.mark.parametrize("below", [10.0, 20.0, 30.0])
def test_speech_is_told_from_noise(below: float) -> None:
    # The mean of the squared envelope is that of sin^4 in the half in which there is any: 3 / 16.
    rng = np.random.default_rng(0)
    loudness = decibels(0.1 * pink(rng))
    noise = np.sqrt(3 / 16) * 10 ** ((np.median(loudness[WITHIN]) - below) / 20)
    found = spectra([speech(seed, noise) for seed in range(8)])
    # Where half of the frames are noise alone, the quietest tenth of all is a fifth of these: 2 dB too high.
    assert found.over_noise == pytest.approx(below - 2, abs=1)
    np.testing.assert_allclose(found.noise[WITHIN], 20 * np.log10(noise) + 2, atol=1.5)


def test_what_is_lost_does_not_arrive_and_the_rest_is_left_alone() -> None:
    times = np.arange(RATE) / RATE
    low, high = (np.sin(2 * np.pi * hertz * times).astype(np.float32) for hertz in (1000, 6000))
    gains = np.where(CENTRES > 4000, -60.0, 0.0)
    line = Line(gains=tuple(gains.tolist()), noise=(-140.0,) * BANDS, over_noise=40)
    middle = slice(1000, -1000)
    np.testing.assert_allclose(line.carry(low)[middle], low[middle], atol=1e-3)
    assert np.abs(line.carry(high)[middle]).max() < 1.1e-3
    assert len(line.carry(low)) == len(low)


def test_noise_has_the_level_that_is_asked_for_and_is_the_same_again() -> None:
    levels = np.linspace(-30.0, -60.0, BANDS)
    line = Line(gains=(0.0,) * BANDS, noise=tuple(levels.tolist()), over_noise=10)
    silence = np.full(8 * RATE, 1e-9, dtype=np.float32)
    np.testing.assert_allclose(decibels(line.carry(silence))[1:], levels[1:], atol=1.5)
    np.testing.assert_array_equal(line.carry(silence), line.carry(silence))
    assert (line.carry(silence[:-1])[:100] != line.carry(silence)[:100]).any()


@pytest.mark.parametrize(("noise", "level"), [(1e-3, 0.1), (3e-3, 0.1), (1e-3, 0.03)])
def test_what_the_line_carries_sounds_like_the_target(noise: float, level: float) -> None:
    arrived = spectra([telephone(speech(100 + seed, level=level), seed, noise) for seed in range(8)])
    line = line_between(STUDIO, arrived)
    assert line is not None
    carried = spectra([line.carry(speech(seed)) for seed in range(8)])
    own, wanted = ((one.noise - one.level)[WITHIN] for one in (carried, arrived))
    np.testing.assert_allclose(own, wanted, atol=4)
    assert carried.over_noise == pytest.approx(arrived.over_noise, abs=3)
    assert (carried.speech - carried.level)[CENTRES > 5000].max() < -25
    assert line.in_words().startswith("speech up to ")
    assert 3.4 < float(line.in_words().split()[3]) < 4.5


@pytest.mark.parametrize(
    "target",
    [
        pytest.param([speech(100 + seed) for seed in range(8)], id="others of the same"),
        pytest.param([speech(100 + seed, 1e-5, 0.01) for seed in range(8)], id="quieter"),
        pytest.param([speech(100 + seed, 1e-5) for seed in range(8)], id="cleaner"),
        pytest.param([speech(100 + seed, 3e-4) for seed in range(8)], id="noisier by what nobody hears"),
    ],
)
def test_no_line_where_recordings_are_as_good(target: list[Samples]) -> None:
    assert line_between(STUDIO, spectra(target)) is None


def test_a_studio_is_no_target_of_a_telephone() -> None:
    assert line_between(spectra([telephone(speech(seed), seed, 1e-2) for seed in range(8)]), STUDIO) is None


def test_noise_alone_makes_a_line_that_cuts_nothing_off() -> None:
    noisy = spectra([speech(100 + seed, 0.03) for seed in range(8)])
    line = line_between(STUDIO, noisy)
    assert line is not None
    assert set(line.gains) == {0.0}
    assert line.in_words() == f"speech, {noisy.over_noise:.0f} dB above the noise"


def test_noise_that_the_source_has_already_is_not_added_again() -> None:
    source, target = (
        [speech(seed, noise) for seed in seeds] for noise, seeds in ((6e-4, range(8)), (18e-4, range(8, 16)))
    )
    line = line_between(spectra(source), spectra(target))
    assert line is not None
    carried = spectra([line.carry(samples) for samples in source])
    np.testing.assert_allclose(carried.noise, spectra(target).noise, atol=2)


def test_lines_that_hardly_differ_are_one() -> None:
    targets = [
        spectra([telephone(speech(100 + seed), seed, noise) for seed in range(8)]) for noise in (1e-2, 1.001e-2)
    ]
    one, other = (line_between(STUDIO, target) for target in targets)
    assert one is not None
    assert one == other


@pytest.mark.parametrize("way", ["padded to one length", "gated in pauses"])
def test_digital_silence_is_no_recording(way: str) -> None:
    calls = [telephone(speech(100 + seed), seed, 3e-3) for seed in range(8)]
    silenced = [samples.copy() for samples in calls]
    for samples in silenced:
        if way == "padded to one length":
            samples[-len(samples) // 4 :] = 0
        else:
            blocks = samples[: len(samples) // 320 * 320].reshape(-1, 320)
            power = (blocks**2).mean(axis=1)
            blocks[power < np.quantile(power, 0.25)] = 0
    line, expected = (line_between(STUDIO, spectra(heard)) for heard in (silenced, calls))
    assert line is not None
    assert expected is not None
    assert line.over_noise == pytest.approx(expected.over_noise, abs=4)
    np.testing.assert_allclose(np.array(line.noise)[WITHIN], np.array(expected.noise)[WITHIN], atol=6)
    assert suits(expected, STUDIO, spectra(silenced))


def test_short_utterances_and_noise_alone_tell_nothing() -> None:
    rng = np.random.default_rng(0)
    studio = [speech(seed) for seed in range(8)]
    syllables = [samples[2000:5000] for samples in studio]  # all of it loud
    hiss = [(0.1 * rng.normal(size=RATE)).astype(np.float32) for _ in range(12)]
    assert spectra([*studio, *syllables, *syllables]).over_noise == STUDIO.over_noise
    assert spectra([*studio, *hiss]).over_noise == STUDIO.over_noise
    assert np.isfinite(spectra(syllables).over_noise)
    assert spectra(hiss).over_noise < -10


def test_the_padding_of_a_clip_stays_silent() -> None:
    clip = np.pad(speech(0)[:RATE], (0, RATE))
    line = Line(gains=(0.0,) * BANDS, noise=(-40.0,) * BANDS, over_noise=10)
    carried = line.carry(clip)
    np.testing.assert_array_equal(carried[RATE:], 0)
    assert 20 * np.log10((carried - clip)[:RATE].std()) == pytest.approx(-40, abs=0.5)
    assert len(line.carry(np.zeros(RATE, dtype=np.float32))) == RATE


def test_a_telephone_suits_telephones_and_not_noise_of_the_whole_band() -> None:
    calls = [
        spectra([telephone(speech(100 + seed), seed, noise) for seed in range(8)]) for noise in (3e-3, 2e-3, 1e-4)
    ]
    line = line_between(STUDIO, calls[0])
    assert line is not None
    assert suits(line, STUDIO, calls[1])
    for noise in (0.01, 0.02, 0.03):
        noisy = spectra([speech(100 + seed, noise) for seed in range(8)])
        assert line_between(STUDIO, noisy) is not None
        assert not suits(line, STUDIO, noisy)


def test_noise_that_nobody_hears_makes_no_difference_between_lines() -> None:
    quiet, quieter, loud = (
        Line(gains=(0.0,) * BANDS, noise=(-40.0,) * BANDS, over_noise=over_noise) for over_noise in (30, 90, 10)
    )
    assert quiet.distance(quieter) == 0
    assert quiet.distance(loud) == quieter.distance(loud) > 5


def test_one_lost_band_is_no_cut_off() -> None:
    gains = [0.0] * BANDS
    gains[12] = -30.0
    assert (
        Line(gains=tuple(gains), noise=(-40.0,) * BANDS, over_noise=9).in_words() == "speech, 9 dB above the noise"
    )


def test_utterances_shorter_than_a_frame_are_measured() -> None:
    found = spectra([np.full(100, 0.1, dtype=np.float32)])
    assert np.isfinite(found.speech).all()
    assert np.isfinite(found.noise).all()
    assert np.isfinite(spectra([np.zeros(RATE, dtype=np.float32)]).over_noise)
