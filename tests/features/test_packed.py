from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didan.audio import read_audio
from didan.corpora import Corpus
from didan.features import PackedFeatures, Spectrogram, SpectrogramSettings, extract_features
from didan.features.store import Features


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=12), bands=st.integers(1, 9))
def test_every_utterance_comes_back(lengths: list[int], bands: int) -> None:
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


def test_spectrograms_lose_less_than_a_tenth_of_a_decibel(source: Corpus) -> None:
    frontend = Spectrogram(SpectrogramSettings())
    raw = [extract_features(frontend, read_audio(Path(file))) for file in source.table["file"][:6]]
    packed = PackedFeatures.pack(raw)
    lost = max(float(np.abs(packed[index] - features).max()) for index, features in enumerate(raw))
    assert 0 < lost <= 0.0625
    assert packed.frames.nbytes == sum(features.nbytes for features in raw) / 2


def test_functionals_are_one_frame_each() -> None:
    utterances: list[Features] = [np.full((1, 88), value, dtype=np.float32) for value in (1.5, -2.0, 1e-3, 4000)]
    packed = PackedFeatures.pack(utterances)
    assert packed.counts.tolist() == [1, 1, 1, 1]
    for index, features in enumerate(utterances):
        np.testing.assert_allclose(packed[index], features, rtol=1e-3)


def test_beyond_the_last_there_is_nothing() -> None:
    packed = PackedFeatures.pack([np.ones((2, 3), np.float32)])
    with pytest.raises(IndexError):
        packed[1]


def test_what_is_unpacked_is_a_copy() -> None:
    packed = PackedFeatures.pack([np.ones((2, 3), np.float32)])
    packed[0][:] = 5
    np.testing.assert_array_equal(packed[0], 1)
    with pytest.raises(FrozenInstanceError):
        packed.counts = np.zeros(1, dtype=np.int64)  # type: ignore[misc]
