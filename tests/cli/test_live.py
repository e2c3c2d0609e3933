"""``didan predict --stream`` and ``didan listen``: the timeline of a file, while it is still going on."""

import json
import select
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from audio.test_live import sound_card
from didan.audio import RATE
from didan.cli import run
from didan.cli.live import until_interrupted
from didan.errors import DidanWarning
from didan.inference.onnx import OnnxRecogniser
from didan.inference.predict import predict_stream
from didan.model.directory import save
from didan.model.trained import TrainedModel
from didan.typing import Samples
from helpers import complaint
from inference.test_onnx import write
from speech.talk import blocks, conversation, silence, talk, utterances

SPEECH = np.concatenate([*utterances()[:8], silence(2.0), *utterances()[8:12]])
"""About 14 s, with a pause."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that is made by hand and starts fast."""
    return write(tmp_path_factory.mktemp("onnx") / "model.onnx")


def integers(samples: Samples) -> bytes:
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def stream(arguments: list[str], content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    (tmp_path / "raw").write_bytes(content)
    with (tmp_path / "raw").open() as file, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", file)
        return run(["predict", *arguments, "--stream"])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def of_file(
    model: Path, file: Path, options: list[str], capsys: pytest.CaptureFixture[str]
) -> list[dict[str, Any]]:
    assert run(["predict", str(model), str(file), *options, "--format", "json"]) == 0
    answers: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return [answer | {"file": "-"} for answer in answers]


@pytest.mark.parametrize("options", [["--window", "3", "--hop", "1"], ["--window", "1.5"], ["--window", "20"]])
def test_the_timeline_is_that_of_the_file(
    model: Path,
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = integers(SPEECH)
    soundfile.write(tmp_path / "a.wav", np.frombuffer(content, "<i2"), RATE)
    expected = of_file(model, tmp_path / "a.wav", options, capsys)
    assert stream([str(model), *options], content, tmp_path, monkeypatch) == 0
    streamed = lines(capsys)
    assert streamed == expected
    assert len({answer["emotion"] for answer in streamed}) > 1 or len(streamed) == 1


def test_the_timeline_is_that_of_a_long_recording(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spoken, _ = conversation([0.6, 1.5, 3.0] * 10)
    content = integers(spoken)
    soundfile.write(tmp_path / "a.wav", np.frombuffer(content, "<i2"), RATE)
    expected = of_file(model, tmp_path / "a.wav", ["--window", "3", "--hop", "1"], capsys)
    assert stream([str(model)], content, tmp_path, monkeypatch) == 0
    streamed = lines(capsys)
    assert streamed == expected
    assert any(answer["emotion"] is None for answer in streamed)


def test_another_rate_is_resampled_as_that_of_a_file_is(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = integers(np.repeat(SPEECH, 3))
    soundfile.write(tmp_path / "a.wav", np.frombuffer(content, "<i2"), 48_000)
    options = ["--window", "3", "--hop", "1"]
    expected = of_file(model, tmp_path / "a.wav", options, capsys)
    assert stream([str(model), *options, "--rate", "48000"], content, tmp_path, monkeypatch) == 0
    streamed = lines(capsys)
    for answer, other in zip(streamed, expected, strict=True):
        assert {**answer, "probabilities": 0} == {**other, "probabilities": 0}
        assert answer["probabilities"] == pytest.approx(other["probabilities"], abs=1e-3)


def started(model: Path, *options: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "didan", "predict", str(model), "--stream", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def send(process: "subprocess.Popen[bytes]", content: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(content)
    process.stdin.flush()


def answered(process: "subprocess.Popen[bytes]", seconds: float) -> bytes | None:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else None


def test_a_line_comes_as_soon_as_its_window_is_complete(small: Path) -> None:
    content = integers(SPEECH)
    frame = 2 * 480  # bytes of 30 ms, in which windows are counted
    process = started(small, "--window", "3", "--hop", "1.2")
    try:
        for number in range(4):
            complete = (100 + 40 * number) * frame
            begun = 0 if number == 0 else complete - 40 * frame
            send(process, content[begun : complete - 2])
            assert answered(process, 0.5) is None, "one sample is missing yet"
            send(process, content[complete - 2 : complete])
            line = answered(process, 20.0)
            assert line is not None
            assert json.loads(line)["end"] == pytest.approx(3 + 1.2 * number)
    finally:
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_ctrl_c_ends_it_with_what_is_there(small: Path) -> None:
    process = started(small, "--window", "3")
    send(process, integers(SPEECH[: 3 * RATE]))
    assert answered(process, 20.0) is not None
    send(process, integers(SPEECH[3 * RATE : 5 * RATE]))
    time.sleep(1.0)  # until it has taken that, and waits for more
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")
    assert [json.loads(line)["end"] for line in out.splitlines()] == [4.5, 5.0]


def test_a_reader_who_leaves_ends_it(small: Path) -> None:
    process = started(small, "--window", "1")
    assert process.stdout is not None
    send(process, integers(SPEECH[: 2 * RATE]))
    assert answered(process, 20.0) is not None
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate(integers(SPEECH[2 * RATE : 4 * RATE]), timeout=30)
    assert (process.returncode, err) == (0, b"")


@pytest.fixture
def listens_to_ctrl_c() -> Iterator[None]:
    """As a program in a terminal does; one in the background has been told not to."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listens_to_ctrl_c")
def test_ctrl_c_while_it_computes_is_heard_afterwards() -> None:
    taken = []
    for number in until_interrupted(iter(range(10))):
        taken.append(number)
        if number == 3:
            signal.raise_signal(signal.SIGINT)
    assert taken == [0, 1, 2, 3]
    twice = until_interrupted(iter(range(10)))
    assert next(twice) == 0
    signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    twice.close()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_memory_does_not_grow(small: Path) -> None:
    recogniser = OnnxRecogniser(small, threads=1)

    def peak(minutes: int) -> int:
        heard: Iterator[Samples] = (part for _ in range(minutes) for part in blocks(talk(), 1600))
        tracemalloc.start()
        try:
            n = sum(1 for _ in predict_stream(recogniser, heard, window=3.0, hop=1.0))
            assert n >= 60 * minutes - 3  # a hop is rounded to 0.99 s
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    # What waits for the garbage collector differs; of 28 minutes more not even five seconds are kept.
    assert peak(30) - peak(2) < 5 * RATE * np.float32().nbytes


@pytest.mark.parametrize(
    ("arguments", "content", "reason"),
    [
        (["a.wav"], b"\0" * 9600, "of the other options it takes"),
        (["--group", "file"], b"\0" * 9600, "of the other options it takes"),
        (["--format", "csv"], b"\0" * 9600, "of the other options it takes"),
        (["--hop", "5"], b"\0" * 9600, "does not suit windows of 3 s"),
        (["--window", "0.01"], b"\0" * 9600, "too short"),
        ([], b"", "only 0.00 s of sound"),
        ([], b"RIFF" + b"\0" * 9600, "is an audio file, not raw samples"),
    ],
)
def test_mistakes_are_one_clear_line(
    small: Path,
    arguments: list[str],
    content: bytes,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert stream([str(small), *arguments], content, tmp_path, monkeypatch) == 2
    assert reason in complaint(capsys)


def test_what_goes_with_a_stream_only(small: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", str(small)]) == 2
    assert "name the AUDIO to predict" in complaint(capsys)
    assert run(["predict", str(small), "a.wav", "--rate", "8000"]) == 2
    assert "--rate is that of --stream" in complaint(capsys)


def test_what_would_need_the_end_of_the_sound_is_said(
    untrained: TrainedModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = untrained.config
    by_file = config.model_copy(
        update={"normalisation": config.normalisation.model_copy(update={"group": "file"})}
    )
    save(replace(untrained, config=by_file), tmp_path / "by-file")
    content = integers(SPEECH)
    soundfile.write(tmp_path / "a.wav", np.frombuffer(content, "<i2"), RATE)
    expected = of_file(
        tmp_path / "by-file", tmp_path / "a.wav", ["--window", "3", "--hop", "1", "--group", "none"], capsys
    )
    with pytest.warns(DidanWarning, match="normalises by file, whose statistics are known only at the end"):
        assert stream([str(tmp_path / "by-file")], content, tmp_path, monkeypatch) == 0
    assert lines(capsys) == expected


def test_a_microphone_tells_what_a_file_would(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = np.frombuffer(integers(np.repeat(SPEECH, 3)), "<i2")
    soundfile.write(tmp_path / "a.wav", said, 48_000)
    expected = of_file(model, tmp_path / "a.wav", ["--window", "3", "--hop", "1"], capsys)
    monkeypatch.setitem(sys.modules, "sounddevice", sound_card(list(blocks(said, 4800))))  # type: ignore[arg-type]
    assert run(["listen", str(model)]) == 0
    out, err = capsys.readouterr()
    assert "listening at 48000 Hz" in err
    for line, other in zip(out.splitlines(), expected, strict=True):
        answer = json.loads(line)
        assert answer["emotion"] == other["emotion"]
        assert answer["probabilities"] == pytest.approx(other["probabilities"], abs=1e-3)
