"""``didan serve`` as it is started and ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import soundfile

from didan.audio import RATE
from didan.cli import run
from didan.model.directory import save
from didan.model.trained import TrainedModel
from helpers import complaint
from inference.test_onnx import write
from speech.talk import utterances


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("onnx") / "calls.onnx")


@contextmanager
def started(code: str, *arguments: str, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A process of ``didan serve`` and where it says that it is."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{code}\nfrom didan.cli import main\nmain()", "serve", *arguments, "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert " serves " in line
        yield process, line.partition(" ")[0]
    finally:
        process.kill()
        process.communicate(timeout=30)


WITHOUT = (
    "import sys\n"
    "for name in ('torch', 'lightning', 'pandas', 'gradio', 'matplotlib'):\n"
    "    sys.modules[name] = None"
)


def test_an_exported_model_is_served_without_torch_and_gradio(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "a.wav", utterances()[0], RATE)
    assert run(["predict", str(exported), str(tmp_path / "a.wav"), "--window", "0.5", "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    with started(WITHOUT, "--api", str(exported)) as (process, address):
        url = f"{address}/v1/predict?model=calls.onnx&window=0.5"
        answer = httpx.post(url, files={"file": (printed[0]["file"], (tmp_path / "a.wav").read_bytes())})
        assert answer.json() == printed
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err) == (0, "")


def test_it_is_asked_for_the_token_of_its_environment(exported: Path) -> None:
    with started("", "--api", str(exported), DIDAN_TOKEN="s3cret") as (_, address):
        assert httpx.get(f"{address}/v1/models").status_code == 401
        answer = httpx.get(f"{address}/v1/models", headers={"Authorization": "Bearer s3cret"})
        assert answer.json() == [{"name": "calls.onnx", "emotions": ["anger", "fear", "neutral"], "note": None}]


def test_a_request_that_is_under_way_is_answered_before_it_ends(exported: Path) -> None:
    with started("", "--api", str(exported)) as (process, address):
        host, _, port = address.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as slow:
            slow.sendall(
                b"POST /v1/predict?rate=16000 HTTP/1.1\r\nHost: x\r\n"
                b"Content-Type: audio/pcm\r\nContent-Length: 9600\r\n\r\n"
            )
            assert urllib.request.urlopen(f"{address}/healthz").status == 200
            process.send_signal(signal.SIGTERM)
            slow.sendall(b"\0" * 9600)
            assert slow.recv(15) == b"HTTP/1.1 200 OK"
        assert process.wait(timeout=30) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["{exported}"], "calls.onnx is an exported model, which the page cannot explain; add --api"),
        (["--api", "nowhere.onnx"], "does not exist"),
        (["--api", "nowhere"], "does not exist"),
        (["--api", "{exported}", "{exported}"], "a model is given twice"),
        (["--api", "{exported}", "--port", "{taken}"], "choose another --port"),
        (["--api", "{exported}", "--host", "no.such.host.invalid"], "choose another --port or --host"),
    ],
)
def test_mistakes_are_one_clear_line(
    arguments: list[str], reason: str, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        names = {"exported": exported, "taken": taken.getsockname()[1]}
        assert run(["serve", *(argument.format(**names) for argument in arguments)]) == 2
    assert reason in complaint(capsys)


@pytest.mark.parametrize("token", ["", "with blank", "ümlaut", "line\n"])
def test_a_token_that_cannot_be_sent(
    token: str, exported: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DIDAN_TOKEN", token)
    assert run(["serve", "--api", str(exported)]) == 2
    assert "DIDAN_TOKEN" in complaint(capsys)


@pytest.mark.parametrize(
    ("missing", "arguments", "reason"),
    [
        (
            "gradio",
            [],
            "the web page (--api leaves it out) needs gradio, which is not installed; pip install",
        ),
        ("fastapi", ["--api"], "didan serve needs fastapi, which is not installed; pip install"),
        ("prometheus_client", ["--api"], "needs prometheus_client"),
    ],
)
def test_what_is_not_installed(
    missing: str,
    arguments: list[str],
    reason: str,
    exported: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert run(["serve", str(exported), *arguments]) == 2
    assert reason in complaint(capsys)


def test_models_are_told_apart_by_their_folders(untrained: TrainedModel, tmp_path: Path) -> None:
    for name in ("calls", "films"):
        save(untrained, tmp_path / name / "model")
    with started("", "--api", *(str(tmp_path / name / "model") for name in ("calls", "films"))) as (_, address):
        names = [one["name"] for one in httpx.get(f"{address}/v1/models").json()]
        assert names == ["calls/model", "films/model"]
        soundfile.write(tmp_path / "a.wav", utterances()[0], RATE)
        files = {"file": ("a.wav", (tmp_path / "a.wav").read_bytes())}
        assert httpx.post(f"{address}/v1/predict", params={"model": names[1]}, files=files).status_code == 200
