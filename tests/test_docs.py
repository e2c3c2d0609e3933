"""The pages on extending didan, followed word by word in a copy of the package."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import didan
from didan.corpora.synthetic import make_corpus, style

DOCS = Path(__file__).parents[1] / "docs"
FAST = "--set optimisation.steps=2 --set optimisation.batch_size=4"


def follow(page: str, folder: Path) -> Path:
    """A copy of the package with the page's files and lines added."""
    text = (DOCS / page).read_text(encoding="utf-8")
    copy = folder / "src"
    shutil.copytree(Path(didan.__file__).parent, copy / "didan", ignore=shutil.ignore_patterns("__pycache__"))
    files = re.findall(r"```python (src/\S+)\n(.*?)```", text, re.DOTALL)
    assert len(files) == 1, "one file"
    for name, content in files:
        assert not (folder / name).exists()
        (folder / name).write_text(content, encoding="utf-8")
    for line in re.findall(r"```text line\n(.*?)```", text, re.DOTALL):
        registry = copy / "didan" / "methods" / "__init__.py"
        before = registry.read_text(encoding="utf-8")
        registry.write_text(before.replace('    "mdd",\n', f'    "mdd",\n{line}'), encoding="utf-8")
        assert registry.read_text(encoding="utf-8") == before.replace('"mdd",\n', f'"mdd",\n{line}')
    return copy


def commands(page: str) -> list[str]:
    return re.findall(r"^\$ didan (.*)$", (DOCS / page).read_text(encoding="utf-8"), re.MULTILINE)


def run(command: str, package: Path, folder: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "didan", *shlex.split(command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(package), "DIDAN_CACHE": str(folder / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_adding_a_method(tmp_path: Path) -> None:
    package = follow("adding-a-method.md", tmp_path)
    for number, name in enumerate(("alpha", "beta")):
        make_corpus(
            tmp_path / name, style(name), n_speakers=2, n_per_emotion=2, emotions=("anger", "sadness"), seed=number
        )
    for command in commands("adding-a-method.md"):
        run(f"{command} {FAST}", package, tmp_path)
    assert "layer: fc1" in (tmp_path / "model" / "config.yaml").read_text()
    assert "distance" in (tmp_path / "model" / "history.csv").read_text().splitlines()[0]
    assert "mean-distance" in (tmp_path / "results" / "results.csv").read_text()


def test_adding_a_corpus(tmp_path: Path) -> None:
    package = follow("adding-a-corpus.md", tmp_path)
    made = make_corpus(
        tmp_path / "made", style("alpha"), n_speakers=2, n_per_emotion=2, emotions=("happiness", "sadness"), seed=0
    )
    (tmp_path / "recordings").mkdir()
    for number, row in enumerate(made.table.itertuples()):
        speaker = {"alpha-01": "anna", "alpha-02": "berta"}[str(row.speaker)]
        word = {"happiness": "happy", "sadness": "sad"}[str(row.emotion)]
        shutil.copy(str(row.file), tmp_path / "recordings" / f"{speaker}_{word}_{number % 2}.wav")
    about, inspected = (run(command, package, tmp_path) for command in commands("adding-a-corpus.md"))
    assert "invented" in about
    assert "8" in inspected
    assert "happiness" in inspected


@pytest.mark.parametrize("page", sorted(path.name for path in DOCS.glob("*.md")))
def test_pages_name_only_what_exists(page: str) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (DOCS / target).exists(), target
