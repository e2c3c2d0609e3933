"""The recogniser is given a file made by hand, of which is known what it must answer."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from didan.audio import RATE
from didan.errors import UserError
from didan.inference import predict
from didan.inference.onnx import FORMAT, OnnxRecogniser
from didan.typing import Samples
from speech.talk import silence, utterances

ABOUT = {"format": FORMAT, "emotions": '["anger", "fear", "neutral"]', "rate": "16000"}


def write(file: Path, about: Mapping[str, str] = ABOUT) -> Path:
    """A softmax of the first sample, the sum of all and that of their squares: zeros at the end change nothing."""
    nodes = [
        helper.make_node("ReduceSum", ["waveform", "time"], ["sum"]),
        helper.make_node("ReduceSumSquare", ["waveform", "time"], ["energy"]),
        helper.make_node("Gather", ["waveform", "begin"], ["first"], axis=1),
        helper.make_node("Concat", ["first", "sum", "energy"], ["scores"], axis=1),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "by hand",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor(name, TensorProto.INT64, [1], [value]) for name, value in (("time", 1), ("begin", 0))],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(made, dict(about))
    onnx.save(made, str(file))
    return file


def expected(waveforms: list[Samples]) -> npt.NDArray[np.float64]:
    doubles = [one.astype(np.float64) for one in waveforms]
    scores = np.array([[one[0], one.sum(), (one**2).sum()] for one in doubles])
    return np.asarray(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))


def clips(lengths: list[int]) -> list[Samples]:
    rng = np.random.default_rng(0)
    made = [(rng.normal(0.1, 1, length) / np.sqrt(length)).astype(np.float32) for length in lengths]
    for one in made:
        one[0] = rng.uniform(-1, 1)
    return made


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("onnx") / "model.onnx")


@pytest.fixture(scope="module")
def recogniser(file: Path) -> OnnxRecogniser:
    return OnnxRecogniser(file, threads=1)


@settings(deadline=None, max_examples=25)
@given(lengths=st.lists(st.integers(1600, 9 * RATE), min_size=1, max_size=25))
def test_every_answer_belongs_to_its_waveform(recogniser: OnnxRecogniser, lengths: list[int]) -> None:
    waveforms = clips(lengths)
    found = recogniser.recognise(waveforms)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected(waveforms), atol=1e-5)


def test_an_answer_does_not_depend_on_the_others(recogniser: OnnxRecogniser) -> None:
    waveforms = clips([1600, 8 * RATE, 3000, 60 * RATE, 16_000, 16_001, 15_999])
    together = recogniser.recognise(waveforms)
    for waveform, own in zip(waveforms, together, strict=True):
        np.testing.assert_allclose(recogniser.recognise([waveform])[0], own, atol=1e-6)


def test_waveforms_stay_as_they_were(recogniser: OnnxRecogniser) -> None:
    waveforms = clips([2000, 5000])
    before = [one.copy() for one in waveforms]
    recogniser.recognise(waveforms)
    for one, other in zip(waveforms, before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_waveforms_no_answers(recogniser: OnnxRecogniser) -> None:
    assert recogniser.recognise([]).shape == (0, 3)


def test_batches_have_a_bound(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is asked at once, little of it is in memory as one batch."""
    recogniser = OnnxRecogniser(file)
    session = recogniser._session
    seconds: list[float] = []

    class Counting:
        def run(self, names: list[str], inputs: dict[str, npt.NDArray[np.float32]]) -> object:
            seconds.append(inputs["waveform"].size / RATE)
            return session.run(names, inputs)

    monkeypatch.setattr(recogniser, "_session", Counting())
    waveforms = clips([RATE] * 90 + [8 * RATE] * 7 + [1700])
    np.testing.assert_allclose(recogniser.recognise(waveforms), expected(waveforms), atol=1e-5)
    assert max(seconds) <= 30
    assert len(seconds) < 20  # and they are batches still


def test_emotions_are_those_of_the_file(recogniser: OnnxRecogniser, tmp_path: Path) -> None:
    assert recogniser.emotions == ("anger", "fear", "neutral")
    other = write(tmp_path / "a.onnx", ABOUT | {"emotions": json.dumps(["ärger", "b", "c"])})
    assert OnnxRecogniser(other).emotions == ("ärger", "b", "c")


def test_it_predicts_like_any_recogniser(recogniser: OnnxRecogniser, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", utterances()[0], RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", silence(2), RATE)
    spoken, silent = predict(recogniser, [tmp_path])
    (p,) = expected([utterances()[0]])
    assert spoken.probabilities == pytest.approx(dict(zip(recogniser.emotions, p, strict=True)), abs=1e-4)
    assert spoken.emotion == recogniser.emotions[int(p.argmax())]
    assert (silent.emotion, silent.probabilities) == (None, None)


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(UserError, match="does not exist; give a file that didan export has written"):
            OnnxRecogniser(path)


@pytest.mark.parametrize("damage", ["empty", "text", "half"])
def test_a_file_that_is_no_onnx(file: Path, tmp_path: Path, damage: str) -> None:
    content = {"empty": b"", "text": b"no model\n" * 100, "half": file.read_bytes()[:200]}[damage]
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.onnx is not an ONNX model that can be run") as caught:
        OnnxRecogniser(tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize("about", [{}, {"format": "didan 99", "emotions": "[]"}, {"emotions": '["anger"]'}])
def test_an_onnx_of_somebody_else(tmp_path: Path, about: dict[str, str]) -> None:
    with pytest.raises(UserError, match="not one that didan export has written"):
        OnnxRecogniser(write(tmp_path / "a.onnx", about))


def test_without_onnxruntime_it_says_what_to_install(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"onnxruntime, which is not installed; pip install 'didan\[onnx\]'"):
        OnnxRecogniser(file)
