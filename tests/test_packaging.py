"""What is built for others: a wheel and an sdist, whole and without anything that lies about."""

import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import didan

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MADE = ("PKG-INFO", "setup.cfg")
LEFT_LYING = (
    "build/lib/didan/old.py",
    "didan-demo/alpha/alpha-01/anger_001.wav",
    "results/targets/report.html",
    "results/targets/runs/run.json",
    "results/targets/figures/map.svg",
    "results/targets/tables/tasks.tex",
    "tests/__pycache__/test_api.cpython-311.pyc",
    "tests/recording.wav",
)
"""What work leaves in a clone, and what belongs to nobody else."""


def tracked() -> set[str]:
    """The files of the project, as git knows them."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return {name for name in os.fsdecode(listed).split("\0") if (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a wheel and an sdist, built from a copy of the project in which things lie about."""
    clone = tmp_path_factory.mktemp("clone")
    for name in tracked():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    for name in LEFT_LYING:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes(b"x")
    # Without isolation, which would fetch setuptools anew.
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(clone / "dist"), str(clone)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return clone / "dist"


def test_the_sdist_holds_the_project_and_nothing_else(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {member.name.partition("/")[2] for member in opened if member.isfile()}
    held = {name for name in names if name not in MADE and ".egg-info/" not in name}
    assert held == tracked()


def test_the_wheel_holds_the_package_and_runs(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = {name for name in opened.namelist() if ".dist-info/" not in name}
        licences = {Path(name).name for name in opened.namelist() if "/licenses/" in name}
    assert names == {name.removeprefix("src/") for name in tracked() if name.startswith("src/")}
    assert licences == {"LICENSE", "NOTICE"}
    done = subprocess.run(
        [sys.executable, "-m", "didan", "--version"],
        env={**os.environ, "PYTHONPATH": str(wheel)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"didan {didan.__version__}"
    assert wheel.name.startswith(f"didan-{didan.__version__}-")


def test_an_index_would_take_both(built: Path) -> None:
    files = [str(file) for file in built.iterdir()]
    command = [sys.executable, "-m", "twine", "--no-color", "check", "--strict", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_all_is_every_extra_for_users() -> None:
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    named = everything.removeprefix("didan[").removesuffix("]").split(",")
    assert sorted(named) == sorted(set(extras) - {"all", "docs", "dev"})


def test_version_and_licence_are_one() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    newest = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").partition("\n## ")[2].split()[0]
    assert citation["version"] == newest == didan.__version__
    assert citation["license"] == PROJECT["license"]
    # What version 1.2.0 of the format requires, and nobody of the paper as an author of the software.
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    (paper,) = citation["references"]
    assert paper["identifiers"][0]["value"] == "arXiv:2302.08921"
    assert not {str(author) for author in citation["authors"]} & {str(author) for author in paper["authors"]}
