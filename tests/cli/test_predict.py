"""``didan predict`` in every way it can be asked."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from didan.audio import RATE, read_audio
from didan.cli import run
from didan.corpora import Corpus
from didan.inference.export import export
from didan.model.trained import TrainedModel
from helpers import complaint, table_of


@pytest.fixture(scope="module")
def exported(untrained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(untrained, file)
    return file


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_names_from_standard_input(
    model: Path, target: Corpus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = target.table["file"].tolist()[:4]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(files[:3]) + "\n\n"))
    assert run(["predict", str(model), "-", files[3], "--format", "csv"]) == 0
    assert [row["file"] for row in rows(capsys.readouterr().out)] == files


def test_a_timeline_in_every_format(
    model: Path, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    speech = np.concatenate([read_audio(file) for file in target.table["file"][:4]])
    soundfile.write(tmp_path / "a.wav", speech, RATE)
    arguments = ["predict", str(model), str(tmp_path / "a.wav"), "--window", "0.6", "--hop", "0.3"]
    assert run([*arguments, "--format", "csv"]) == 0
    in_csv = rows(capsys.readouterr().out)
    assert run([*arguments, "--format", "json"]) == 0
    in_json = json.loads(capsys.readouterr().out)
    assert [float(row["start"]) for row in in_csv] == pytest.approx([0.3 * k for k in range(len(in_csv))])
    assert [float(row["end"]) for row in in_csv] == pytest.approx([row["end"] for row in in_json], abs=0.006)
    assert [row["emotion"] for row in in_csv] == [row["emotion"] or "" for row in in_json]
    assert run(arguments) == 0
    out = capsys.readouterr().out
    assert all(f" {start} " in out for start in ("0.0", "0.3", "0.6", "0.9"))


def test_silence_has_no_emotion_in_any_format(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(2 * RATE), RATE)
    arguments = ["predict", str(model), str(tmp_path / "silence.wav")]
    assert run([*arguments, "--format", "csv"]) == 0
    (row,) = rows(capsys.readouterr().out)
    assert (row["emotion"], row["anger"]) == ("", "")
    assert run([*arguments, "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["emotion"], row["probabilities"], row["speech"]) == (None, None, 0)
    assert run(arguments) == 0
    assert "no speech" in capsys.readouterr().out


def test_every_container_gives_the_same_answer(
    model: Path, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import av

    samples = read_audio(target.table["file"].iloc[3])
    for suffix in ("wav", "flac", "ogg", "mp3"):
        soundfile.write(tmp_path / f"a.{suffix}", samples, RATE)
    for suffix, codec in (("m4a", "aac"), ("mkv", "pcm_s16le")):
        with av.open(str(tmp_path / f"a.{suffix}"), "w") as container:
            sound = container.add_stream(codec, rate=RATE, layout="mono")
            assert isinstance(sound, av.AudioStream)
            pcm = np.round(samples * 32767).astype(np.int16)[None, :]
            frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
            frame.rate = RATE
            container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    assert run(["predict", str(model), str(tmp_path), "--format", "csv"]) == 0
    by_suffix = {Path(row["file"]).suffix: row for row in rows(capsys.readouterr().out)}
    assert set(by_suffix) == {".wav", ".flac", ".ogg", ".mp3", ".m4a", ".mkv"}
    for suffix in (".flac", ".mkv"):  # without loss
        assert {**by_suffix[suffix], "file": ""} == {**by_suffix[".wav"], "file": ""}


def test_one_corrupt_file_among_a_thousand(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], target: Corpus
) -> None:
    samples = read_audio(target.table["file"].iloc[0])[: RATE // 2]
    soundfile.write(tmp_path / "000.wav", samples, RATE)
    for number in range(1, 1000):
        if number != 500:
            os.link(tmp_path / "000.wav", tmp_path / f"{number:03}.wav")
    (tmp_path / "500.wav").write_bytes((tmp_path / "000.wav").read_bytes()[:2000])
    assert run(["predict", str(model), str(tmp_path), "--format", "csv"]) == 2
    out, err = capsys.readouterr()
    assert len(rows(out)) == 999
    assert "500.wav" in err
    assert "1 of 1000 recordings could not be read" in err


def test_an_exported_model_says_the_same(
    model: Path, exported: Path, target: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    files = target.table["file"].tolist()[:6]
    assert run(["predict", str(model), *files, "--format", "csv"]) == 0
    with_torch = rows(capsys.readouterr().out)
    assert run(["predict", str(exported), *files, "--format", "csv"]) == 0
    without = rows(capsys.readouterr().out)
    for row, other in zip(with_torch, without, strict=True):
        assert row["emotion"] == other["emotion"]
        assert float(row["anger"]) == pytest.approx(float(other["anger"]), abs=2e-4)  # of four decimals


def test_an_exported_model_groups_as_the_model_does(
    model: Path, exported: Path, target: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    probabilities = {}
    for recogniser in (model, exported):
        for group in ("speaker", "none"):
            arguments = ["predict", str(recogniser), table_of(target), "--group", group]
            assert run([*arguments, "--format", "json"]) == 0
            answers = json.loads(capsys.readouterr().out)
            probabilities[recogniser, group] = np.array([[*row["probabilities"].values()] for row in answers])
    for group in ("speaker", "none"):
        np.testing.assert_allclose(probabilities[exported, group], probabilities[model, group], atol=2e-4)
    assert abs(probabilities[model, "speaker"] - probabilities[model, "none"]).max() > 0.01


def test_an_exported_model_needs_neither_torch_nor_pandas(exported: Path, target: Corpus) -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'pandas', 'librosa', 'matplotlib', 'sklearn'):\n"
        "    sys.modules[name] = None\n"
        "from didan.cli import run\n"
        "sys.exit(run(sys.argv[1:]))\n"
    )
    file = target.table["file"].iloc[0]
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", str(exported), file, "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert json.loads(done.stdout)[0]["file"] == file


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["nowhere", "{clip}"], "does not exist"),
        (["nowhere.onnx", "{clip}"], "does not exist"),
        (["{clip}", "{clip}"], "is a file; give a folder that didan train has written"),
        (["{model}", "nowhere.wav"], "no such file"),
        (["{model}", "{clip}", "--hop", "1"], "--window"),
        (["{model}", "{clip}", "--group", "fiel"], "no 'fiel' to group by: did you mean 'file'"),
        (["{model}", "{clip}", "--group", "session"], "a table can have such a column"),
        (["{model}", "{table}", "--group", "sesion"], "has no column 'sesion' to group by"),
        (["{model}", "{table}", "--group", "emotion"], "cannot be grouped by their emotion"),
        (["{model}", "nowhere.csv"], "does not exist"),
        (["{model}", "emobd=nowhere"], "did you mean 'emodb'"),
        (["{model}", "{clip}", "--window", "0.01"], "too short"),
        (["{model}", "{clip}", "--window", "1", "--hop", "2"], "does not suit"),
    ],
)
def test_mistakes_are_one_clear_line(
    model: Path, target: Corpus, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    names = {"clip": target.table["file"].iloc[0], "model": model, "table": table_of(target)}
    assert run(["predict", *(argument.format(**names) for argument in arguments)]) == 2
    assert re.search(reason, complaint(capsys))


def test_an_onnx_of_somebody_else_is_refused(
    tmp_path: Path, target: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    import onnx

    value = onnx.helper.make_tensor_value_info
    node = onnx.helper.make_node("Identity", ["x"], ["y"])
    graph = onnx.helper.make_graph(
        [node], "other", [value("x", onnx.TensorProto.FLOAT, [1])], [value("y", onnx.TensorProto.FLOAT, [1])]
    )
    made = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, str(tmp_path / "other.onnx"))
    (tmp_path / "text.onnx").write_text("no model")
    for name, reason in (("other", "not one that didan export"), ("text", "is not an ONNX model")):
        assert run(["predict", str(tmp_path / f"{name}.onnx"), target.table["file"].iloc[0]]) == 2
        assert reason in complaint(capsys)


def test_adapted_outputs_are_shown_beside_the_models_own(
    model: Path, exported: Path, target: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    table = table_of(target)
    assert len(target) >= 20
    assert run(["predict", str(model), table, "--format", "csv"]) == 0
    plain = rows(capsys.readouterr().out)
    answers = []
    for recogniser in (model, exported):
        for format in ("csv", "json", "table"):
            command = ["predict", str(recogniser), table, "--adapt-outputs", "t3a", "--format", format]
            assert run(command) == 0
            answers.append(capsys.readouterr().out)
    in_csv, in_json = rows(answers[0]), json.loads(answers[1])
    assert "unadapted" in answers[2]
    emotions = [name for name in plain[0] if f"{name} unadapted" in in_csv[0]]
    assert len(emotions) == 3
    for before, adapted, same in zip(plain, in_csv, in_json, strict=True):
        for emotion in emotions:
            assert adapted[f"{emotion} unadapted"] == before[emotion]
            assert same["unadapted"][emotion] == pytest.approx(float(before[emotion]), abs=1e-4)
            assert same["probabilities"][emotion] == pytest.approx(float(adapted[emotion]), abs=1e-4)
        assert same["emotion"] == adapted["emotion"]
        assert "embedding" not in same
    # Exported, the same.
    for own, other in zip(in_json, json.loads(answers[4]), strict=True):
        assert list(own["probabilities"].values()) == pytest.approx(
            list(other["probabilities"].values()), abs=2e-3
        )


def test_outputs_of_few_utterances_are_not_adapted(
    model: Path, target: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", str(model), target.table["file"].iloc[0], "--adapt-outputs", "lame"]) == 2
    assert "at least 20 are needed" in capsys.readouterr().err
