"""Features of a few utterances by two speakers, made of random numbers, normalised by hand with numpy."""

import pickle
from collections.abc import Sequence
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didan.audio import read_audio
from didan.corpora import Corpus, Recordings
from didan.features import (
    FeatureSet,
    FeatureStore,
    FunctionalsSettings,
    Moments,
    NormalisationSettings,
    Normaliser,
    PackedFeatures,
    Spectrogram,
    SpectrogramSettings,
    build_frontend,
    extract_features,
    join,
    load_features,
    normalised,
    pooled_vectors,
)
from didan.typing import Features

NAN = float("nan")
Floats = npt.NDArray[np.float64]


def raw_features(seed: int, count: int, lengths: Sequence[int] = (10, 11, 12, 13, 14, 15)) -> list[Features]:
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(-60, 10, 5) + rng.standard_normal((length, 5))).astype(np.float32)
        for length in lengths[:count]
    ]


def recordings(name: str, speakers: Sequence[Any], **columns: Any) -> Recordings:
    files = [f"/{name}/{number}.wav" for number in range(len(speakers))]
    table = pd.DataFrame({"file": files, "start": NAN, "end": NAN, "speaker": pd.Series(speakers, dtype=object)})
    return Recordings(name, table.assign(**columns))


def contents_of(name: str, count: int) -> pd.DataFrame:
    return pd.DataFrame({"file": [f"digest {name} {number}" for number in range(count)], "audio": None})


def make(seed: int, speakers: Sequence[object], shrinkage: float = 0.0) -> tuple[list[Features], FeatureSet]:
    raw, name = raw_features(seed, len(speakers)), f"corpus {seed}"
    settings = NormalisationSettings(shrinkage=shrinkage)
    return raw, normalised(recordings(name, speakers), raw, contents_of(name, len(raw)), settings)


def by(features: Features, group: Sequence[Features], domain: Sequence[Features], k: float = 0.0) -> Floats:
    """Frames less the mean of a group, drawn to the domain's, divided by the standard deviation."""
    own, every = (np.concatenate(list(part)).astype(np.float64) for part in (group, domain))
    weight = len(group) / (len(group) + k)
    mean = weight * own.mean(axis=0) + (1 - weight) * every.mean(axis=0)
    variance = weight * own.var(axis=0) + (1 - weight) * every.var(axis=0)
    normal: Floats = (features - mean) / np.sqrt(variance)
    return normal


@pytest.mark.parametrize("k", [0.0, 1.0, 20.0])
def test_speakers_are_drawn_to_the_domain(k: float) -> None:
    raw, features = make(0, ["ann", "bob", "ann", "bob", "bob"], k)
    for group in ([0, 2], [1, 3, 4]):
        members = [raw[index] for index in group]
        for index in group:
            np.testing.assert_allclose(features[index], by(raw[index], members, raw, k), atol=1e-4)


def test_utterances_of_unknown_speakers_are_normalised_as_the_domain() -> None:
    raw, features = make(0, ["ann", NAN, "ann", None])
    for index in (1, 3):
        np.testing.assert_allclose(features[index], by(raw[index], raw, raw), atol=1e-4)
    for index in (0, 2):
        np.testing.assert_allclose(features[index], by(raw[index], [raw[0], raw[2]], raw), atol=1e-4)


def test_without_groups_the_domain_is_one() -> None:
    raw = raw_features(0, 3)
    ungrouped = recordings("r", ["ann", "bob", "ann"]).grouped("none")
    features = normalised(ungrouped, raw, contents_of("r", 3), NormalisationSettings(shrinkage=0))
    for index in range(3):
        np.testing.assert_allclose(features[index], by(raw[index], raw, raw), atol=1e-4)


def test_parts_of_a_long_file_are_one_group() -> None:
    raw = raw_features(0, 5, (10, 200, 3, 40, 1))
    files = ["/call.wav", "/call.wav", "/other.wav", "/call.wav", "/other.wav"]
    ends: list[float] = [1, 30, 1, 35, 2]
    starts: list[float] = [0, 1, 0, 30, 1]
    table = pd.DataFrame({"file": files, "start": starts, "end": ends, "speaker": ["ann", "bob", NAN, "bob", NAN]})
    grouped = Recordings("calls", table).grouped("file")
    features = normalised(grouped, raw, contents_of("calls", 5), NormalisationSettings(shrinkage=2))
    for group in ([0, 1, 3], [2, 4]):
        members = [raw[index] for index in group]
        for index in group:
            np.testing.assert_allclose(features[index], by(raw[index], members, raw, 2), atol=1e-4)


def test_a_column_of_the_table_groups() -> None:
    raw = raw_features(0, 4)
    grouped = recordings("r", ["ann"] * 4, room=["hall", "cell", "hall", None]).grouped("room")
    features = normalised(grouped, raw, contents_of("r", 4), NormalisationSettings(shrinkage=1))
    expected = [
        by(raw[0], [raw[0], raw[2]], raw, 1),
        by(raw[1], [raw[1]], raw, 1),
        by(raw[2], [raw[0], raw[2]], raw, 1),
        by(raw[3], raw, raw),
    ]
    for index in range(4):
        np.testing.assert_allclose(features[index], expected[index], atol=1e-4)


