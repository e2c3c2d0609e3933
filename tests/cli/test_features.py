"""``didan features``: the table is compared with the features of the recordings, one by one."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import didan
from didan.audio import audio_info, read_audio
from didan.cli import run
from didan.corpora import Corpus
from didan.features import FunctionalsSettings, build_frontend, extract_features
from helpers import complaint, table_of

INDEX = ["file", "start", "end"]


def written(file: Path) -> pd.DataFrame:
    """The table as a user reads it, times in seconds."""
    if file.suffix == ".csv":
        return pd.read_csv(file).set_index(INDEX)
    table = pd.read_parquet(file).reset_index()
    return table.assign(**{name: table[name].dt.total_seconds() for name in INDEX[1:]}).set_index(INDEX)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_folder_becomes_a_table_of_named_features(
    calls: Path, session_cache: Path, tmp_path: Path, suffix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"features{suffix}"
    assert run(["features", str(calls), "--out", str(file), "--cache", str(session_cache)]) == 0
    assert capsys.readouterr().out.strip() == f"{file}: 36 utterances, 552 features"
    table = written(file)
    assert table.shape == (36, 552)
    names = list(build_frontend(FunctionalsSettings()).feature_names)
    assert list(table.columns) == names
    assert len(set(names)) == 552
    assert table.index.get_level_values("file").tolist() == sorted(str(path) for path in calls.iterdir())
    frontend = build_frontend(FunctionalsSettings())
    for row, path in list(enumerate(sorted(calls.iterdir())))[::7]:
        expected = extract_features(frontend, read_audio(path))[0]
        np.testing.assert_allclose(table.iloc[row], expected, rtol=1e-6, atol=1e-6)
        assert table.index[row] == (str(path), 0, pytest.approx(audio_info(path).seconds, abs=1e-6))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("features")] == [file.name]


def test_it_is_the_table_of_python(calls: Path, session_cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "x.parquet"
    assert run(["features", str(calls), "--out", str(file), "--cache", str(session_cache)]) == 0
    pd.testing.assert_frame_equal(
        pd.read_parquet(file), didan.functionals(calls, cache=session_cache), check_exact=True
    )


def test_a_corpus_keeps_its_parts_of_files(source: Corpus, session_cache: Path, tmp_path: Path) -> None:
    name = source.table["file"].iloc[0]
    spans = pd.DataFrame({"file": name, "start": [0.0, 0.1, np.nan], "end": [0.35, np.nan, 0.4]})
    spans.to_csv(tmp_path / "own.csv", index=False)
    file = tmp_path / "x.csv"
    assert run(["features", str(tmp_path / "own.csv"), "--out", str(file), "--cache", str(session_cache)]) == 0
    table = written(file)
    length = audio_info(name).seconds
    times = [key[1:] for key in table.index.tolist()]
    np.testing.assert_allclose(times, [(0, 0.35), (0.1, length), (0, 0.4)], atol=1e-6)
    frontend = build_frontend(FunctionalsSettings())
    for row, (start, end) in enumerate(((0.0, 0.35), (0.1, np.nan), (np.nan, 0.4))):
        expected = extract_features(frontend, read_audio(name, start, end))[0]
        np.testing.assert_allclose(table.iloc[row], expected, rtol=1e-6, atol=1e-6)


def test_only_some_parts(source: Corpus, session_cache: Path, tmp_path: Path) -> None:
    for parts in ("modulation", "cepstra,modulation"):
        file = tmp_path / f"{parts}.csv"
        arguments = ["--out", str(file), "--cache", str(session_cache), "--parts", parts]
        assert run(["features", table_of(source), *arguments]) == 0
        settings = FunctionalsSettings(parts=tuple(parts.split(",")))
        assert list(written(file).columns) == list(build_frontend(settings).feature_names)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["{calls}", "--out", "{tmp}/x.xlsx"], ".csv or .parquet"),
        (["{calls}", "--out", "{tmp}/none/x.csv"], "cannot write"),
        (["{calls}", "--out", "{tmp}/x.csv", "--parts", "cepstrum"], "did you mean 'cepstra'"),
        (["{calls}", "--out", "{tmp}/x.csv", "--parts", "cepstra,cepstra"], "cepstra"),
        (["{tmp}/nowhere", "--out", "{tmp}/x.csv"], "nowhere"),
        (["{tmp}/nowhere.csv", "--out", "{tmp}/x.csv"], "does not exist"),
        (["{tmp}/empty", "--out", "{tmp}/x.csv"], "holds no audio"),
        (["{tmp}/bad", "--out", "{tmp}/x.csv"], "a.wav"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    calls: Path,
    session_cache: Path,
    tmp_path: Path,
    arguments: list[str],
    reason: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.wav").write_text("no audio")
    before = sorted(tmp_path.iterdir())
    filled = [argument.format(calls=calls, tmp=tmp_path) for argument in arguments]
    assert run(["features", *filled, "--cache", str(session_cache)]) == 2
    assert reason in complaint(capsys)
    assert sorted(tmp_path.iterdir()) == before
