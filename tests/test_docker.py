"""The image: its steps are done in an empty environment, since there need be no Docker here."""

import fnmatch
import json
import os
import re
import shutil
import subprocess
import tomllib
import venv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import soundfile

from didan.audio import RATE
from didan.inference.export import export
from didan.inference.predict import predict, utterance_alone
from didan.model.trained import TrainedModel
from speech.talk import utterances
from test_docs import free_port

ROOT = Path(__file__).parents[1]
NOBODY = 65534


def steps() -> list[tuple[str, str]]:
    """Instructions of the Dockerfile and what follows them."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def test_its_requirements_are_those_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    known = {*project["dependencies"], *extras["onnx"], *extras["api"]}
    lines = (ROOT / "docker" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    required = [line for line in lines if not line.startswith("#")]
    assert required == sorted(required)
    assert set(required) <= known
    assert set(extras["api"]) <= set(required)


def test_it_is_built_of_what_it_copies() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line.removeprefix("!") for line in ignored if line.startswith("!")]
    copied = {
        name for kind, rest in steps() if kind == "COPY" and "--from" not in rest for name in rest.split()[:-1]
    }
    for name in copied - {"."}:
        assert (ROOT / name).exists()
        assert any(fnmatch.fnmatch(name, f"{pattern}*") for pattern in kept), name
    assert all((ROOT / name).exists() for name in kept)


def test_it_runs_as_nobody_and_checks_its_health() -> None:
    by_kind = dict(steps())
    assert by_kind["USER"] == f"{NOBODY}:{NOBODY}"
    port = by_kind["EXPOSE"]
    started = json.loads(by_kind["ENTRYPOINT"])
    assert started[started.index("--port") + 1] == port
    assert f"http://127.0.0.1:{port}/healthz" in by_kind["HEALTHCHECK"]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that everybody may read."""
    folder = Path("/tmp") / f"didan-docker-{os.getpid()}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def installed(place: Path) -> Path:
    """The Python of an empty environment in which the steps of the Dockerfile have been done."""
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in kept:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, place / "didan" / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
            )
        else:
            (place / "didan").mkdir(exist_ok=True)
            shutil.copy(ROOT / name, place / "didan")
    (place / "requirements").mkdir()
    for name in ("docker/requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, place / "requirements")
    venv.create(place / "venv", with_pip=True)
    python = place / "venv" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    for kind, step in steps():
        if kind == "RUN":
            here = re.sub(r"(?<=\s)/", f"{place}/", step).replace("python", str(python), 1)
            done = subprocess.run(here, shell=True, env=environment, capture_output=True, text=True, check=False)
            if re.search("NewConnectionError|NameResolutionError", done.stderr):
                pytest.skip("no connection to install from")
            assert done.returncode == 0, f"{here}\n{done.stdout}{done.stderr}"
    return python


def test_its_steps_make_a_service(installed: Path, place: Path, untrained: TrainedModel) -> None:
    """Without a home, as nobody, where nothing can be written but a folder for temporary files."""
    export(untrained, place / "model.onnx")
    soundfile.write(place / "a.wav", utterances()[0], RATE)
    (expected,) = predict(untrained, utterance_alone(untrained, place / "a.wav"))
    (place / "tmp").mkdir(mode=0o777)
    (place / "tmp").chmod(0o777)
    by_kind, port = dict(steps()), str(free_port())
    command = [*json.loads(by_kind["ENTRYPOINT"]), *json.loads(by_kind["CMD"])]
    assert command[0] == "didan"
    command = [str(installed.with_name("didan")), *command[1:]]
    command = [
        {"0.0.0.0": "127.0.0.1", "7860": port, "/model.onnx": f"{place}/model.onnx"}.get(p, p) for p in command
    ]
    nobody = NOBODY if os.getuid() == 0 else None
    process = subprocess.Popen(
        command,
        cwd="/",
        env={"TMPDIR": str(place / "tmp"), "PYTHONDONTWRITEBYTECODE": "1", "DIDAN_TOKEN": "s3cret"},
        stderr=subprocess.PIPE,
        text=True,
        user=nobody,
        group=nobody,
        extra_groups=None if nobody is None else [],
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert f"http://127.0.0.1:{port} serves model.onnx" in line
        check = by_kind["HEALTHCHECK"].partition("CMD ")[2].replace("7860", port)
        python, *arguments = json.loads(check)
        assert python == "python"
        assert subprocess.run([str(installed), *arguments], check=False).returncode == 0
        answer = httpx.post(
            f"http://127.0.0.1:{port}/v1/predict",
            files={"file": ("a.wav", (place / "a.wav").read_bytes())},
            headers={"Authorization": "Bearer s3cret"},
        )
        assert answer.status_code == 200, answer.text
        assert answer.json()[0]["probabilities"] == pytest.approx(expected.probabilities, abs=1e-4)
    finally:
        process.terminate()
        _, err = process.communicate(timeout=30)
    assert err == ""
    assert list((place / "tmp").iterdir()) == []
    code = "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is not None)"
    assert subprocess.run([str(installed), "-c", code], cwd="/", env={}, check=False).returncode == 0
