"""The page in a real browser, and what it must not do."""

import gc
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio_client  # type: ignore[import-untyped]
import httpx
import numpy as np
import pytest
import soundfile
from fastapi import FastAPI
from playwright.sync_api import Page, sync_playwright

from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.inference.predict import predict, utterances_in
from didan.model.directory import save
from didan.model.trained import TrainedModel
from didan.service.app import build_app
from didan.service.limits import Limits
from didan.web.page import mount_page
from helpers import served

# Gradio itself uses what pandas has deprecated, and leaves sockets to be collected.
pytestmark = pytest.mark.filterwarnings("ignore")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def app_of(models: Mapping[str, TrainedModel], token: str | None = None) -> FastAPI:
    """What ``didan serve`` serves."""
    limits = Limits(30, 2)
    app = build_app(models, limits, token)
    mount_page(app, models, limits)
    return app


@pytest.fixture(scope="module")
def address(untrained: TrainedModel) -> Iterator[str]:
    with served(app_of({"warm": untrained, "cool": replace(untrained, temperature=0.05)})) as address:
        yield address
    with warnings.catch_warnings():  # of what Gradio leaves to be collected
        warnings.simplefilter("ignore")
        gc.collect()


@pytest.fixture
def clip(target: Corpus) -> Path:
    return Path(target.table["file"].iloc[4])


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def predict_on_page(tab: Page, clip: Path) -> str:
    tab.set_input_files("input[type=file]", str(clip))
    tab.wait_for_selector("audio, [data-testid=waveform-recording], #waveform", state="attached")
    tab.click("#predict")
    tab.wait_for_function("document.querySelector('#verdict h3')?.innerText.trim().length > 0", timeout=60_000)
    return str(tab.inner_text("#verdict h3"))


def test_upload_and_see_the_right_label(browser: Any, address: str, untrained: TrainedModel, clip: Path) -> None:
    tab = browser.new_page(viewport={"width": 1200, "height": 1500})
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(address)
    (expected,) = predict(untrained, utterances_in([clip]))
    assert predict_on_page(tab, clip) == expected.emotion
    assert expected.probabilities is not None
    bars = tab.inner_text("#bars")
    for emotion, probability in expected.probabilities.items():
        assert emotion in bars
        assert f"{100 * probability:.0f}%" in bars
    tab.wait_for_selector("#timeline-wide img")
    # The corpus that explains it.
    tab.wait_for_function("document.querySelector('#why').innerText.includes('alpha')")
    hosts = {urlsplit(url).hostname for url in asked if url.startswith("http")}
    assert hosts == {"127.0.0.1"}
    tab.close()


def test_a_phone_gets_a_timeline_that_it_can_show(browser: Any, address: str, clip: Path) -> None:
    tab = browser.new_page(viewport={"width": 390, "height": 844})
    tab.goto(address)
    predict_on_page(tab, clip)
    tab.wait_for_selector("#timeline-narrow img")
    assert not tab.is_visible("#timeline-wide")
    # Letters of 10 points, 4.5 inches across, are not scaled down to where nobody can read them.
    assert tab.eval_on_selector("#timeline-narrow img", "image => image.clientWidth") > 4.5 * 72 * 0.9
    assert tab.evaluate("document.documentElement.scrollWidth") == 390
    tab.close()


def test_of_an_unadapted_model_the_page_says_so(browser: Any, untrained: TrainedModel) -> None:
    config = untrained.config.model_copy(update={"method": "source-only"})
    alone = replace(untrained, config=config, record=untrained.record | {"sources": ["a"], "target": "a"})
    with served(app_of({"other": untrained, "alone": alone})) as address:
        tab = browser.new_page()
        tab.goto(address)
        tab.wait_for_selector(".caution")
        (said,) = set(tab.locator(".caution").all_inner_texts())
        assert said.startswith("Note: alone is not adapted to your recordings")
        tab.close()


def test_noise_is_no_speech(browser: Any, address: str, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 3 * RATE)
    soundfile.write(tmp_path / "noise.wav", noise, RATE)
    tab = browser.new_page()
    tab.goto(address)
    assert "No speech" in predict_on_page(tab, tmp_path / "noise.wav")
    tab.close()


@pytest.fixture
def client(address: str) -> gradio_client.Client:
    return gradio_client.Client(address, verbose=False)


def test_programs_get_the_same_answer(client: gradio_client.Client, untrained: TrainedModel, clip: Path) -> None:
    for name, temperature in (("warm", untrained.temperature), ("cool", 0.05)):
        (answer,) = client.predict(gradio_client.handle_file(clip), name, None, None, api_name="/predict")
        output = untrained.forward(untrained.prepare(read_audio(clip)), untrained.normaliser.statistics())
        scores = output.scores[0].numpy().astype(np.float64) / temperature
        expected = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected, atol=1e-4)
        assert "file" not in answer  # where it lies on the server is nobody's business


