"""Does every command work with the core alone, and with each extra, or say which extra it needs?

    python -m benchmarks.packaging [--extras none onnx]

Wheel and sdist are built, the wheel is installed into an empty environment for each extra, and every command is
run there. Where it needs more it says so in one line on standard error, with exit code 2; whatever does anything
else ends this with exit code 1. Takes a minute or two for every environment.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = [name for name in PROJECT["optional-dependencies"] if name not in ("all", "docs", "dev")]

COMMANDS = """\
--version
--help
corpora
models
demo --out demo --seeds 1 --steps 10 --speakers 2 --utterances 2
inspect demo/alpha/corpus.csv
features demo/alpha/corpus.csv --out features.csv
features demo/alpha/corpus.csv --out features.parquet
features demo/alpha/corpus.csv --out of-ray.csv --ray auto
train --source demo/alpha/corpus.csv --target demo/beta --out model --set optimisation.steps=10
train --source demo/alpha/corpus.csv --target demo/beta --out other --frontend pretrained --set frontend.model=a/b
evaluate model demo/beta/corpus.csv
adapt model demo/beta/corpus.csv --out adapted --source-free
predict base demo/beta
predict someone/something demo/beta
explain model demo/beta/corpus.csv --parameters
export base base.onnx && predict base.onnx demo/beta
listen base
serve base
serve base --api
benchmark --corpus demo/alpha/corpus.csv --corpus demo/beta/corpus.csv --method source-only --seeds 1 --out runs
report runs
"""
"""What is run, in this order, in one folder."""

ABSENT = ("microphone", "hub")
"""What a machine may do without; a command that finds it absent has what it needs of didan."""

_SECONDS = 600
_SECONDS_OF_SERVICE = 40


def build(folder: Path) -> Path:
    """The wheel, built as it is for others; the sdist lies beside it."""
    building = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    subprocess.run(building, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def install(wheel: Path, extra: str, folder: Path) -> Path:
    """The command ``didan`` of an environment with one extra, or none."""
    venv.create(folder, with_pip=True)
    wanted = str(wheel) if extra == "none" else f"{wheel}[{extra}]"
    pip = [str(folder / "bin" / "pip"), "install", "-qq", "--constraint", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, wanted], check=True)
    return folder / "bin" / "didan"


def outcome(didan: Path, command: str, folder: Path) -> str:
    """``works``, ``needs EXTRA``, ``no ABSENT``, or what else happened; a service works if it goes on."""
    serves = command.startswith("serve")
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    environment["DIDAN_CACHE"] = str(folder / "cache")
    quiet = [] if command.startswith("-") else ["--quiet"]
    try:
        done = subprocess.run(
            [str(didan), *quiet, *command.split()],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_SECONDS_OF_SERVICE if serves else _SECONDS,
        )
    except subprocess.TimeoutExpired:
        return "works" if serves else f"does not end in {_SECONDS} s"
    if done.returncode == 0:
        return "works"
    lines = done.stderr.strip().splitlines()
    if done.returncode == 2 and len(lines) == 1:
        if named := re.search(r"pip install '?.*\[(\w+)\]", lines[0]):
            return f"needs {named[1]}"
        for absent in ABSENT:
            if absent in lines[0]:
                return f"no {absent}"
    return f"exit code {done.returncode}: {' | '.join(lines[-3:])}"


def outcomes(extra: str, wheel: Path, folder: Path) -> Iterator[tuple[str, str]]:
    """Every command and what came of it, in an environment with an extra."""
    didan, place = install(wheel, extra, folder / f"environment-{extra}"), folder / f"work-{extra}"
    place.mkdir()
    for command in COMMANDS.splitlines():
        came = "works"
        for part in command.split(" && "):
            came = outcome(didan, part, place) if came == "works" else came
        yield command, came


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--extras", nargs="+", default=["none", *EXTRAS], help="an environment each")
    wrong = 0
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = build(Path(folder) / "dist")
        for extra in arguments.extras:
            print(f"with {extra} of the extras", flush=True)
            for command, came in outcomes(extra, wheel, Path(folder)):
                print(f"  {came:<18} didan {command}", flush=True)
                fine = came == "works" or came[:3] == "no " or (came.startswith("needs ") and came[6:] != extra)
                wrong += not fine
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
