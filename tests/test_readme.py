"""The README's Python runs, its commands exist, and its table is the one of the records."""

import re
import shlex
from pathlib import Path

import pytest

from didan.cli import run
from didan.synthesis import make_corpus, style

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the README's ``call.wav`` is: an angry utterance of synthetic speech."""
    monkeypatch.chdir(tmp_path)
    make_corpus(Path("alpha"), style("alpha"), n_speakers=1, n_per_emotion=1, emotions=("anger",), seed=0)
    next(Path("alpha").rglob("anger*.wav")).rename("call.wav")


PYTHON = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", README, re.DOTALL)


@pytest.mark.parametrize(("block", "printed"), PYTHON)
@pytest.mark.usefixtures("call")
def test_python_runs(block: str, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out == printed


@pytest.mark.usefixtures("call")
def test_the_first_prediction_is_real(capsys: pytest.CaptureFixture[str]) -> None:
    _, _, shown = README.partition("$ didan predict base call.wav\n")
    remark, header, row = shown.splitlines()[:3]
    assert run(["predict", "base", "call.wav"]) == 0
    heard = capsys.readouterr()
    assert heard.err.strip() == remark
    lines = [line.split() for line in heard.out.splitlines() if line.strip() and "─" not in line]
    assert [header.split(), row.split()[:2]] == [lines[0], lines[1][:2]]
    values = [list(map(float, cells[2:])) for cells in (row.split(), lines[1])]
    assert values[0] == pytest.approx(values[1], abs=0.02)  # of another machine, too


COMMANDS = [
    line.removeprefix("$ ").split("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ didan ")
]


@pytest.mark.parametrize("command", [command for command in COMMANDS if command != "didan predict base call.wav"])
def test_commands_fail_only_for_want_of_files(
    command: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options are parsed before files are looked for: an option that is gone would be the complaint."""
    monkeypatch.chdir(tmp_path)
    assert run(shlex.split(command)[1:]) == 2
    assert "does not exist" in capsys.readouterr().err