def test_the_domain_may_be_another() -> None:
    """As where a model that was adapted to one target normalises another."""
    target, raw = raw_features(1, 6), raw_features(0, 3)
    normaliser = Normaliser.fit([Moments.of(one) for one in target], shrinkage=3)
    settings = NormalisationSettings(shrinkage=1000)  # the normaliser has its own
    features = normalised(
        recordings("r", ["ann", "ann", NAN]), raw, contents_of("r", 3), settings, normaliser=normaliser
    )
    assert features.normalisers == (normaliser,)
    for index in (0, 1):
        np.testing.assert_allclose(features[index], by(raw[index], raw[:2], target, 3), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(features[2], by(raw[2], target, target), rtol=1e-4, atol=1e-4)


def test_the_normaliser_is_that_of_all_raw_frames() -> None:
    raw, features = make(0, ["ann", "bob", NAN], shrinkage=7)
    frames = np.concatenate(raw).astype(np.float64)
    (normaliser,) = features.normalisers
    assert normaliser.shrinkage == 7
    assert (normaliser.domain[0].n_utterances, normaliser.domain[0].n_frames) == (3, len(frames))
    np.testing.assert_allclose(normaliser.domain[0].mean, frames.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(normaliser.domain[0].variance, frames.var(axis=0), rtol=1e-8)
    again = Normaliser.fit([Moments.of(one) for one in raw], 7)
    np.testing.assert_array_equal(again.domain[0].mean, normaliser.domain[0].mean)


@pytest.mark.parametrize("k", [0.0, 5.0])
def test_joined_sets_keep_their_own_statistics(k: float) -> None:
    parts = [make(seed, ["ann", "bob", NAN], k)[1] for seed in (1, 2)]  # whose speakers are four
    joined = join(parts)
    assert len(joined) == 6
    for index in range(6):
        np.testing.assert_array_equal(joined[index], parts[index // 3][index % 3])
    digests = [f"digest corpus {seed} {number}" for seed in (1, 2) for number in range(3)]
    assert joined.contents["file"].tolist() == digests
    for made, own in zip(joined.normalisers, parts, strict=True):
        (normaliser,) = own.normalisers
        np.testing.assert_array_equal(made.domain[0].mean, normaliser.domain[0].mean)
        np.testing.assert_array_equal(made.domain[0].variance, normaliser.domain[0].variance)
        assert made.shrinkage == k
    assert join(parts[:1]) is parts[0]


def test_beyond_the_last_of_joined_sets_there_is_nothing() -> None:
    joined = join([make(seed, ["ann", "bob"])[1] for seed in (1, 2)])
    with pytest.raises(IndexError):
        joined[4]


def test_stored_features_stay_on_disk(tmp_path: Path) -> None:
    raw = raw_features(0, 3)
    store = FeatureStore(tmp_path, SpectrogramSettings())
    places = store.write({str(number): array for number, array in enumerate(raw)})
    stored = store.read([places[str(number)] for number in range(3)])
    assert len(stored) == 3
    changed = stored[1]
    changed[:] = 0  # what a caller does with its copy
    np.testing.assert_array_equal(stored[1], raw[1])
    features = normalised(
        recordings("r", ["ann", "bob", "ann"]), stored, contents_of("r", 3), NormalisationSettings()
    )
    assert features.in_memory() is features
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(stored))[2], raw[2])


def test_vectors_are_kept_in_memory() -> None:
    raw = raw_features(0, 4, (1, 1, 1, 1))
    features = normalised(recordings("r", [*"aabb"]), raw, contents_of("r", 4), NormalisationSettings())
    kept = features.in_memory()
    assert isinstance(kept.raw, np.ndarray)
    np.testing.assert_array_equal(kept.raw, np.stack(raw))
    for index in range(4):
        np.testing.assert_array_equal(kept[index], features[index])
        np.testing.assert_array_equal(features.vectors()[index], features[index][0])


def test_an_utterance_of_one_frame_among_longer_ones_is_no_vector() -> None:
    raw = raw_features(0, 3, (1, 4, 9))
    features = normalised(recordings("r", [*"aab"]), raw, contents_of("r", 3), NormalisationSettings())
    kept = features.in_memory()
    assert [len(kept[index]) for index in range(len(kept))] == [1, 4, 9]


def test_pooled_vectors_are_the_frame_or_mean_and_standard_deviation_over_time() -> None:
    for lengths in ((4, 9, 1), (1, 1, 1)):
        raw = raw_features(0, 3, lengths)
        expected = [
            features[0] if max(lengths) == 1 else np.concatenate([features.mean(axis=0), features.std(axis=0)])
            for features in raw
        ]
        np.testing.assert_allclose(pooled_vectors(raw), expected, rtol=1e-4)


@pytest.mark.parametrize("frontend", [FunctionalsSettings(), SpectrogramSettings()])
def test_loaded_features_are_those_of_the_audio(
    target: Corpus, session_cache: Path, frontend: FunctionalsSettings | SpectrogramSettings
) -> None:
    calls: list[tuple[str, int, int]] = []
    features = load_features(
        target.unlabelled(),
        frontend,
        NormalisationSettings(shrinkage=5),
        session_cache,
        progress=lambda stage, done, total: calls.append((stage, done, total)),
    )
    assert len(features) == len(target)
    assert calls[-1] == ("features of gamma", 36, 36)
    extractor = build_frontend(frontend)
    raw = [extract_features(extractor, read_audio(file)) for file in target.table["file"]]
    first = [row for row, speaker in enumerate(target.table["speaker"]) if speaker == target.table["speaker"][0]]
    expected = by(raw[0], [raw[row] for row in first], raw, 5)
    varies = np.isfinite(expected).all(axis=0) & (np.concatenate(raw).std(axis=0) > 1e-3)
    assert varies.mean() > 0.9
    np.testing.assert_allclose(features[0][:, varies], expected[:, varies], atol=2e-3)


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12), bands=st.integers(1, 9))
def test_every_packed_utterance_comes_back(lengths: list[int], bands: int) -> None:
    rng = np.random.default_rng(0)
    # Halves of whole numbers lose nothing in half precision.
    utterances: list[Features] = [
        np.float32(0.5) * rng.integers(-200, 200, (length, bands)).astype(np.float32) for length in lengths
    ]
    packed = PackedFeatures.pack(utterances)
    assert len(packed) == len(lengths)
    for index, features in enumerate(utterances):
        assert packed[index].dtype == np.float32
        np.testing.assert_array_equal(packed[index], features)
    np.testing.assert_array_equal(packed[len(lengths) - 1], packed[-1])


