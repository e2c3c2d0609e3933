"""The exported graph says what torch says, in a runtime that knows nothing of either."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch

from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.errors import UserError
from didan.features import (
    FunctionalsSettings,
    SpectrogramSettings,
    Statistics,
    build_frontend,
    extract_features,
    statistics,
)
from didan.inference.export import export
from didan.inference.onnx import OnnxRecogniser
from didan.model.trained import Model
from didan.networks import build_network
from didan.typing import Samples


@pytest.fixture(scope="module")
def clips(tiny_corpora: tuple[Corpus, Corpus]) -> list[Samples]:
    """A hundred recordings: speech, noise, tones and mixtures of them, 0.2 to 8 s, some with silence around."""
    rng = np.random.default_rng(0)
    speech = [read_audio(file) for corpus in tiny_corpora for file in corpus.table["file"]][:70]
    made = []
    for number in range(30):
        length = int(rng.integers(round(0.2 * RATE), 8 * RATE))
        noise = 10.0 ** rng.uniform(-4, -1) * rng.normal(size=length)
        if number % 3 == 0:
            noise += 0.3 * np.sin(2 * np.pi * rng.uniform(80, 4000) * np.arange(length) / RATE)
        if number % 3 == 1:
            noise = np.concatenate([np.zeros(RATE // 3), noise, np.zeros(RATE // 2)])
        made.append(noise.astype(np.float32))
    return [*speech, *made]


def changed(model: Model, **settings: object) -> Model:
    return replace(model, config=model.config.model_copy(update=settings))


@pytest.fixture(scope="module")
def exported(untrained: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(untrained, file)
    return file


def test_a_hundred_clips_get_the_same_answers(untrained: Model, exported: Path, clips: list[Samples]) -> None:
    assert len(clips) == 100
    expected = untrained.recognise(clips)
    assert len(set(expected.argmax(axis=1))) == 3
    np.testing.assert_allclose(OnnxRecogniser(exported).recognise(clips), expected, atol=1e-4)


def test_a_plain_runtime_suffices(untrained: Model, exported: Path, clips: list[Samples]) -> None:
    session = onnxruntime.InferenceSession(exported)
    assert [one.name for one in session.get_inputs()] == ["waveform"]
    assert [one.name for one in session.get_outputs()] == ["probabilities"]
    about = session.get_modelmeta().custom_metadata_map
    assert (json.loads(about["emotions"]), about["rate"]) == (list(untrained.emotions), "16000")
    for clip in clips[::20]:
        (found,) = session.run(None, {"waveform": clip[None]})
        np.testing.assert_allclose(found, untrained.recognise([clip]), atol=1e-4)


def test_padding_changes_nothing(exported: Path, clips: list[Samples]) -> None:
    session = onnxruntime.InferenceSession(exported)
    for clip in clips[:70:10]:
        alone = session.run(None, {"waveform": clip[None]})[0]
        padded = np.zeros((2, len(clip) + 12_345), dtype=np.float32)
        padded[:, : len(clip)] = clip
        np.testing.assert_allclose(
            session.run(None, {"waveform": padded})[0], np.vstack([alone, alone]), atol=1e-5
        )


@pytest.mark.parametrize(
    "settings",
    [
        {"normalisation": "utterance"},
        {"normalisation": "none"},
        {"frontend": SpectrogramSettings(trim=None)},
        {"frontend": SpectrogramSettings(bands=40, high=4000.0)},
    ],
)
def test_other_settings_too(
    untrained: Model, settings: dict[str, object], clips: list[Samples], tmp_path: Path
) -> None:
    model = changed(untrained, **settings)
    if settings.get("normalisation") == "none":  # unnormalised the made-up network is sure of one emotion
        model = replace(model, temperature=500.0)
    frontend = model.config.frontend
    if isinstance(frontend, SpectrogramSettings) and frontend.bands != 64:
        n_bands = frontend.bands
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = build_network("compact", n_bands, 3, 0.0).eval()
        ones = np.ones(n_bands, dtype=np.float32)
        model = replace(model, network=network, statistics=Statistics(-50 * ones, 15 * ones), temperature=0.02)
    spoken = clips[:70:3]
    export(model, tmp_path / "a.onnx")
    expected = model.recognise(spoken)
    assert expected.std(axis=0).max() > 1e-3  # otherwise nothing is compared
    np.testing.assert_allclose(OnnxRecogniser(tmp_path / "a.onnx").recognise(spoken), expected, atol=1e-4)


@pytest.fixture(scope="module")
def of_functionals(untrained: Model, clips: list[Samples]) -> Model:
    """With random weights, normalised on the clips."""
    settings = FunctionalsSettings()
    frontend = build_frontend(settings)
    raw = [extract_features(frontend, clip) for clip in clips[::5]]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = build_network("mlp", frontend.n_bands, 3, 0.0).eval()
    model = replace(
        changed(untrained, frontend=settings, normalisation="speaker"),
        network=network,
        statistics=statistics(raw),
        temperature=0.5,
    )
    scores = model.hear(clips).scores
    with torch.no_grad():  # so that every emotion is given to some clips
        spread = 3 * scores.std(dim=0)
        network.get_parameter("head.output.weight").div_(spread[:, None])
        network.get_parameter("head.output.bias").sub_(scores.mean(dim=0)).div_(spread)
    return model


def test_functionals_too(of_functionals: Model, clips: list[Samples], tmp_path: Path) -> None:
    export(of_functionals, tmp_path / "a.onnx")
    expected = of_functionals.recognise(clips)
    assert len(set(expected.argmax(axis=1))) == 3
    # In noise a peak of the autocorrelation may be as high as another, and rounding chooses.
    difference = np.abs(OnnxRecogniser(tmp_path / "a.onnx").recognise(clips) - expected).max(axis=1)
    assert difference.max() < 0.02
    assert np.quantile(difference, 0.9) < 1e-3


def test_opensmile_is_refused(untrained: Model, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="openSMILE is no part of ONNX"):
        export(changed(untrained, frontend=FunctionalsSettings(parts=("egemaps",))), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_behind(
    untrained: Model, tmp_path: Path, small_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with small_disk(100_000), pytest.raises(UserError, match="cannot write"):
        export(untrained, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_no_recordings_no_answers(exported: Path) -> None:
    assert OnnxRecogniser(exported).recognise([]).shape == (0, 3)
