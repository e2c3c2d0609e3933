"""The program as a whole: help, start, errors that are ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import didan
from didan.cli import app, run
from helpers import complaint


def test_help_imports_neither_torch_nor_pandas() -> None:
    code = (
        "import sys\nfrom didan.cli import run\nassert run(['--help']) == 0\n"
        "heavy = {'torch', 'pandas', 'numpy', 'lightning', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"didan {didan.__version__}\n"


def test_a_reader_that_has_seen_enough_is_no_fault() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "didan", "corpora"], stdout=writer, stderr=subprocess.PIPE, check=False
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "command", [command.callback.__name__ for command in app.registered_commands if command.callback]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([command, "--help"]) == 0
    assert "Usage: " in capsys.readouterr().out


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trian"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("didan: ")
    assert len(error.splitlines()) == 1


def test_a_fault_of_ours_ends_with_1(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("oops")

    monkeypatch.setattr("didan.corpora.known.known_readers", broken)
    assert run(["corpora"]) == 1
    assert "fault of didan" in capsys.readouterr().err


def test_an_installation_without_torch_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_torch(folder: Path) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")

    monkeypatch.setattr("didan.model.directory.load", without_torch)
    assert run(["export", str(tmp_path), "model.onnx"]) == 2
    assert "this needs torch, which is not installed; pip install " in complaint(capsys)


@pytest.mark.parametrize("command", ["predict", "explain", "adapt", "evaluate", "export"])
def test_a_model_of_before_is_refused_in_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up = {"format": 2, "config": {"method": "didan", "normalisation": "speaker"}, "emotions": ["anger"]}
    model, table = tmp_path / "model", tmp_path / "calls.csv"
    model.mkdir()
    (model / "config.yaml").write_text(yaml.safe_dump(made_up))
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    table.write_text("file,emotion\na.wav,anger\n")
    out = [f"--out={tmp_path / 'out'}"] if command == "adapt" else []
    assert run([command, str(model), str(table), *out]) == 2
    assert "model of format 2, of an older didan; this one reads" in complaint(capsys)
