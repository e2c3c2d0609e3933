"""The program as a whole: help, start, errors that are ours."""

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

from didan.cli import app, run


def test_help_imports_neither_torch_nor_pandas() -> None:
    code = (
        "import sys\nfrom didan.cli import run\nassert run(['--help']) == 0\n"
        "heavy = {'torch', 'pandas', 'numpy', 'lightning', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"didan {version('didan')}\n"


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
