"""Every frontend, exported to ONNX and run by onnxruntime, against torch."""

import warnings

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch

from didan.features import (
    FrontendSettings,
    FunctionalsSettings,
    SpectrogramSettings,
    build_frontend,
    extract_features,
)
from features.batches import clips, padded

SETTINGS: list[FrontendSettings] = [
    SpectrogramSettings(),
    SpectrogramSettings(trim=None, window=0.0311, hop=0.013, bands=40),
    FunctionalsSettings(),
]


@pytest.mark.parametrize("settings", SETTINGS, ids=["spectrogram", "untrimmed", "functionals"])
def test_onnxruntime_computes_what_torch_computes(settings: FrontendSettings) -> None:
    frontend = build_frontend(settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of what it does itself
        program = torch.onnx.export(
            frontend,
            (padded(clips()[:2]),),
            input_names=["waveform"],
            output_names=["features", "n_frames"],
            dynamic_shapes={"waveform": {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples", min=800)}},
            opset_version=20,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    expected = [extract_features(frontend, clip) for clip in clips()]
    std = np.concatenate(expected).std(axis=0) + 1e-3
    alone = [session.run(None, {"waveform": clip[None]}) for clip in clips()]
    together = zip(*session.run(None, {"waveform": padded(clips()).numpy()}), strict=True)
    for way in ([(features[0], n_frames[0]) for features, n_frames in alone], together):
        differences = []
        for (features, n_frames), own in zip(way, expected, strict=True):
            assert n_frames == len(own)
            differences.append(np.abs(features[:n_frames] - own) / std)
        # A percentile of tiny steps, or a frame with two peaks as high as each other, may differ by more.
        assert np.quantile(np.concatenate(differences), 0.99) < 1e-4
        assert np.concatenate(differences).max() < 0.05
