"""The service as programs see it."""

import base64
import io
import json
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import soundfile
from prometheus_client.parser import text_string_to_metric_families

from didan.audio import RATE
from didan.cli import run
from didan.corpora import Corpus
from didan.inference.onnx import OnnxRecogniser
from didan.model.directory import save
from didan.model.trained import TrainedModel
from didan.service.app import build_app
from didan.service.limits import Limits
from helpers import served
from inference.test_onnx import write
from service.test_worker import Gate
from speech.talk import talk, utterances


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> OnnxRecogniser:
    """A recogniser made by hand."""
    return OnnxRecogniser(write(tmp_path_factory.mktemp("onnx") / "model.onnx"), threads=1)


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where uploads are kept while they are needed."""
    folder = tmp_path_factory.mktemp("uploads")
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    yield folder
    tempfile.tempdir = before


@pytest.fixture(scope="module")
def address(untrained: TrainedModel, small: OnnxRecogniser, uploads: Path) -> Iterator[str]:
    with served(build_app({"warm": untrained, "small": small}, Limits(30, 2))) as address:
        yield address


@pytest.fixture
def clip(target: Corpus) -> Path:
    return Path(target.table["file"].iloc[4])


def wav(samples: Any, rate: int = RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV")
    return file.getvalue()


def ask(address: str, content: bytes, name: str = "a.wav", **options: Any) -> httpx.Response:
    return httpx.post(f"{address}v1/predict", files={"file": (name, content)}, params=options, timeout=60)


def send_raw(address: str, content: Any, kind: str = "audio/pcm", **options: Any) -> httpx.Response:
    headers = {"Content-Type": kind}
    return httpx.post(f"{address}v1/predict", content=content, headers=headers, params=options, timeout=60)


def refused(answer: httpx.Response, status: int) -> str:
    """The one line that says why."""
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    line = str(answer.json()["error"])
    assert "\n" not in line
    assert tempfile.gettempdir() not in line
    return line


@pytest.mark.parametrize("options", [{}, {"window": 0.6}, {"window": 0.6, "hop": 0.3}])
def test_it_answers_what_the_command_prints(
    options: dict[str, float],
    address: str,
    untrained: TrainedModel,
    clip: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    save(untrained, tmp_path / "model")
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    assert run(["predict", str(tmp_path / "model"), str(clip), *arguments, "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    answer = ask(address, clip.read_bytes(), "Ärger, laut' 1.wav", **options)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [one | {"file": "Ärger, laut' 1.wav"} for one in printed]


def test_each_model_can_be_asked(address: str, clip: Path) -> None:
    models = httpx.get(f"{address}v1/models").json()
    assert [one["name"] for one in models] == ["warm", "small"]
    answers = {one["name"]: ask(address, clip.read_bytes(), model=one["name"]).json()[0] for one in models}
    for one in models:
        assert list(answers[one["name"]]["probabilities"]) == one["emotions"]
    assert answers["warm"] == ask(address, clip.read_bytes()).json()[0]
    assert "did you mean 'small'" in refused(ask(address, clip.read_bytes(), model="smal"), 404)


@pytest.mark.parametrize(
    ("format", "kind", "of"), [("s16le", "audio/pcm", "<i2"), ("f32le", "application/octet-stream", "<f4")]
)
def test_raw_samples_are_what_a_file_of_them_is(format: str, kind: str, of: str, address: str, clip: Path) -> None:
    samples, rate = soundfile.read(clip, dtype="int16" if of == "<i2" else "float32")
    content = samples.astype(of).tobytes()
    parts = (content[first : first + 777] for first in range(0, len(content), 777))  # in chunks, of odd sizes
    (answer,) = send_raw(address, parts, kind, rate=rate, format=format).json()
    assert answer == ask(address, clip.read_bytes()).json()[0] | {"file": "-"}
    assert "within a sample" in refused(send_raw(address, content[:-1], kind, rate=rate, format=format), 400)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"hop": 1}, "hop says how far apart windows are; say with window"),
        ({"window": 0.01}, "too short for an emotion"),
        ({"window": 1, "hop": 2}, "does not suit"),
        ({"window": "nan"}, "window: Input should be a finite number"),
        ({"window": "wide"}, "window: Input should be a valid number"),
        ({"windw": 1}, "windw: there is no such option"),
        ({"window": 20, "hop": 0.05}, "too much work; take a longer hop"),
        ({"rate": 16_000}, "are those of raw samples"),
    ],
)
def test_wrong_options(options: dict[str, Any], reason: str, address: str) -> None:
    line = refused(ask(address, wav(talk(25.0)), **options), 422)
    assert reason in line
    assert "--" not in line


def test_wrong_bodies(address: str, clip: Path) -> None:
    assert "a.wav: is not audio" in refused(ask(address, b"no audio at all"), 400)
    assert "a.wav: is cut off" in refused(ask(address, clip.read_bytes()[:2000]), 400)
    assert "a.wav: is empty" in refused(ask(address, b""), 400)
    assert "only 0.05 s" in refused(ask(address, wav(np.zeros(800))), 400)
    assert "only 0.00 s" in refused(send_raw(address, b"", rate=16_000), 400)
    assert "need ?rate=" in refused(send_raw(address, b"\0" * 9600), 422)
    assert "rate: Input should be" in refused(send_raw(address, b"\0" * 9600, rate=0), 422)
    assert "format: Input should be 's16le' or 'f32le'" in refused(
        send_raw(address, b"", rate=8000, format="u8"), 422
    )
    assert "not text/plain" in refused(send_raw(address, b"hello", "text/plain"), 415)
    url, file = f"{address}v1/predict", ("a.wav", clip.read_bytes())
    assert "not a body without Content-Type" in refused(httpx.post(url), 415)
    assert "one file and nothing else" in refused(httpx.post(url, files={"file": file}, data={"window": "1"}), 422)
    assert "Too many files" in refused(httpx.post(url, files=[("file", file), ("file", file)]), 400)
    assert "boundary" in refused(send_raw(address, b"--x", "multipart/form-data"), 400)
    refused(httpx.get(url), 405)
    refused(httpx.get(f"{address}nowhere"), 404)


def test_what_is_too_large(address: str) -> None:
    noise = np.random.default_rng(0).integers(-9999, 9999, 31 * 48_000).astype("<i2")
    assert "more than the 30 s" in refused(ask(address, wav(np.zeros(31 * RATE, dtype=np.int16))), 413)
    assert "larger than the 2 MB" in refused(ask(address, wav(noise, 48_000)), 413)
    chunks = (noise[first : first + 8000].tobytes() for first in range(0, len(noise), 8000))  # of unknown length
    assert "larger than the 2 MB" in refused(send_raw(address, chunks, rate=48_000), 413)


def test_what_decodes_to_too_much(address: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.mp3", np.zeros(600 * RATE), RATE)
    content = (tmp_path / "a.mp3").read_bytes()
    assert len(content) < 2e6
    begun = time.perf_counter()
    assert "more than the 30 s" in refused(ask(address, content, "a.mp3"), 413)
    assert time.perf_counter() - begun < 5


def test_nothing_stays(address: str, uploads: Path, clip: Path) -> None:
    ask(address, clip.read_bytes())
    ask(address, b"no audio")
    send_raw(address, b"\0" * 9600, rate=16_000)
    send_raw(address, b"\0" * 2_100_000, rate=16_000)
    assert list(uploads.iterdir()) == []


def test_a_name_leads_nowhere(address: str, clip: Path) -> None:
    for name in ("../../etc/passwd", "/etc/passwd", "C:\\a.wav", "a\0b.wav", ".", "x" * 3000 + ".wav"):
        answer = ask(address, clip.read_bytes(), name)
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 200:
            assert answer.json()[0]["probabilities"] == ask(address, clip.read_bytes()).json()[0]["probabilities"]


def test_many_at_once_get_their_own_answers(address: str, target: Corpus) -> None:
    contents = [Path(file).read_bytes() for file in target.table["file"][:10]] + [b"no audio"]
    alone = [ask(address, content, f"{n}.wav").json() for n, content in enumerate(contents)]
    with ThreadPoolExecutor(22) as pool:
        wanted = [n for _ in range(5) for n in range(len(contents))]
        answers = list(pool.map(lambda n: ask(address, contents[n], f"{n}.wav").json(), wanted))
    assert answers == [alone[n] for n in wanted]


def connect(address: str) -> socket.socket:
    parts = urlsplit(address)
    return socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=30)


HEAD = b"POST /v1/predict?rate=16000 HTTP/1.1\r\nHost: x\r\nContent-Type: audio/pcm\r\nContent-Length: %d\r\n\r\n"


def test_slow_and_broken_uploads_hold_up_nobody(address: str, uploads: Path, clip: Path) -> None:
    slow = [connect(address) for _ in range(50)]
    for one in slow:
        one.sendall(HEAD % 32_000 + b"\0" * 10)
    assert ask(address, clip.read_bytes()).status_code == 200
    for one in slow[:-1]:
        one.close()  # in the midst of it
    assert ask(address, clip.read_bytes()).status_code == 200
    slow[-1].sendall(b"\0" * 31_990)
    assert slow[-1].recv(15) == b"HTTP/1.1 200 OK"
    slow[-1].close()
    wait_until(lambda: list(uploads.iterdir()) == [])


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(200):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError


def test_an_upload_that_takes_too_long(small: OnnxRecogniser) -> None:
    with served(build_app({"a": small}, Limits(timeout=0.5))) as address, connect(address) as slow:
        slow.sendall(HEAD % 32_000)
        answer = ""
        while "}" not in answer:  # its head and its body may come apart
            answer += slow.recv(10_000).decode()
        assert "408" in answer.splitlines()[0]
        assert "took longer than 0.5 s" in answer


def figures(address: str) -> dict[str, float]:
    text = httpx.get(f"{address}metrics").text
    return {
        sample.name + "".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_too_many_too_slow_and_gone(small: OnnxRecogniser, uploads: Path) -> None:
    gate = Gate(small)
    content = wav(utterances()[0])
    with served(build_app({"a": gate}, Limits(waiting=3, timeout=3.0))) as address, ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, address, content)
        assert gate.reached.wait(30)
        waiting = [pool.submit(ask, address, content) for _ in range(2)]
        gone = connect(address)
        raw = b"\0" * 3200
        gone.sendall(HEAD % len(raw) + raw)
        wait_until(lambda: figures(address)["didan_waiting_requests"] == 3)
        busy = ask(address, content)
        assert "too many requests" in refused(busy, 503)
        assert busy.headers["retry-after"] == "1"
        assert httpx.get(f"{address}healthz").json() == {"status": "ok"}
        gone.close()
        assert "took longer than 3 s" in refused(first.result(), 504)
        for one in waiting:
            refused(one.result(), 504)
        assert list(uploads.iterdir()) == []
        gate.opened.set()
        wait_until(lambda: figures(address)["didan_waiting_requests"] == 0)
        assert ask(address, content).status_code == 200
        counted = figures(address)
        assert {status: counted[f"didan_requests_total{status}"] for status in ("200", "499", "503", "504")} == {
            "200": 1,
            "499": 1,
            "503": 1,
            "504": 3,
        }
        assert counted["didan_audio_seconds_total"] == pytest.approx(len(utterances()[0]) / RATE)
        assert counted["didan_request_seconds_count"] == 6
        assert counted["process_resident_memory_bytes"] > 1e6


def test_a_full_disk(
    small: OnnxRecogniser, uploads: Path, small_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    content = wav(talk(60.0))
    with served(build_app({"a": small}, Limits())) as address, small_disk(100_000):
        assert "no room for the upload" in refused(ask(address, content), 503)
        assert "no room for the upload" in refused(send_raw(address, content, rate=16_000), 503)
    assert list(uploads.iterdir()) == []


def test_a_fault_of_ours_is_said_to_be_one(small: OnnxRecogniser) -> None:
    class Broken(Gate):
        def prepare(self, samples: Any) -> Any:
            raise ZeroDivisionError("/secret/path")

    with served(build_app({"a": Broken(small)}, Limits())) as address:
        assert refused(ask(address, wav(utterances()[0])), 500) == "this is a fault of didan, not yours"
        assert refused(ask(address, b"no audio"), 400)  # and it goes on


def test_the_token(small: OnnxRecogniser) -> None:
    content = wav(utterances()[0])
    with served(build_app({"a": small}, Limits(), "s3cret")) as address:
        right = base64.b64encode(b"anybody:s3cret").decode()
        for header, status in {
            "": 401,
            "Bearer s3cre": 401,
            "Bearer s3cret2": 401,
            "Bearer": 401,
            "Basic s3cret": 401,
            "Basic %%%": 401,
            "Basic " + base64.b64encode(b"s3cret:").decode(): 401,
            "s3cret": 401,
            "Bearer s3cret": 200,
            "bearer s3cret": 200,
            f"Basic {right}": 200,
        }.items():
            headers = {"Authorization": header} if header else {}
            answer = httpx.post(f"{address}v1/predict", files={"file": ("a.wav", content)}, headers=headers)
            assert answer.status_code == status, header
            for path in ("v1/models", "metrics", "docs", "openapi.json"):
                assert httpx.get(f"{address}{path}", headers=headers).status_code == status
        assert "Bearer TOKEN" in refused(httpx.get(f"{address}v1/models"), 401)
        assert httpx.get(f"{address}healthz").status_code == 200


def test_it_describes_itself_and_loads_nothing_from_elsewhere(address: str) -> None:
    api = httpx.get(f"{address}openapi.json").json()
    assert set(api["paths"]) == {"/v1/predict", "/v1/models", "/healthz", "/metrics"}
    predict = api["paths"]["/v1/predict"]["post"]
    assert {one["name"] for one in predict["parameters"]} == {"model", "window", "hop", "rate", "format"}
    assert {"200", "400", "401", "404", "413", "422", "503", "504"} <= set(predict["responses"])
    page = httpx.get(f"{address}docs").text
    assert "POST /v1/predict" in page
    assert "window" in page
    assert "http" not in page.replace("<!doctype html>", "")
    assert httpx.get(f"{address}redoc").status_code == 404


def test_threads_end_with_the_service(small: OnnxRecogniser) -> None:
    before = set(threading.enumerate())
    with served(build_app({"a": small}, Limits())) as address:
        assert ask(address, wav(utterances()[0])).status_code == 200
        assert "didan-worker" in {thread.name for thread in set(threading.enumerate()) - before}
    assert "didan-worker" not in {thread.name for thread in set(threading.enumerate()) - before}
