"""Standard output in any encoding, closed, full, or a pipe; names of any bytes."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from didan.cli import run
from didan.corpora import Corpus
from didan.model.directory import save
from didan.model.trained import TrainedModel

NAMES = ["日本語.wav", "Müller [v1].wav", "x" * 120 + ".wav", os.fsdecode("Ä.wav".encode("latin-1"))]


@pytest.fixture(scope="module")
def model(untrained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a model."""
    out = tmp_path_factory.mktemp("model") / "m"
    save(untrained, out)
    return out


@pytest.fixture
def folder(target: Corpus, tmp_path: Path) -> Path:
    """Recordings with such names."""
    (tmp_path / "calls").mkdir()
    for name in NAMES:
        shutil.copy(target.table["file"].iloc[0], tmp_path / "calls" / name)
    return tmp_path / "calls"


def didan(*arguments: object, encoding: str = "utf-8", **options: object) -> "subprocess.CompletedProcess[bytes]":
    """Run the program in an environment of this encoding."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "COLUMNS": "80"}
    command = [sys.executable, "-m", "didan", *map(str, arguments)]
    return subprocess.run(command, env=environment, stderr=subprocess.PIPE, check=False, **options)  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "ascii"])
@pytest.mark.parametrize("format", ["csv", "json", "table"])
def test_any_encoding(model: Path, folder: Path, encoding: str, format: str) -> None:
    done = didan("predict", model, folder, "--format", format, encoding=encoding, stdout=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (0, b"")
    if format == "json":
        text = done.stdout.decode(encoding)
        assert {Path(one["file"]).name for one in json.loads(text)} == set(NAMES)
    elif format == "csv":
        rows = list(csv.DictReader(io.StringIO(done.stdout.decode(encoding, errors="surrogateescape"))))
        names = {Path(row["file"]).name for row in rows}
        assert names == {
            name if encoding == "utf-8" else name.encode(encoding, errors="backslashreplace").decode(encoding)
            for name in NAMES
        }
    else:  # each name whole, on one line, though there are but 80 columns
        lines = done.stdout.decode(encoding, errors="surrogateescape").splitlines()
        assert all(any(part in line for line in lines) for part in ("[v1].wav", "x" * 120 + ".wav"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize("format", ["csv", "json", "table"])
def test_a_full_disk_behind_it_is_one_line(model: Path, folder: Path, format: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = didan("predict", model, folder, "--format", format, stdout=full)
    assert done.returncode == 2
    assert done.stderr.decode() == "didan: cannot write to standard output (no space left on device)\n"


def test_closed(model: Path, folder: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m didan predict {model} '{folder}' --format csv >&-"],
        capture_output=True,
        check=False,
    )
    assert (done.stderr.decode(), done.returncode) == ("", 0)


@pytest.mark.parametrize("format", ["csv", "json", "table"])
def test_a_reader_that_leaves_early(model: Path, folder: Path, format: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m didan predict {model} '{folder}' --format {format} | true"],
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_of_any_bytes_from_standard_input(model: Path, folder: Path) -> None:
    names = b"\n".join(os.fsencode(file) for file in sorted(folder.iterdir())) + b"\n\0\n"
    done = didan("predict", model, "-", "--format", "csv", input=names, stdout=subprocess.PIPE)
    assert done.returncode == 2
    assert len(done.stdout.splitlines()) == 1 + len(NAMES)
    assert b"is no name of a file" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["predict", "{model}", "x" * 5000], "file name too long"),
        (["train", "--source", "x" * 5000, "--target", ".", "--out", "m"], "file name too long"),
        (["predict", "{model}", "{model}/config.yaml/a.wav"], "not a directory"),
        (["evaluate", "{model}", "{model}/config.yaml/t.csv"], "does not exist"),
    ],
)
def test_what_the_system_refuses_is_one_line(
    model: Path, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([part.format(model=model) for part in arguments]) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert "Traceback" not in err
