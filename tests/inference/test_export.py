"""The exported graph says what torch says, in a runtime that knows nothing of either."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
import pytest

from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.errors import UserError
from didan.features import FrontendSettings, FunctionalsSettings, SpectrogramSettings
from didan.inference import Recogniser
from didan.inference import export as module
from didan.inference.export import export
from didan.inference.onnx import OnnxRecogniser
from didan.model.config import make_config
from didan.model.trained import TrainedModel
from didan.typing import Samples
from models import untrained_model
from tiny_encoders import make_encoder


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


def predict_proba(recogniser: Recogniser[Any], waveforms: list[Samples]) -> npt.NDArray[np.float32]:
    """With the statistics of the domain."""
    prepared = [recogniser.prepare(waveform) for waveform in waveforms]
    return recogniser.answer(prepared, [recogniser.normaliser.statistics()] * len(prepared)).probabilities


@pytest.fixture(scope="module")
def exported(untrained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(untrained, file)
    return file


def test_a_hundred_clips_get_the_same_answers(
    untrained: TrainedModel, exported: Path, clips: list[Samples]
) -> None:
    assert len(clips) == 100
    expected = predict_proba(untrained, clips)
    assert len(set(expected.argmax(axis=1))) == 3
    np.testing.assert_allclose(predict_proba(OnnxRecogniser(exported), clips), expected, atol=1e-4)


def test_clips_of_different_groups_get_the_same_answers(
    untrained: TrainedModel, exported: Path, clips: list[Samples]
) -> None:
    recogniser = OnnxRecogniser(exported)
    groups = [("ann", "bob", None)[number % 3] for number in range(len(clips))]
    moments = [one.moments([one.prepare(clip) for clip in clips]) for one in (untrained, recogniser)]
    assert [one.n_frames for one in moments[0]] == [one.n_frames for one in moments[1]]
    ours, theirs = (untrained.normaliser.statistics_by_group(side, groups) for side in moments)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(other.mean, own.mean, atol=1e-3)
        np.testing.assert_allclose(other.std, own.std, rtol=1e-4)
    expected = untrained.answer([untrained.prepare(clip) for clip in clips], ours).probabilities
    assert np.abs(expected - predict_proba(untrained, clips)).max() > 0.01
    np.testing.assert_allclose(recogniser.answer(clips, theirs).probabilities, expected, atol=1e-4)


def test_a_plain_runtime_suffices(untrained: TrainedModel, exported: Path, clips: list[Samples]) -> None:
    session = onnxruntime.InferenceSession(exported)
    assert [one.name for one in session.get_inputs()] == ["waveform"]
    assert {one.name for one in session.get_overridable_initializers()} == {"mean", "std"}
    outputs = ["probabilities", "embeddings", "frames", "feature_mean", "feature_variance"]
    assert [one.name for one in session.get_outputs()] == outputs
    about = session.get_modelmeta().custom_metadata_map
    assert (json.loads(about["emotions"]), about["rate"]) == (list(untrained.emotions), "16000")
    for clip in clips[::20]:
        probabilities = session.run(["probabilities"], {"waveform": clip[None]})[0]
        np.testing.assert_allclose(probabilities, predict_proba(untrained, [clip]), atol=1e-4)


def test_the_file_names_the_normaliser(untrained: TrainedModel, exported: Path) -> None:
    recogniser = OnnxRecogniser(exported)
    assert recogniser.group == untrained.group
    assert recogniser.normaliser.shrinkage == untrained.normaliser.shrinkage
    (ours,), (theirs,) = untrained.normaliser.domain, recogniser.normaliser.domain
    assert (theirs.n_utterances, theirs.n_frames) == (ours.n_utterances, ours.n_frames)
    np.testing.assert_array_equal(theirs.mean, ours.mean)
    np.testing.assert_array_equal(theirs.variance, ours.variance)


def test_padding_changes_nothing(exported: Path, clips: list[Samples]) -> None:
    session = onnxruntime.InferenceSession(exported)
    for clip in clips[:70:10]:
        alone = session.run(None, {"waveform": clip[None]})
        padded = np.zeros((2, len(clip) + 12_345), dtype=np.float32)
        padded[:, : len(clip)] = clip
        for output, own in zip(session.run(None, {"waveform": padded}), alone, strict=True):
            np.testing.assert_allclose(output, np.concatenate([own, own]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "settings", [SpectrogramSettings(trim=None), SpectrogramSettings(bands=40, high=4000.0), FunctionalsSettings()]
)
def test_other_settings_too(
    tiny_corpora: tuple[Corpus, Corpus],
    session_cache: Path,
    settings: FrontendSettings,
    clips: list[Samples],
    tmp_path: Path,
) -> None:
    model = untrained_model(tiny_corpora, session_cache, make_config(data={"frontend": settings.model_dump()}))
    export(model, tmp_path / "a.onnx")
    expected = predict_proba(model, clips)
    assert len(set(expected[:70].argmax(axis=1))) == 3
    answers = predict_proba(OnnxRecogniser(tmp_path / "a.onnx"), clips)
    np.testing.assert_allclose(answers[:70], expected[:70], atol=1e-4)
    # In noise a peak of the autocorrelation may be as high as another, and rounding chooses.
    np.testing.assert_allclose(answers[70:], expected[70:], atol=1e-3)


def test_opensmile_is_refused(untrained: TrainedModel, tmp_path: Path) -> None:
    config = make_config(data={"frontend": {"kind": "functionals", "parts": ["egemaps"]}})
    with pytest.raises(UserError, match="openSMILE is no part of ONNX"):
        export(replace(untrained, config=config), tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing_behind(
    untrained: TrainedModel, tmp_path: Path, small_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    with small_disk(100_000), pytest.raises(UserError, match="cannot write"):
        export(untrained, tmp_path / "a.onnx")
    assert not list(tmp_path.iterdir())


def test_no_recordings_no_answers(exported: Path) -> None:
    assert predict_proba(OnnxRecogniser(exported), []).shape == (0, 3)


def test_weights_too_large_for_the_format_are_in_a_second_file(
    tiny_corpora: tuple[Corpus, Corpus],
    session_cache: Path,
    clips: list[Samples],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = untrained_model(tiny_corpora, session_cache, make_config(frontend="spectrogram"))
    monkeypatch.setattr(module, "_LARGEST", 1000)
    export(small, tmp_path / "model.onnx")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert (tmp_path / "model.onnx.data").stat().st_size > (tmp_path / "model.onnx").stat().st_size
    (tmp_path / "elsewhere").mkdir()
    for file in list(tmp_path.glob("model.*")):
        file.rename(tmp_path / "elsewhere" / file.name)
    recogniser = OnnxRecogniser(tmp_path / "elsewhere" / "model.onnx")
    np.testing.assert_allclose(predict_proba(recogniser, clips[:5]), predict_proba(small, clips[:5]), atol=1e-3)
    (tmp_path / "model.onnx.data").touch()
    with pytest.raises(UserError, match=r"model\.onnx\.data exists already"):
        export(small, tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_an_encoder_takes_30_seconds_at_a_time(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, clips: list[Samples], tmp_path: Path
) -> None:
    encoder = make_encoder("whisper", tmp_path / "encoder")
    config = make_config(frontend="pretrained", assignments=[f"frontend.model={encoder}"])
    model = untrained_model(tiny_corpora, session_cache, config)
    export(model, tmp_path / "model.onnx")
    recogniser = OnnxRecogniser(tmp_path / "model.onnx")
    long = np.random.default_rng(0).normal(0, 0.1, 30 * RATE).astype(np.float32)
    some = [*clips[:5], clips[0][: round(0.3 * RATE)], long]
    np.testing.assert_allclose(predict_proba(recogniser, some), predict_proba(model, some), atol=1e-3)
    with pytest.raises(UserError, match=r"at most 30 s at a time, not 31 s; take a shorter --window"):
        recogniser.prepare(np.zeros(31 * RATE, np.float32))
