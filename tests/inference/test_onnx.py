"""The recogniser is given a file made by hand, of which is known what it must answer."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import scipy
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from didan.audio import RATE
from didan.errors import UserError
from didan.features.normaliser import Statistics
from didan.inference.onnx import FORMAT, OnnxRecogniser
from didan.inference.predict import predict, utterances_in
from didan.typing import Samples
from speech.talk import silence, utterances

MEAN, VARIANCE = [0.1, 5.0, 1.0], [1.0, 16.0, 0.25]
DOMAIN = {
    "shrinkage": 4.0,
    "blocks": [],
    "domain": [{"utterances": 30, "frames": 300, "mean": MEAN, "variance": VARIANCE}],
    "voices": None,
}
ABOUT = {
    "format": FORMAT,
    "emotions": '["anger", "fear", "neutral"]',
    "rate": "16000",
    "group": "speaker",
    "normaliser": json.dumps(DOMAIN),
    "method": "didan",
    "sources": '["studio"]',
    "target": "calls",
}


def write(file: Path, about: Mapping[str, str] = ABOUT) -> Path:
    """Three features, in which zeros at the end change nothing, normalised; probabilities are their softmax.

    The features of a waveform are its first sample, the sum of all, and that of their squares. It has as many
    frames as samples that are not 0, and their variance is the square of the features.
    """
    nodes = [
        helper.make_node("ReduceSum", ["waveform", "time"], ["sum"]),
        helper.make_node("ReduceSumSquare", ["waveform", "time"], ["energy"]),
        helper.make_node("Gather", ["waveform", "begin"], ["first"], axis=1),
        helper.make_node("Concat", ["first", "sum", "energy"], ["feature_mean"], axis=1),
        helper.make_node("Mul", ["feature_mean", "feature_mean"], ["feature_variance"]),
        helper.make_node("Abs", ["waveform"], ["absolute"]),
        helper.make_node("Sign", ["absolute"], ["nonzero"]),
        helper.make_node("ReduceSum", ["nonzero", "time"], ["count"], keepdims=0),
        helper.make_node("Cast", ["count"], ["frames"], to=TensorProto.INT64),
        helper.make_node("Sub", ["feature_mean", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("Identity", ["scores"], ["embeddings"]),
    ]
    domain: dict[str, list[float]] = {"mean": MEAN, "std": np.sqrt(VARIANCE).tolist()}
    outputs = ("probabilities", "embeddings", "feature_mean", "feature_variance")
    graph = helper.make_graph(
        nodes,
        "by hand",
        [
            helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", "samples"]),
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3]) for name in domain),
        ],
        [
            *(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in outputs),
            helper.make_tensor_value_info("frames", TensorProto.INT64, ["batch"]),
        ],
        [
            *(
                helper.make_tensor(name, TensorProto.INT64, [1], [value])
                for name, value in (("time", 1), ("begin", 0))
            ),
            *(helper.make_tensor(name, TensorProto.FLOAT, [1, 3], values) for name, values in domain.items()),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(made, dict(about))
    onnx.save(made, str(file))
    return file


def features(waveforms: Sequence[Samples]) -> npt.NDArray[np.float64]:
    doubles = [one.astype(np.float64) for one in waveforms]
    return np.array([[one[0], one.sum(), (one**2).sum()] for one in doubles])


def expected(
    waveforms: Sequence[Samples],
    mean: npt.ArrayLike = MEAN,
    variance: npt.ArrayLike = VARIANCE,
) -> npt.NDArray[np.float64]:
    scores = (features(waveforms) - np.asarray(mean)) / np.sqrt(np.asarray(variance))
    return np.asarray(scipy.special.softmax(scores, axis=1))


def predict_proba(recogniser: OnnxRecogniser, waveforms: list[Samples]) -> npt.NDArray[np.float32]:
    """With the statistics of the domain."""
    return recogniser.answer(waveforms, [recogniser.normaliser.statistics()] * len(waveforms)).probabilities


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
    answers = predict_proba(recogniser, waveforms)
    assert answers.dtype == np.float32
    np.testing.assert_allclose(answers, expected(waveforms), atol=1e-5)


def test_an_answer_does_not_depend_on_the_others(recogniser: OnnxRecogniser) -> None:
    waveforms = clips([1600, 8 * RATE, 3000, 60 * RATE, 16_000, 16_001, 15_999])
    together = predict_proba(recogniser, waveforms)
    for waveform, own in zip(waveforms, together, strict=True):
        np.testing.assert_allclose(predict_proba(recogniser, [waveform])[0], own, atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(lengths=st.lists(st.integers(1600, 9 * RATE), min_size=1, max_size=25))
def test_moments_are_those_of_each_waveform(recogniser: OnnxRecogniser, lengths: list[int]) -> None:
    waveforms = clips(lengths)
    moments = recogniser.moments(waveforms)
    assert [one.n_frames for one in moments] == [int((waveform != 0).sum()) for waveform in waveforms]
    assert {one.n_utterances for one in moments} == {1}
    np.testing.assert_allclose([one.mean for one in moments], features(waveforms), rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose([one.variance for one in moments], features(waveforms) ** 2, rtol=1e-3, atol=1e-3)


@settings(deadline=None, max_examples=25)
@given(groups=st.lists(st.integers(0, 3), min_size=1, max_size=20))
def test_every_waveform_is_normalised_with_its_own_statistics(
    recogniser: OnnxRecogniser, groups: list[int]
) -> None:
    waveforms = clips([1600 + 977 * index for index in range(len(groups))])
    rng = np.random.default_rng(1)
    choices = [
        Statistics(rng.normal(size=(1, 3)).astype(np.float32), rng.uniform(0.5, 2, (1, 3)).astype(np.float32))
        for _ in range(4)
    ]
    choices[3] = Statistics(choices[0].mean.copy(), choices[0].std.copy())  # equal, but another object
    answers = recogniser.answer(waveforms, [choices[group] for group in groups]).probabilities
    for waveform, group, answer in zip(waveforms, groups, answers, strict=True):
        own = choices[group]
        np.testing.assert_allclose(answer, expected([waveform], own.mean, own.std**2)[0], atol=1e-5)


def test_the_domain_is_that_of_the_file(recogniser: OnnxRecogniser) -> None:
    assert (recogniser.group, recogniser.normaliser.shrinkage) == ("speaker", 4.0)
    (domain,) = recogniser.normaliser.domain
    assert (domain.n_utterances, domain.n_frames) == (30, 300)
    assert (domain.mean.tolist(), domain.variance.tolist()) == (MEAN, VARIANCE)


def test_waveforms_stay_as_they_were(recogniser: OnnxRecogniser) -> None:
    waveforms = clips([2000, 5000])
    before = [one.copy() for one in waveforms]
    predict_proba(recogniser, waveforms)
    for one, other in zip(waveforms, before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_no_waveforms_no_answers(recogniser: OnnxRecogniser) -> None:
    assert predict_proba(recogniser, []).shape == (0, 3)
    assert recogniser.moments([]) == []


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
    np.testing.assert_allclose(predict_proba(recogniser, waveforms), expected(waveforms), atol=1e-5)
    assert max(seconds) <= 30
    assert len(seconds) < 20  # and they are batches still


def test_emotions_are_those_of_the_file(recogniser: OnnxRecogniser, tmp_path: Path) -> None:
    assert recogniser.emotions == ("anger", "fear", "neutral")
    other = write(tmp_path / "a.onnx", ABOUT | {"emotions": json.dumps(["ärger", "b", "c"])})
    assert OnnxRecogniser(other).emotions == ("ärger", "b", "c")


def test_it_predicts_like_any_recogniser(recogniser: OnnxRecogniser, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", utterances()[0], RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "b.wav", silence(2), RATE)
    spoken, silent = predict(recogniser, utterances_in([tmp_path]))
    (p,) = expected([utterances()[0]])
    assert spoken.probabilities == pytest.approx(dict(zip(recogniser.emotions, p, strict=True)), abs=1e-4)
    assert spoken.emotion == recogniser.emotions[int(p.argmax())]
    assert (silent.emotion, silent.probabilities) == (None, None)


def test_it_predicts_groups_like_any_recogniser(recogniser: OnnxRecogniser, tmp_path: Path) -> None:
    (tmp_path / "ann").mkdir()
    (tmp_path / "bob").mkdir()
    for number, clip in enumerate(utterances()[:3]):
        soundfile.write(tmp_path / ("ann", "ann", "bob")[number] / f"{number}.wav", clip, RATE, subtype="FLOAT")
    predictions = list(predict(recogniser, utterances_in([tmp_path], "folder")))
    for members in ([0, 1], [2]):
        clips = [utterances()[index] for index in members]
        frames = np.array([(clip != 0).sum() for clip in clips])
        own = features(clips)
        mean = np.average(own, axis=0, weights=frames)
        variance = np.average(own**2 + (own - mean) ** 2, axis=0, weights=frames)
        weight = len(members) / (len(members) + 4.0)
        shrunk = [
            weight * group + (1 - weight) * np.array(domain)
            for group, domain in ((mean, MEAN), (variance, VARIANCE))
        ]
        for index, row in zip(members, expected(clips, *shrunk), strict=True):
            assert predictions[index].probabilities == pytest.approx(
                dict(zip(recogniser.emotions, row, strict=True)), abs=1e-4
            )


@pytest.mark.parametrize("arguments", [[], ["--group", "folder"], ["--group", "file"], ["--window", "0.5"]])
def test_prediction_does_not_wait_for_torch(file: Path, tmp_path: Path, arguments: list[str]) -> None:
    for number, clip in enumerate(utterances()[:2]):
        soundfile.write(tmp_path / f"{number}.wav", clip, RATE, subtype="FLOAT")
    code = (
        "import sys\n"
        "from didan.cli import run\n"
        "assert run(['predict', *sys.argv[1:], '--format', 'csv']) == 0\n"
        "assert not {'torch', 'lightning', 'pandas'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(file), str(tmp_path), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) >= 3


def test_the_runtime_reports_and_remembers_nothing(file: Path, tmp_path: Path) -> None:
    """Where it does, it first keeps a number for this machine in the user's home."""
    home = tmp_path / "home"
    home.mkdir()
    code = "import sys, pathlib, didan.inference.onnx as o; o.OnnxRecogniser(pathlib.Path(sys.argv[1]))"
    environment = {name: os.environ[name] for name in os.environ if name in ("PATH", "PYTHONPATH")}
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, env=environment | {"HOME": str(home)})
    assert list(home.rglob("*")) == []