def test_packed_spectrograms_lose_less_than_a_tenth_of_a_decibel(source: Corpus) -> None:
    frontend = Spectrogram(SpectrogramSettings())
    raw = [extract_features(frontend, read_audio(Path(file))) for file in source.table["file"][:6]]
    packed = PackedFeatures.pack(raw)
    lost = max(float(np.abs(packed[index] - features).max()) for index, features in enumerate(raw))
    assert 0 < lost <= 0.0625
    assert packed.frames.nbytes == sum(features.nbytes for features in raw) / 2


@given(seed=st.integers(0, 99), n=st.integers(1, 40), bands=st.integers(1, 9))
def test_in_bytes_a_value_is_off_by_half_a_step_of_its_band_at_most(seed: int, n: int, bands: int) -> None:
    rng = np.random.default_rng(seed)
    values = (rng.normal(size=(n, bands)) * 10.0 ** rng.integers(-2, 3, bands)).astype(np.float32)
    values[:, 0] = 7.0  # a band without variation
    packed = PackedFeatures.pack([row[None] for row in values])
    arrays = packed.as_arrays(in_bytes=True)
    assert arrays["frames"].nbytes == values.size
    assert arrays["frames"].max() <= 127
    read = PackedFeatures.of_arrays(arrays)
    assert read.counts.tolist() == [1] * n
    step = (packed.frames.max(axis=0).astype(np.float32) - packed.frames.min(axis=0)) / 127
    rounding = np.abs(values).max(axis=0) * 2.0**-10  # half precision, twice
    assert (np.abs(read.frames.astype(np.float32) - values) <= step / 2 + rounding).all()
    np.testing.assert_array_equal(read.frames[:, 0], 7)


def test_as_arrays_are_the_packed_features() -> None:
    rng = np.random.default_rng(0)
    packed = PackedFeatures.pack([rng.normal(size=(n, 5)).astype(np.float32) for n in (3, 1, 4)])
    read = PackedFeatures.of_arrays(packed.as_arrays())
    np.testing.assert_array_equal(read.frames, packed.frames)
    np.testing.assert_array_equal(read.counts, packed.counts)


def test_packed_functionals_are_one_frame_each() -> None:
    utterances: list[Features] = [np.full((1, 88), value, dtype=np.float32) for value in (1.5, -2.0, 1e-3, 4000)]
    packed = PackedFeatures.pack(utterances)
    assert packed.counts.tolist() == [1, 1, 1, 1]
    for index, features in enumerate(utterances):
        np.testing.assert_allclose(packed[index], features, rtol=1e-3)


def test_beyond_the_last_packed_utterance_there_is_nothing() -> None:
    packed = PackedFeatures.pack([np.ones((2, 3), np.float32)])
    with pytest.raises(IndexError):
        packed[1]


def test_an_unpacked_utterance_is_a_copy() -> None:
    packed = PackedFeatures.pack([np.ones((2, 3), np.float32)])
    packed[0][:] = 5
    np.testing.assert_array_equal(packed[0], 1)
    with pytest.raises(FrozenInstanceError):
        packed.counts = np.zeros(1, dtype=np.int64)  # type: ignore[misc]
