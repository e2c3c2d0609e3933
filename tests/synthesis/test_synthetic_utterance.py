"""Emotions and styles, measured on finished recordings."""

from dataclasses import replace

import librosa
import numpy as np
import pytest

from didan.audio import RATE
from didan.typing import Samples
from didan.errors import UserError
from didan.synthesis import Noise, Room, Speaker, between, style, synthesise

STUDIO = replace(style("alpha"), noise=Noise(60.0, 0.0), syllables=6.0)
SPEAKERS = (Speaker("man", 115.0, 1.0), Speaker("woman", 205.0, 1.16))


def recordings(emotion: str, n: int = 6) -> list[Samples]:
    return [
        synthesise(emotion, speaker, STUDIO, np.random.default_rng([seed, number]))
        for number, speaker in enumerate(SPEAKERS)
        for seed in range(n)
    ]


def spoken(samples: Samples) -> Samples:
    """Without the silence at the ends."""
    loud = np.flatnonzero(np.abs(samples) > 0.05 * np.abs(samples).max())
    return samples[loud[0] : loud[-1]]


def semitones(samples: Samples) -> float:
    """Median pitch of the louder half, which is vowels."""
    track = librosa.yin(samples, fmin=65, fmax=600, sr=RATE, frame_length=1024, hop_length=512)
    power = librosa.feature.rms(y=samples, frame_length=1024, hop_length=512)[0]
    return float(np.median(12 * np.log2(track[power > np.median(power)])))


def brightness(samples: Samples) -> float:
    """Energy of 2-5 kHz over 0.1-1 kHz in dB, in the louder half (no fricatives)."""
    power = np.abs(librosa.stft(samples, n_fft=512)) ** 2
    low, high = power[3:32].sum(axis=0), power[64:160].sum(axis=0)
    vowels = low > np.median(low)
    return float(10 * np.log10(high[vowels].sum() / low[vowels].sum()))


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, float]]:
    table = {}
    for emotion in ("anger", "fear", "happiness", "neutral", "sadness", "surprise"):
        speech = [spoken(samples) for samples in recordings(emotion)]
        table[emotion] = {
            "pitch": float(np.mean([semitones(samples) for samples in speech])),
            "level": float(np.mean([10 * np.log10(np.mean(samples**2)) for samples in speech])),
            "seconds": float(np.mean([len(samples) / RATE for samples in speech])),
            "brightness": float(np.mean([brightness(samples) for samples in speech])),
        }
    return table


def test_aroused_emotions_are_higher_than_neutral_and_sadness(measured: dict[str, dict[str, float]]) -> None:
    calm = max(measured["neutral"]["pitch"], measured["sadness"]["pitch"])
    for emotion in ("anger", "fear", "happiness", "surprise"):
        assert measured[emotion]["pitch"] > calm + 1.5


def test_anger_is_louder_than_happiness_neutral_and_sadness(measured: dict[str, dict[str, float]]) -> None:
    levels = [measured[emotion]["level"] for emotion in ("anger", "happiness", "neutral", "sadness")]
    assert (np.diff(levels) < -2).all()
    assert measured["neutral"]["level"] == pytest.approx(STUDIO.level, abs=2.0)


def test_sadness_is_slow_and_fear_is_fast(measured: dict[str, dict[str, float]]) -> None:
    assert measured["sadness"]["seconds"] > 1.2 * measured["neutral"]["seconds"]
    assert measured["fear"]["seconds"] < measured["neutral"]["seconds"]


def test_anger_is_bright_and_sadness_dull(measured: dict[str, dict[str, float]]) -> None:
    levels = [measured[emotion]["brightness"] for emotion in ("anger", "neutral", "sadness")]
    assert (np.diff(levels) < -2).all()


def test_the_same_randomness_gives_the_same_samples() -> None:
    first, again, other = (
        synthesise("fear", SPEAKERS[0], style("beta"), np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert len(first) != len(other) or not np.array_equal(first, other)


def test_lengths_are_those_of_short_sentences() -> None:
    seconds = np.array([len(samples) / RATE for samples in recordings("neutral")])
    assert 1.0 < seconds.min() < seconds.max() < 3.0
    short = replace(STUDIO, syllables=2.0, silence=0.05)
    samples = synthesise("neutral", SPEAKERS[0], short, np.random.default_rng(0))
    assert 0.4 < len(samples) / RATE < 0.9


def test_noise_stands_below_neutral_speech_by_the_snr() -> None:
    noisy = replace(style("alpha"), silence=0.5, noise=Noise(20.0, 0.0), room=Room(0.05, -60.0))
    ratios = []
    for seed in range(8):
        samples = synthesise("neutral", SPEAKERS[0], noisy, np.random.default_rng(seed)).astype(np.float64)
        noise = np.mean(samples[: RATE // 5] ** 2)
        lengthy = samples[int(0.75 * RATE) : -int(0.75 * RATE)]
        ratios.append(10 * np.log10(np.mean(lengthy**2) / noise - 1))
    assert np.mean(ratios) == pytest.approx(20.0, abs=2.0)


def test_the_distance_between_corpora_grows_with_the_shift() -> None:
    filters = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=40)

    def mean_spectrum(amount: float) -> Samples:
        shifted = between(style("alpha"), style("beta"), amount)
        spectra = []
        for number in range(4):
            speaker = shifted.population.draw("x", number, np.random.default_rng(number))
            for seed, emotion in enumerate(("anger", "neutral", "sadness")):
                samples = synthesise(emotion, speaker, shifted, np.random.default_rng([number, seed]))
                power = np.abs(librosa.stft(samples, n_fft=512, hop_length=256)) ** 2
                spectra.append(np.log(filters @ power + 1e-8).mean(axis=1))
        mean: Samples = np.mean(spectra, axis=0)
        return mean

    source = mean_spectrum(0.0)
    distances = [float(np.linalg.norm(mean_spectrum(amount) - source)) for amount in (0.0, 0.25, 0.5, 0.75, 1.0)]
    assert distances[0] == 0.0
    assert (np.diff(distances) > 0.5).all()


def test_an_unknown_emotion_is_refused() -> None:
    with pytest.raises(UserError, match="cannot synthesise the emotion 'calm'"):
        synthesise("calm", SPEAKERS[0], STUDIO, np.random.default_rng(0))
