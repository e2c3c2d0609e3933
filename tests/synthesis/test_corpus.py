"""Emotions and styles, measured on finished recordings; and corpora of them on disk."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile

from didan.audio import RATE, read_audio
from didan.corpora.corpus import Corpus
from didan.errors import UserError
from didan.synthesis import Noise, Room, Speaker, between, make_corpus, style, synthesise
from didan.typing import Samples

STUDIO = replace(style("alpha"), noise=Noise(60.0, 0.0), syllables=6.0)
SPEAKERS = (Speaker("man", 115.0, 1.0), Speaker("woman", 205.0, 1.16))
TINY = replace(style("alpha"), syllables=2.0, silence=0.05)


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


def make(folder: Path, **changes: Any) -> Corpus:
    options: dict[str, Any] = {
        "n_speakers": 2,
        "n_per_emotion": 2,
        "emotions": ("anger", "sadness"),
        "seed": 3,
    }
    return make_corpus(folder, TINY, **(options | changes))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_and_table(tmp_path: Path) -> None:
    corpus = make(tmp_path / "deep" / "corpus")
    assert (corpus.name, len(corpus), corpus.emotions) == ("alpha", 8, ("anger", "sadness"))
    assert list(corpus.table.columns) == ["file", "start", "end", "speaker", "emotion"]
    assert corpus.table[["start", "end"]].isna().all(axis=None)
    assert corpus.table["speaker"].unique().tolist() == ["alpha-01", "alpha-02"]
    assert corpus.unlabelled().has_speakers
    for file in corpus.table["file"]:
        info = soundfile.info(file)
        assert Path(file).is_absolute()
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
        assert 0.3 < len(read_audio(file)) / 16_000 < 1.5
    table = pd.read_csv(tmp_path / "deep" / "corpus" / "corpus.csv")
    assert list(table.columns) == ["file", "emotion", "speaker"]
    assert table["file"][0] == "alpha-01/anger_001.wav"
    assert [str(tmp_path / "deep" / "corpus" / file) for file in table["file"]] == corpus.table["file"].tolist()


def test_the_same_arguments_give_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        make(tmp_path / name, seed=seed)
    one, two, three = (contents(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert len(set(one.values())) == 9
    assert not {one[name] for name in one if name.endswith(".wav")} & set(three.values())


def test_a_larger_corpus_contains_the_smaller_one(tmp_path: Path) -> None:
    make(tmp_path / "small")
    make(tmp_path / "large", n_speakers=3, n_per_emotion=3, emotions=("fear", "sadness", "anger"))
    small, large = contents(tmp_path / "small"), contents(tmp_path / "large")
    del small["corpus.csv"]
    assert len(large) == 28
    assert small.items() <= large.items()


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    make(folder)
    before = contents(folder)
    with pytest.raises(UserError, match="is not empty"):
        make(folder)
    assert contents(folder) == before


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def interrupted(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    original = synthesise
    monkeypatch.setattr("didan.synthesis.corpus.synthesise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"emotions": ("anger", "sad")}, "cannot synthesise the emotion 'sad'"),
        ({"emotions": ()}, "at least one emotion"),
        ({"emotions": ("anger", "anger")}, "named twice"),
        ({"n_speakers": 0}, "number of speakers is at least 1, not 0"),
        ({"n_per_emotion": 0}, "number of utterances per emotion is at least 1, not 0"),
        ({"seed": -1}, "seed is at least 0"),
    ],
)
def test_mistakes_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(tmp_path / "corpus", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("")
    with pytest.raises(UserError, match="is a file"):
        make(tmp_path / "corpus")