def test_programs_get_a_timeline(client: gradio_client.Client, clip: Path) -> None:
    windows = client.predict(gradio_client.handle_file(clip), "warm", 0.5, 0.25, api_name="/predict")
    assert [one["start"] for one in windows] == pytest.approx([0.24 * k for k in range(len(windows))])


def test_what_is_too_long_is_refused(client: gradio_client.Client, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros(31 * RATE), RATE)
    with pytest.raises(Exception, match="lasts more than the 30 s that are taken"):
        client.predict(gradio_client.handle_file(tmp_path / "long.flac"), "warm", None, None, api_name="/predict")


def test_what_is_too_large_is_refused(address: str, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "large.wav", np.random.default_rng(0).normal(0, 0.1, 25 * 48_000), 48_000)
    with (tmp_path / "large.wav").open("rb") as file:
        answer = httpx.post(f"{address}gradio_api/upload", files={"files": file})
    assert answer.status_code == 413


def test_what_is_no_audio_is_refused_without_its_place(client: gradio_client.Client, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no audio at all")
    with pytest.raises(Exception, match="recording is not audio") as caught:
        client.predict(gradio_client.handle_file(tmp_path / "text.wav"), "warm", None, None, api_name="/predict")
    assert "/tmp" not in str(caught.value)


@pytest.mark.parametrize("place", ["/etc/passwd", "pyproject.toml", "../../etc/passwd"])
def test_no_other_file_can_be_read(address: str, clip: Path, place: str) -> None:
    for file in (place, str(Path(place).absolute()), str(clip)):
        assert httpx.get(f"{address}gradio_api/file={file}").status_code in (403, 404)
        body = {"data": [{"path": file, "meta": {"_type": "gradio.FileData"}}, "warm", None, None]}
        event = httpx.post(f"{address}gradio_api/call/predict", json=body).json()["event_id"]
        answer = httpx.get(f"{address}gradio_api/call/predict/{event}").text
        assert "event: error" in answer
        assert "probabilities" not in answer


def test_the_service_is_at_the_same_address(address: str, untrained: TrainedModel, clip: Path) -> None:
    with clip.open("rb") as file:
        (answer,) = httpx.post(f"{address}v1/predict?model=warm", files={"file": file}).json()
    (expected,) = predict(untrained, utterances_in([clip]))
    assert answer["probabilities"] == expected.probabilities
    assert httpx.get(f"{address}healthz").json() == {"status": "ok"}
    assert "/v1/predict" in httpx.get(f"{address}docs").text


def test_a_password_where_there_is_a_token(browser: Any, untrained: TrainedModel, clip: Path) -> None:
    with served(app_of({"a": untrained}, token="secret")) as address:
        assert httpx.get(address).status_code == 401
        assert httpx.get(f"{address}config").status_code == 401
        context = browser.new_context(http_credentials={"username": "anybody", "password": "secret"})
        tab = context.new_page()
        tab.goto(address)
        (expected,) = predict(untrained, utterances_in([clip]))
        assert predict_on_page(tab, clip) == expected.emotion
        context.close()


def test_the_server_asks_nothing_of_the_outside(untrained: TrainedModel, tmp_path: Path) -> None:
    save(untrained, tmp_path / "model")
    code = (
        "import socket, sys, time\n"
        "asked, look_up, connect = set(), socket.getaddrinfo, socket.socket.connect\n"
        "def spy_look_up(host, *rest, **more):\n"
        "    asked.add(str(host))\n"
        "    return look_up(host, *rest, **more)\n"
        "def spy_connect(self, address):\n"
        "    asked.add(str(address[0]))\n"
        "    return connect(self, address)\n"
        "socket.getaddrinfo, socket.socket.connect = spy_look_up, spy_connect\n"
        "from didan.model.directory import load\n"
        "from helpers import served\n"
        "from web.test_page import app_of\n"
        "with served(app_of({'a': load(sys.argv[1])})) as address:\n"
        "    import httpx\n"
        "    assert httpx.get(address).status_code == 200\n"
        "    time.sleep(3)\n"
        "    print(' '.join(sorted(asked)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model")],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert set(done.stdout.splitlines()[0].split()) <= {"127.0.0.1", "localhost", "0.0.0.0", "::1", "None"}
    assert "127.0.0.1" in done.stdout  # the spy is awake
