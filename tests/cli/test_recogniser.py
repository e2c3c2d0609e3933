"""What is said of a model that is adapted to nothing, whichever way it is asked."""

import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile

from audio.test_live import sound_card
from didan.audio import RATE
from didan.cli import run
from didan.inference.onnx import OnnxRecogniser
from didan.service.app import build_app
from didan.service.limits import Limits
from helpers import served
from inference.test_onnx import ABOUT, write
from speech.talk import blocks, utterances

UNADAPTED = ABOUT | {"method": "source-only", "sources": '["studio"]', "target": "studio"}
SAMPLES = (np.concatenate(utterances()[:4]) * 32767).astype("<i2")


def remarks(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert run(arguments) == 0
    return [line for line in capsys.readouterr().err.splitlines() if "not adapted to your recordings" in line]


@pytest.fixture(params=[True, False])
def said(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What must be said of the model that lies in the current folder."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "model.onnx", UNADAPTED if request.param else ABOUT)
    text = (
        "note: model.onnx is not adapted to your recordings, and near chance on most, however sure it seems; "
        "adapt the model that it was exported from, and export again"
    )
    return [text] if request.param else []


def test_of_files(said: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    soundfile.write("a.wav", SAMPLES, RATE)
    assert remarks(["predict", "model.onnx", "a.wav", "a.wav"], capsys) == said


def test_of_a_stream(said: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("raw").write_bytes(SAMPLES.tobytes())
    with Path("raw").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert remarks(["predict", "model.onnx", "--stream", "--window", "1"], capsys) == said


def test_of_a_microphone(
    said: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", sound_card(list(blocks(SAMPLES, 4800))))  # type: ignore[arg-type]
    assert remarks(["listen", "model.onnx"], capsys) == said


def test_of_a_service(
    said: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("didan.service.server.serve", lambda app, at: at.close())
    assert remarks(["serve", "--api", "model.onnx", "--port", "0"], capsys) == said


def test_programs_are_told(said: list[str]) -> None:
    models = {"model.onnx": OnnxRecogniser(Path("model.onnx"))}
    with served(build_app(models, Limits(30, 2))) as address:
        (told,) = httpx.get(f"{address}v1/models").json()
    assert told["note"] == (said[0].removeprefix("note: ") if said else None)
