"""``didan explain`` and ``didan export`` from the command line; what they compute is tested with the functions."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from didan.audio import RATE
from didan.cli import run
from didan.corpora import Corpus
from didan.model.config import make_config
from didan.model.directory import save
from didan.model.trained import TrainedModel
from helpers import complaint, table_of
from models import untrained_model


@pytest.fixture
def model(untrained: TrainedModel, tmp_path: Path) -> Path:
    save(untrained, tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture
def of_functionals(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path) -> Path:
    save(untrained_model(tiny_corpora, session_cache, make_config()), tmp_path / "of-functionals")
    return tmp_path / "of-functionals"


def test_an_explanation_in_every_format(model: Path, source: Corpus, capsys: pytest.CaptureFixture[str]) -> None:
    file = source.table["file"].iloc[7]
    assert run(["explain", str(model), file, "--format", "json", "-n", "3"]) == 0
    explanation = json.loads(capsys.readouterr().out)
    assert sum(explanation["weights"].values()) == pytest.approx(1, abs=1e-3)
    assert 1 <= len(explanation["examples"]) <= 3
    assert run(["explain", str(model), file, "--format", "csv", "-n", "3"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["file"] for row in rows] == [example["file"] for example in explanation["examples"]]
    assert run(["explain", str(model), file]) == 0
    out = capsys.readouterr().out
    assert explanation["emotion"] in out
    assert "left unexplained" in out


def test_parts_and_channels_of_recordings_are_told_apart(
    untrained: TrainedModel, source: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = untrained.source_index.table
    halves = np.arange(len(table)) % 2
    table = table.assign(file="call.wav", start=halves * 1.5, end=halves * 1.5 + 1.5, audio_channel=halves + 1)
    save(replace(untrained, source_index=replace(untrained.source_index, table=table)), tmp_path / "model")
    file = source.table["file"].iloc[7]
    assert run(["explain", str(tmp_path / "model"), file, "--format", "json"]) == 0
    examples = json.loads(capsys.readouterr().out)["examples"]
    assert {(one["start"], one["end"], one["audio_channel"]) for one in examples} <= {(0, 1.5, 1), (1.5, 3, 2)}
    assert run(["explain", str(tmp_path / "model"), file]) == 0
    out = capsys.readouterr().out
    for one in examples:
        shown = f"call.wav [{one['start']:g} s to {one['end']:g} s], channel {one['audio_channel']}"
        assert shown in " ".join(out.split())


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


def test_parameters_in_every_format(
    of_functionals: Path, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["explain", str(of_functionals), table_of(target), "--parameters"]
    assert run([*command, "--format", "json", "--plot", str(tmp_path / "p.png")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert sum(row["weight"] for row in found["families"]) == pytest.approx(1)
    assert sum(row["parameters"] for row in found["families"]) == len(found["parameters"]) == 552
    weights = [row["weight"] for row in found["parameters"]]
    assert weights == sorted(weights, reverse=True)
    assert 0 < sum(weight > 0 for weight in weights) < 552
    for row in found["families"]:
        own = [one for one in found["parameters"] if one["family"] == row["family"]]
        assert row["kept"] == sum(one["weight"] > 0 for one in own)
        assert row["weight"] == pytest.approx(sum(one["weight"] for one in own))
    assert (tmp_path / "p.png").stat().st_size > 10_000
    assert run([*command, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["parameter"] for row in rows] == [one["parameter"] for one in found["parameters"]]
    assert run(command) == 0
    assert found["parameters"][0]["parameter"] in capsys.readouterr().out


def test_parameters_of_a_fusion_are_those_of_its_functionals(
    of_functionals: Path,
    tiny_corpora: tuple[Corpus, Corpus],
    session_cache: Path,
    target: Corpus,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    fused = untrained_model(tiny_corpora, session_cache, make_config(frontend="spectrogram+functionals"))
    save(fused, tmp_path / "fused")
    printed = []
    for folder in (of_functionals, tmp_path / "fused"):
        assert run(["explain", str(folder), table_of(target), "--parameters", "--format", "csv"]) == 0
        printed.append(
            pd.read_csv(io.StringIO(capsys.readouterr().out)).sort_values("parameter", ignore_index=True)
        )
    pd.testing.assert_frame_equal(printed[0], printed[1], rtol=1e-3, atol=1e-4)


def test_parameters_of_what_can_be_read(
    of_functionals: Path, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = target.table.drop(columns="emotion")
    (tmp_path / "broken.wav").write_bytes(b"RIFF, and nothing else")
    damaged = pd.concat([table, table.iloc[:1].assign(file=str(tmp_path / "broken.wav"))])
    damaged.to_csv(tmp_path / "damaged.csv", index=False)
    command = ["explain", str(of_functionals), "--parameters", "--format", "csv"]
    assert run([*command, table_of(target)]) == 0
    whole = capsys.readouterr().out
    assert run([*command, str(tmp_path / "damaged.csv")]) == 2
    said = capsys.readouterr()
    assert said.out == whole
    assert "left out" in said.err
    assert "broken.wav" in said.err
    assert run([*command, str(tmp_path / "damaged.csv"), "--strict"]) == 2
    assert capsys.readouterr().out == ""


def test_what_parameters_cannot_be_asked_of(
    model: Path, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = target.table["file"].iloc[0]
    assert run(["explain", str(model), file, "--plot", str(tmp_path / "p.png")]) == 2
    assert "give both" in complaint(capsys)
    assert run(["explain", str(model), table_of(target), "--parameters", "--plot", str(tmp_path / "p.txt")]) == 2
    assert ".png" in complaint(capsys)
    assert run(["explain", str(model), table_of(target), "--parameters"]) == 2
    assert "no acoustic parameters" in complaint(capsys)
    assert not list(tmp_path.glob("p.*"))