def test_prediction_by_speakers_of_a_table_does_not_wait_for_torch(file: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", utterances()[0], RATE, subtype="FLOAT")
    (tmp_path / "calls.csv").write_text("file,speaker,emotion\na.wav,ann,anger\n")
    code = (
        "import sys\n"
        "from didan.cli import run\n"
        "assert run(['predict', *sys.argv[1:], '--format', 'csv']) == 0\n"
        "assert not {'torch', 'lightning'} & set(sys.modules)\n"
    )
    command = [sys.executable, "-c", code, str(file), str(tmp_path / "calls.csv")]
    assert len(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()) == 2


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    for path, what in ((tmp_path / "none.onnx", "does not exist"), (tmp_path, "is no file")):
        with pytest.raises(UserError, match=f"{what}; give a file that didan export has written"):
            OnnxRecogniser(path)


@pytest.mark.parametrize("damage", ["empty", "text", "half"])
def test_a_file_that_is_no_onnx(file: Path, tmp_path: Path, damage: str) -> None:
    content = {"empty": b"", "text": b"no model\n" * 100, "half": file.read_bytes()[:200]}[damage]
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.onnx is not an ONNX model that can be run") as caught:
        OnnxRecogniser(tmp_path / "a.onnx")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(tmp_path))


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({}, "not one that didan export has written"),
        ({"emotions": '["anger"]'}, "not one that didan export has written"),
        ({"format": "other 1"}, "not one that didan export has written"),
        ({"format": "didan 1", "emotions": "[]"}, "written by an older didan; export it again"),
    ],
)
def test_an_onnx_of_somebody_else_or_of_before(tmp_path: Path, about: dict[str, str], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        OnnxRecogniser(write(tmp_path / "a.onnx", about))


def test_without_onnxruntime_it_says_what_to_install(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match=r"onnxruntime, which is not installed; pip install .*\[onnx\]'"):
        OnnxRecogniser(file)
