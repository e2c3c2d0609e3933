"""Every frontend, exported to ONNX and run by onnxruntime, against torch."""

import warnings
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch

from didan.features import (
    FrontendSettings,
    FunctionalsSettings,
    PretrainedSettings,
    SpectrogramSettings,
    build_frontend,
    extract_features,
)
from didan.features.encoders.encoder import LONGEST
from features.batches import clips, padded
from tiny_encoders import make_encoder

SETTINGS: list[FrontendSettings] = [
    SpectrogramSettings(),
    SpectrogramSettings(trim=None, window=0.0311, hop=0.013, bands=40),
    FunctionalsSettings(),
]


ENCODERS = ("wavlm large", "data2vec-audio", "w2v-bert", "whisper")


@pytest.mark.parametrize("settings", SETTINGS, ids=["spectrogram", "untrimmed", "functionals"])
def test_onnxruntime_computes_what_torch_computes(settings: FrontendSettings) -> None:
    check(settings, longest=None)


@pytest.mark.parametrize("name", ENCODERS)
def test_onnxruntime_computes_what_an_encoder_computes(name: str, tmp_path: Path) -> None:
    settings = PretrainedSettings(model=str(make_encoder(name, tmp_path / "encoder"))).found()
    # w2v-BERT standardises its bands, and so the rounding of bands in which a tone leaves nothing else.
    check(settings, LONGEST, tolerance=1e-2 if name == "w2v-bert" else 1e-4)


def check(settings: FrontendSettings, longest: int | None, tolerance: float = 1e-4) -> None:
    frontend = build_frontend(settings).eval()
    samples = torch.export.Dim("samples", min=800 if longest is None else 1600, max=longest)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of what it does itself
        program = torch.onnx.export(
            frontend,
            (padded(clips()[:2]),),
            input_names=["waveform"],
            output_names=["features", "n_frames"],
            dynamic_shapes={"waveform": {0: torch.export.Dim("batch"), 1: samples}},
            opset_version=20,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    heard = clips() if longest is None else [clip for clip in clips() if len(clip) >= 1600]
    expected = [extract_features(frontend, clip) for clip in heard]
    std = np.concatenate(expected).std(axis=0) + 1e-3
    alone = [session.run(None, {"waveform": clip[None]}) for clip in heard]
    together = zip(*session.run(None, {"waveform": padded(heard).numpy()}), strict=True)
    for way in ([(features[0], n_frames[0]) for features, n_frames in alone], together):
        differences = []
        for (features, n_frames), own in zip(way, expected, strict=True):
            assert n_frames == len(own)
            differences.append(np.abs(features[:n_frames] - own) / std)
        # A percentile of tiny steps, or a frame with two peaks as high as each other, may differ by more.
        assert np.quantile(np.concatenate(differences), 0.99) < tolerance
        assert np.concatenate(differences).max() < 0.05
