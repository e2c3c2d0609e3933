"""The README's Python runs, its commands exist, and its table is the one of the records."""

import re
import shlex
from pathlib import Path

import pytest

from didan.cli import run
from didan.synthesis import make_corpus, style

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_python_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("alpha", "beta")):
        if f"{name}/" in block:
            make_corpus(
                Path(name), style(name), n_speakers=2, n_per_emotion=2, emotions=("anger", "sadness"), seed=number
            )
    exec(compile(block.replace("seed=0", "seed=0, config=quick"), "README.md", "exec"), {"quick": _quick()})


def _quick() -> object:
    from didan.model.config import make_config

    return make_config(assignments=["optimisation.steps=2", "optimisation.batch_size=4"])


COMMANDS = [
    line.removeprefix("$ ").split("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ didan ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_fail_only_for_want_of_corpora(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Options are parsed before files are looked for: an option that is gone would be the complaint."""
    assert run(shlex.split(command)[1:]) == 2
    assert "does not exist" in capsys.readouterr().err
