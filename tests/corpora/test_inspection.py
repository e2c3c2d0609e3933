import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import soundfile

from didan.corpora import Corpus, Recordings, load_corpus
from didan.corpora.inspection import inspect_corpus

NAN = float("nan")


def noise(seed: int, seconds: float, rate: int = 16_000) -> npt.NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-3000, 3000, round(seconds * rate), dtype=np.int16)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    soundfile.write(tmp_path / "a.wav", noise(1, 1), 16_000)
    soundfile.write(tmp_path / "copy of a.wav", noise(1, 1), 16_000)
    soundfile.write(tmp_path / "a.flac", noise(1, 1), 16_000)
    soundfile.write(tmp_path / "b.wav", np.stack([noise(2, 3, 48_000)] * 2, axis=1), 48_000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no audio")
    names = ["a.wav", "copy of a.wav", "a.flac", "b.wav", "silent.wav", "empty.wav", "text.wav"]
    table = pd.DataFrame(
        {
            "file": [str(tmp_path / name) for name in names],
            "start": NAN,
            "end": NAN,
            "speaker": ["x", "x", "x", "y", "y", "y", None],
            "emotion": ["anger", "anger", "fear", "fear", "fear", "fear", "fear"],
        }
    )
    return Corpus("calls", table, notes=("a remark",))


@pytest.mark.parametrize("workers", [1, 3, None])
def test_report(corpus: Corpus, tmp_path: Path, workers: int | None) -> None:
    report = inspect_corpus(corpus, workers)
    assert (report.name, report.n_utterances, report.n_files) == ("calls", 7, 7)
    assert report.emotions == {"anger": 2, "fear": 5}
    assert report.speakers == {"x": 3, "y": 3}
    assert report.rates == {16_000: 4, 48_000: 1}
    assert report.channels == {1: 4, 2: 1}
    assert report.seconds is not None
    assert report.seconds.shortest == 1.0
    assert report.seconds.median == 1.0
    assert report.seconds.longest == pytest.approx(3.0, abs=1e-3)
    assert report.seconds.total == pytest.approx(6.0, abs=1e-3)
    assert report.same_bytes == ((str(tmp_path / "a.wav"), str(tmp_path / "copy of a.wav")),)
    assert report.same_audio == ((str(tmp_path / "a.flac"), str(tmp_path / "a.wav")),)
    assert {Path(file).name: reason.split(",")[0] for file, reason in report.damaged.items()} == {
        "silent.wav": "is silent",
        "empty.wav": "is empty (0 bytes)",
        "text.wav": "is not audio",
    }
    assert report.published is None
    assert report.notes == ("a remark",)


def test_progress_counts_files(corpus: Corpus) -> None:
    calls: list[tuple[str, int, int]] = []
    inspect_corpus(corpus, 2, lambda *counts: calls.append(counts))
    assert calls == [("reading calls", number, 7) for number in range(1, 8)]


def test_recordings(corpus: Corpus) -> None:
    report = inspect_corpus(corpus.unlabelled(), 1)
    assert report.emotions is None
    assert report.n_utterances == 7


def test_spans_of_one_file(tmp_path: Path) -> None:
    repeated = np.tile(noise(1, 1), 2)
    soundfile.write(tmp_path / "long.wav", repeated, 16_000)
    spans = {
        "file": str(tmp_path / "long.wav"),
        "start": [0.0, 1.0, 0.5],
        "end": [1.0, NAN, 0.9],
        "speaker": NAN,
    }
    report = inspect_corpus(Recordings("spans", pd.DataFrame(spans)), 1)
    assert (report.n_utterances, report.n_files) == (3, 1)
    assert report.seconds is not None
    assert report.seconds.total == pytest.approx(2.4)
    file = str(tmp_path / "long.wav")
    assert report.same_audio == ((f"{file} [0 s to 1 s]", f"{file} [1 s to end]"),)


def test_equal_lengths_are_suspicious(tmp_path: Path) -> None:
    def report_on(lengths: list[float]) -> tuple[str, ...]:
        files = []
        for number, seconds in enumerate(lengths):
            files.append(str(tmp_path / f"{number}.wav"))
            soundfile.write(files[-1], noise(number, seconds), 16_000)
        table = pd.DataFrame({"file": files, "start": NAN, "end": NAN, "speaker": NAN})
        return inspect_corpus(Recordings("cut", table), 1).notes

    (note,) = report_on([0.25] * 12)
    assert "all 12 utterances last 0.25 s" in note
    assert report_on([0.25] * 11 + [0.26]) == ()
    assert report_on([0.25] * 3) == ()


@pytest.mark.filterwarnings("ignore:.*counts differ")
def test_published_counts(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "03a01Fa.wav", noise(1, 1), 16_000)
    report = inspect_corpus(load_corpus("emodb", tmp_path), 1)
    assert report.published is not None
    assert report.miscounted["happiness"] == (1, 71)
    assert report.miscounted["boredom"] == (0, 81)
    assert len(report.miscounted) == 7


def test_own_table_called_like_a_known_corpus(corpus: Corpus) -> None:
    assert inspect_corpus(Corpus("emodb", corpus.table), 1).published is None


CORPORA = Path(os.environ.get("DIDAN_CORPORA", "missing"))


@pytest.mark.skipif(not CORPORA.is_dir(), reason="needs the corpora (environment variable DIDAN_CORPORA)")
def test_ravdess_holds_one_file_twice() -> None:
    report = inspect_corpus(load_corpus("ravdess", CORPORA / "ravdess"), 1)
    assert [[Path(file).stem for file in group] for group in report.same_bytes] == [
        ["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"]
    ]
    assert report.damaged == {}
    assert report.miscounted == {}
