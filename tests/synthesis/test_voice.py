"""The voice, measured with librosa's pitch tracker and linear prediction."""

import librosa
import numpy as np
import numpy.typing as npt
import pytest

from didan.audio import RATE
from didan.synthesis import Prosody, Speaker, style
from didan.synthesis.language import CONSONANTS, SILENT, VOWELS, Segment
from didan.synthesis.voice import (
    FREQUENCIES,
    band_response,
    f0_contour,
    formant_response,
    glottal_pulses,
    speak,
)
from didan.typing import Samples

STEADY = Prosody(pitch_range=-50.0)


def sustained(vowel: str, speaker: Speaker, prosody: Prosody = STEADY) -> Samples:
    phone = VOWELS[vowel]
    segment = Segment(0.6, phone.formants, 0.0, SILENT, phone, 0)
    return speak([segment], prosody, speaker, 0.0, np.random.default_rng(0))


def pitch(samples: Samples) -> npt.NDArray[np.float64]:
    track: npt.NDArray[np.float64] = librosa.yin(samples, fmin=65, fmax=500, sr=RATE, frame_length=1024)
    return track


def positions(pulses: Samples) -> npt.NDArray[np.float64]:
    """Where pulses fall, in samples: a sample and its successor share one, at their centre of mass."""
    first = np.flatnonzero((pulses[:-1] > 0) & (pulses[1:] > 0))
    return np.asarray(first + pulses[first + 1] / (pulses[first] + pulses[first + 1]), dtype=np.float64)


@pytest.mark.parametrize("f0", [81.1, 137.3, 221.7, 401.3])
def test_pulses_have_the_frequency_and_power_asked_for(f0: float) -> None:
    pulses = glottal_pulses(np.full(RATE, f0), -100.0, np.random.default_rng(0))
    assert np.median(np.diff(positions(pulses))) == pytest.approx(RATE / f0, rel=1e-3)
    assert pulses.sum() == pytest.approx(np.sqrt(RATE * f0), rel=0.03)


def test_jitter_makes_the_periods_irregular() -> None:
    spreads = []
    for jitter in (0.0, 1.0):
        pulses = glottal_pulses(np.full(4 * RATE, 100.0), jitter, np.random.default_rng(0))
        spreads.append(np.std(np.diff(positions(pulses))))
    assert spreads[1] / spreads[0] == pytest.approx(np.e, rel=0.1)


@pytest.mark.parametrize("speaker", [Speaker("man", 137.3, 1.0), Speaker("woman", 190.0, 1.17)])
def test_a_sustained_vowel_has_the_pitch_of_its_speaker(speaker: Speaker) -> None:
    assert np.median(pitch(sustained("A", speaker))) == pytest.approx(speaker.f0, rel=0.01)


@pytest.mark.parametrize("scale", [1.0, 1.1])
@pytest.mark.parametrize("vowel", ["i", "E", "A", "u"])
def test_formants_are_where_linear_prediction_finds_them(vowel: str, scale: float) -> None:
    samples = sustained(vowel, Speaker("low", 75.0, scale))[2000:7000].astype(np.float64)
    flattened = np.append(samples[0], samples[1:] - 0.95 * samples[:-1])
    poles = np.roots(librosa.lpc(flattened * np.hanning(len(flattened)), order=18))
    hertz = np.angle(poles[np.abs(poles) > 0.9]) * RATE / (2 * np.pi)
    for target in VOWELS[vowel].formants:
        assert np.abs(hertz - scale * target).min() < max(0.06 * scale * target, 40.0)


def test_a_tract_resonates_at_its_formants_and_passes_the_lowest_frequencies() -> None:
    response = np.abs(formant_response(np.array([[500.0, 1500.0, 2500.0], [300.0, 900.0, 2300.0]]), 1.0))
    np.testing.assert_allclose(response[:, 0], 1.0, rtol=1e-3)
    inner = response[:, 1:-1]
    for row, formants in zip(response, ((500, 1500, 2500), (300, 900, 2300)), strict=True):
        inner = row[1:-1]
        peaks = FREQUENCIES[1:-1][(inner > row[:-2]) & (inner > row[2:])]
        np.testing.assert_allclose(peaks[:3], formants, atol=35)


def test_noise_bands_have_unit_power_and_their_centre() -> None:
    bands = band_response(np.array([2000.0, 5000.0]), np.array([0.3, 0.3]))
    np.testing.assert_allclose(np.mean(bands**2, axis=1), 1.0, rtol=1e-4)
    np.testing.assert_allclose(FREQUENCIES[bands.argmax(axis=1)], [2000.0, 5000.0], atol=20)


def test_a_fricative_is_noise_around_its_centre() -> None:
    phone = CONSONANTS["s"]
    hiss = speak(
        [Segment(0.5, phone.formants, SILENT, phone.noise, phone, 0)],
        STEADY,
        Speaker("me", 120.0, 1.0),
        0.0,
        np.random.default_rng(0),
    )
    power = np.abs(np.fft.rfft(hiss)) ** 2
    centroid = np.sum(np.fft.rfftfreq(len(hiss), 1 / RATE) * power) / power.sum()
    assert centroid == pytest.approx(phone.noise_hz, rel=0.05)


def test_the_melody_keeps_the_mean_and_widens_with_the_range() -> None:
    language = style("alpha").language
    spread = []
    for wider in (0.0, np.log(2.0)):
        rng = np.random.default_rng(1)
        segments = language.utter(8, Prosody(), 1.0, rng)
        times = np.arange(0, sum(segment.seconds for segment in segments), 0.008)
        contour = f0_contour(segments, times, 180.0, Prosody(pitch=2.0, pitch_range=wider), 0.0, rng)
        ends = np.cumsum([segment.seconds for segment in segments])
        voiced = np.array([segment.voice > SILENT for segment in segments])[
            np.searchsorted(ends, times, side="right")
        ]
        semitones = 12 * np.log2(contour[voiced] / 180.0)
        assert semitones.mean() == pytest.approx(2.0, abs=1e-5)
        spread.append(semitones.std())
    assert spread[1] / spread[0] == pytest.approx(2.0)


def test_a_tone_moves_the_pitch_in_a_straight_line() -> None:
    phone = VOWELS["A"]
    segments = [Segment(0.3, phone.formants, 0.0, SILENT, phone, number) for number in range(6)]
    times = np.arange(0.0, 1.8, 0.008)
    flat, tonal = (
        12 * np.log2(f0_contour(segments, times, 150.0, Prosody(), tone, np.random.default_rng(0)))
        for tone in (0.0, 2.0)
    )
    tones = tonal - flat
    for syllable in range(6):
        line = tones[(times > 0.3 * syllable + 0.01) & (times < 0.3 * syllable + 0.29)]
        assert np.abs(np.diff(line, 2)).max() < 1e-9
        assert abs(line[-1] - line[0]) > 0.05


@pytest.mark.parametrize("f0", [105.0, 210.0])
def test_running_neutral_speech_has_the_mean_pitch_of_its_speaker(f0: float) -> None:
    language, speaker = style("alpha").language, Speaker("me", f0, 1.0)
    means = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        samples = speak(language.utter(7, Prosody(), 1.0, rng), Prosody(), speaker, 0.0, rng)
        track, voiced, _ = librosa.pyin(
            samples, fmin=60, fmax=500, sr=RATE, frame_length=1024, hop_length=256, resolution=0.25
        )
        means.append(np.log2(track[voiced & np.isfinite(track)]).mean())
    assert 2 ** np.mean(means) == pytest.approx(f0, rel=0.04)
