"""What all frontends promise."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from didan.features import (
    FRONTENDS,
    FrontendSettings,
    FunctionalsSettings,
    SpectrogramSettings,
    build_frontend,
    extract_features,
    found,
)
from didan.features.functionals import Part
from features.batches import clips, padded
from speech.talk import silence, utterances
from tiny_encoders import make_encoder

SETTINGS: dict[str, FrontendSettings] = {
    "spectrogram": SpectrogramSettings(),
    "untrimmed": SpectrogramSettings(trim=None),
    "trimmed hard": SpectrogramSettings(trim=15.0, floor=30.0),
    "odd": SpectrogramSettings(window=0.0311, hop=0.013, bands=40, low=100, high=7000),
    "functionals": FunctionalsSettings(),
    "one part": FunctionalsSettings(parts=("modulation",)),
}


@pytest.mark.parametrize("kind", FRONTENDS)
def test_every_kind_has_a_frontend(kind: str, tmp_path: Path) -> None:
    encoder = {"model": str(make_encoder("wav2vec2", tmp_path / "encoder"))} if kind == "pretrained" else {}
    settings = found(FRONTENDS[kind].model_validate({"kind": kind, **encoder}))
    assert build_frontend(settings).settings == settings


@pytest.mark.parametrize("name", SETTINGS)
def test_every_band_has_a_name_of_its_own(name: str) -> None:
    frontend = build_frontend(SETTINGS[name])
    features = extract_features(frontend, utterances()[0])
    assert features.dtype == np.float32
    assert features.shape[1] == frontend.n_bands == len(frontend.feature_names) == len(set(frontend.feature_names))
    assert np.isfinite(features).all()


@pytest.mark.parametrize("name", SETTINGS)
def test_a_padded_batch_gets_what_each_utterance_gets_alone(name: str) -> None:
    frontend = build_frontend(SETTINGS[name])
    alone = [extract_features(frontend, clip) for clip in clips()]
    with torch.inference_mode():
        batch, n_frames = frontend(padded(clips()))
    std = np.concatenate(alone).std(axis=0) + 1e-3
    for features, n, expected in zip(batch.numpy(), n_frames.tolist(), alone, strict=True):
        assert n == len(expected)
        np.testing.assert_allclose(features[:n] / std, expected / std, atol=1e-4)


@pytest.mark.parametrize("name", SETTINGS)
def test_zeros_at_the_end_are_no_part_of_a_recording(name: str) -> None:
    frontend = build_frontend(SETTINGS[name])
    for clip in clips():
        longer = np.concatenate([clip, silence(0.7)])
        np.testing.assert_array_equal(extract_features(frontend, longer), extract_features(frontend, clip))


@pytest.mark.parametrize("name", SETTINGS)
def test_nothing_but_zeros_has_features(name: str) -> None:
    frontend = build_frontend(SETTINGS[name])
    alone = extract_features(frontend, silence(1))
    assert np.isfinite(alone).all()
    with torch.inference_mode():
        batch, n_frames = frontend(padded([silence(1), utterances()[0]]))
    np.testing.assert_allclose(batch[0, : n_frames[0]], alone, atol=1e-4)


def test_opensmile_too_takes_a_padded_batch() -> None:
    pytest.importorskip("opensmile")
    frontend = build_frontend(FunctionalsSettings(parts=get_args(Part)))
    batch = frontend(padded(clips()[:3]))[0][:, 0].numpy()
    alone = np.concatenate([extract_features(frontend, clip) for clip in clips()[:3]])
    np.testing.assert_array_equal(batch[:, -88:], alone[:, -88:])
    assert frontend.feature_names[-88] == "F0semitoneFrom27.5Hz_sma3nz_amean"


def test_a_recording_is_left_as_it_is() -> None:
    samples = utterances()[0].copy()
    extract_features(build_frontend(SpectrogramSettings()), samples)
    np.testing.assert_array_equal(samples, utterances()[0])
