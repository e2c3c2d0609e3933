from pathlib import Path

import numpy as np
import pytest
import soundfile
import typer
from typer.testing import CliRunner

from didan.cli import run
from didan.cli.inspect import inspect
from didan.errors import UserError
from helpers import lock


@pytest.fixture
def emodb(tmp_path: Path) -> Path:
    """Two angry utterances that are copies of each other, and a happy one."""
    rng = np.random.default_rng(0)
    angry, happy = 0.1 * rng.standard_normal((2, 16_000))
    for name, samples in (("03a01Wa", angry), ("03a02Wa", angry), ("08a01Fa", happy)):
        soundfile.write(tmp_path / f"{name}.wav", samples, 16_000)
    return tmp_path


def test_report(emodb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspect(f"emodb={emodb}")
    shown = capsys.readouterr().out
    rows = [line.replace("│", " ").split() for line in shown.splitlines()]
    assert ["anger", "2", "127"] in rows
    assert ["all", "3", "535"] in rows
    assert ["speakers", "2,", "with", "1", "to", "2", "utterances", "each"] in rows
    assert ["sampling", "rate", "16000", "Hz:", "3"] in rows
    assert f"byte-identical: {emodb / '03a01Wa.wav'} = {emodb / '03a02Wa.wav'}" in shown
    assert "counts differ from the published ones" in shown


def test_damage_is_reported_and_then_an_error(emodb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (emodb / "08a02Fa.wav").touch()
    with pytest.raises(UserError, match=r"^1 of 4 files cannot be used \(first: .*08a02Fa.wav: is empty"):
        inspect(f"emodb={emodb}")
    assert "happiness" in capsys.readouterr().out


def test_folder_without_labels(emodb: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inspect(str(emodb))
    shown = capsys.readouterr().out
    assert "unknown" in shown
    assert "anger" not in shown


def test_options_are_read(emodb: Path) -> None:
    app = typer.Typer()
    app.command()(inspect)
    result = CliRunner().invoke(app, [f"emodb={emodb}", "--map", "anger=-"])
    assert result.exit_code == 0
    assert "2 of 3 utterances left out, as --map wants: 'anger'" in result.output


def test_long_lists_are_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(12):
        (tmp_path / f"{number:02d}.wav").touch()
    with pytest.raises(UserError, match="12 of 12 files"):
        inspect(str(tmp_path))
    shown = capsys.readouterr().out
    assert shown.count("damaged: ") == 10
    assert "... and 2 more such" in shown


def test_a_folder_in_it_that_may_not_be_read_is_named_and_the_rest_reported(
    emodb: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (emodb / "locked").mkdir()
    (emodb / "notes.txt").touch()
    lock(monkeypatch, "locked")
    assert run(["inspect", str(emodb)]) == 2
    out, err = capsys.readouterr()
    assert "locked: permission denied" in err
    assert "files" in out
    assert "files are not named like audio and were passed over (.txt 1)" in out
