"""``didan explain`` and ``didan export`` from the command line; what they compute is tested with the functions."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from didan.audio import RATE
from didan.cli import run
from didan.corpora import Corpus
from didan.model.trained import TrainedModel
from helpers import complaint


@pytest.fixture
def model(untrained: TrainedModel, tmp_path: Path) -> Path:
    save(untrained, tmp_path / "model")
    return tmp_path / "model"


def test_an_explanation_in_every_format(model: Path, source: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    file = source.table["file"].iloc[7]
    assert run(["explain", str(model), file, "--format", "json", "-n", "3"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(found["weights"].values()) == pytest.approx(1, abs=1e-3)
    assert 1 <= len(found["examples"]) <= 3
    assert run(["explain", str(model), file, "--format", "csv", "-n", "3"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["file"] for row in rows] == [example["file"] for example in found["examples"]]
    assert run(["explain", str(model), file]) == 0
    out = capsys.readouterr().out
    assert found["emotion"] in out
    assert "left unexplained" in out


def test_silence_cannot_be_explained(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    assert run(["explain", str(model), str(tmp_path / "a.wav")]) == 2
    assert "no speech" in complaint(capsys)


def test_a_file_is_written_once(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "model.onnx"
    assert run(["export", str(model), str(file)]) == 0
    content = file.read_bytes()
    capsys.readouterr()
    for arguments, reason in (
        ([str(model), str(file)], "exists already"),
        ([str(model), str(tmp_path / "model.pt")], "should end in .onnx"),
        (["nowhere", str(tmp_path / "b.onnx")], "does not exist"),
    ):
        assert run(["export", *arguments]) == 2
        assert reason in complaint(capsys)
    assert file.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.onnx"]
