import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import didan
from didan.cli import run
from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.evaluation.evaluate import AS_PREDICTED, OWN_STATISTICS
from didan.model.config import make_config
from helpers import complaint, table_of


@pytest.fixture(scope="module")
def model(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    out = tmp_path_factory.mktemp("models") / "m"
    config = make_config(assignments=["optimisation.steps=2", "optimisation.batch_size=8"])
    didan.train(*tiny_corpora, config=config, cache=session_cache, out=out)
    return out


def test_the_json_keeps_the_contract(model: Path, target: Corpus, session_cache: Path, tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    assert run(["evaluate", str(model), table_of(target), "--json", str(file), "--cache", str(session_cache)]) == 0
    figures = json.loads(file.read_text())
    assert {"uar", "war", "n", "emotions", "recall", "confusion", "uar_ci95", "selection", "leakage"} <= set(
        figures
    )
    assert figures["n"] == len(target)
    assert sum(map(sum, figures["confusion"])) == len(target)
    assert figures["uar_ci95"][0] <= figures["uar"] <= figures["uar_ci95"][1]
    assert "last step" in figures["selection"]
    assert figures["leakage"]["labels_read"]["evaluation"]
    assert figures["normalised_by"] == AS_PREDICTED


def test_chance_is_one_number(
    model: Path, target: Corpus, session_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, ours = tmp_path / "two.csv", tmp_path / "m"
    target.table[target.table["emotion"] != "anger"].to_csv(table, index=False)
    shutil.copytree(model, ours)
    assert run(["evaluate", str(ours), str(table), "--card", "--cache", str(session_cache)]) == 0
    assert "; chance 50.0)" in capsys.readouterr().out
    (row,) = [line for line in (ours / "model-card.md").read_text().splitlines() if line.startswith("| two |")]
    assert "| 50.0 % |" in row  # of two emotions that occur, though the model knows three


def evaluated(model: Path, table: str, cache: Path, folder: Path, *options: str) -> dict[str, Any]:
    """The figures of ``didan evaluate --json``."""
    file = folder / "e.json"
    file.unlink(missing_ok=True)
    assert run(["evaluate", str(model), table, "--json", str(file), "--cache", str(cache), *options]) == 0
    figures: dict[str, Any] = json.loads(file.read_text())
    return figures


def predicted(model: Path, table: str, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    """The rows of ``didan predict --format json``."""
    capsys.readouterr()
    assert run(["predict", str(model), table, "--format", "json", *options]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows


def with_sessions(corpus: Corpus, file: Path) -> str:
    """A table with speakers and another column to group by, in which some utterances are parts of files."""
    sessions: list[Any] = [["am", "pm", np.nan][number % 3] for number in range(len(corpus))]
    table = corpus.table.assign(session=sessions)
    table.loc[::5, "end"] = 0.41
    table.loc[::10, "start"] = 0.02
    table.to_csv(file, index=False)
    return str(file)


@pytest.mark.parametrize(
    "group", [None, "speaker", "file", "folder", "session", "none"], ids=lambda group: group or "as trained"
)
def test_evaluation_is_of_what_is_predicted(
    model: Path,
    target: Corpus,
    session_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    group: str | None,
) -> None:
    table = with_sessions(target, tmp_path / "own.csv")
    options = ["--group", group] if group else []
    figures = evaluated(model, table, session_cache, tmp_path, *options)
    rows = predicted(model, table, capsys, *options)
    emotions = figures["emotions"]
    confusion = np.zeros((len(emotions), len(emotions)), dtype=int)
    for truth, row in zip(target.table["emotion"], rows, strict=True):
        confusion[emotions.index(truth), emotions.index(row["emotion"])] += 1
    assert confusion.tolist() == figures["confusion"]
    assert figures["normalised_by"] == AS_PREDICTED
    # In Python, to the last digit.
    loaded, corpus = didan.load(model), didan.read_corpus(table)
    evaluation = loaded.evaluate(corpus, group=group, cache=session_cache)
    assert evaluation.as_dict() == figures
    frame = loaded.predict(recordings=corpus, group=group)
    probabilities = np.array([list(row["probabilities"].values()) for row in rows])
    np.testing.assert_array_equal(probabilities, evaluation.utterances[emotions])
    np.testing.assert_array_equal(probabilities, frame[emotions])
    assert (
        frame["emotion"].tolist()
        == [row["emotion"] for row in rows]
        == evaluation.utterances["predicted"].tolist()
    )
    # A table without labels is predicted the same.
    unlabelled = tmp_path / "unlabelled.csv"
    pd.read_csv(table).drop(columns="emotion").to_csv(unlabelled, index=False)
    assert predicted(model, str(unlabelled), capsys, *options) == rows


def test_groups_matter_and_files_have_none(
    model: Path, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = with_sessions(target, tmp_path / "own.csv")
    groups = ("speaker", "session", "none")
    answers = {group: predicted(model, table, capsys, "--group", group) for group in groups}
    assert answers["speaker"] == predicted(model, table, capsys)  # as trained
    assert len({json.dumps(answer) for answer in answers.values()}) == 3
    # Of plain files nobody has named the speakers; whole ones are predicted as without groups.
    files = target.table["file"].tolist()
    assert run(["predict", str(model), *files, "--format", "json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    whole = tmp_path / "whole.csv"
    target.table[["file", "speaker"]].to_csv(whole, index=False)
    assert plain == predicted(model, str(whole), capsys, "--group", "none")
    assert plain != predicted(model, str(whole), capsys)


@pytest.mark.parametrize("group", ["folder", "file"])
def test_files_can_be_grouped_by_folder_and_file(
    model: Path, target: Corpus, capsys: pytest.CaptureFixture[str], group: str
) -> None:
    folder = Path(table_of(target)).parent
    rows = predicted(model, str(folder), capsys, "--group", group)
    # In a synthetic corpus each speaker has a folder.
    by_speaker = {row["file"]: row for row in predicted(model, table_of(target), capsys, "--group", "speaker")}
    assert len(rows) == len(target)
    same = [row == by_speaker[row["file"]] for row in rows]
    assert all(same) if group == "folder" else not any(same)


def test_statistics_of_the_evaluated_speakers_alone_are_marked(
    model: Path, target: Corpus, session_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot = ["--plot", str(tmp_path / "e.svg")]
    own = evaluated(model, table_of(target), session_cache, tmp_path, "--own-statistics", *plot)
    assert own["normalised_by"] == OWN_STATISTICS
    assert OWN_STATISTICS in " ".join(capsys.readouterr().out.split())
    assert "not as predicted" in (tmp_path / "e.svg").read_text()
    usual = evaluated(model, table_of(target), session_cache, tmp_path)
    assert AS_PREDICTED in capsys.readouterr().out
    trained = didan.load(model).trained
    expected = evaluate(
        replace(trained, normaliser=replace(trained.normaliser, shrinkage=0)), target, cache=session_cache
    )
    assert own["confusion"] == expected.confusion
    assert usual["confusion"] == evaluate(trained, target, cache=session_cache).confusion


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{tmp}/none", "{target}"], "does not exist"),
        (["{tmp}", "{target}"], "holds no model"),
        (["{model}", "{tmp}/none.csv"], "does not exist"),
        (["{model}", "{folder}"], "folder of audio without labels"),
        (["{model}", "{tmp}/boredom.csv"], "has no utterance with any of"),
        (["{model}", "{target}", "--group", "speakr"], "did you mean 'speaker'?"),
        (["{model}", "{target}", "--group", "emotion"], "cannot be grouped by their emotion"),
        (["{model}", "{target}", "--plot", "{tmp}/e.gif"], ".png"),
        (["{model}", "{target}", "--json", "{tmp}/none/e.json"], "cannot write"),
    ],
)
def test_a_mistake_is_one_line(
    model: Path,
    target: Corpus,
    session_cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    (tmp_path / "boredom.csv").write_text(f"file,emotion\n{target.table['file'].iloc[0]},boredom\n")
    before = sorted(tmp_path.iterdir())
    table = table_of(target)
    names = {"tmp": tmp_path, "model": model, "target": table, "folder": Path(table).parent}
    filled = [part.format(**names) for part in arguments]
    assert run(["evaluate", *filled, "--cache", str(session_cache)]) == 2
    assert message in complaint(capsys)
    assert sorted(tmp_path.iterdir()) == before


def test_predictions_are_the_same_in_every_format(
    model: Path, target: Corpus, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(file) for file in target.table["file"][:3]]
    assert run(["predict", str(model), *files, "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "file,emotion,anger,neutral,sadness"
    assert run(["predict", str(model), *files, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["file"] for row in rows] == files
    for line, row in zip(lines[1:], rows, strict=True):
        assert line.split(",")[1] == row["emotion"]
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert run(["predict", str(model), *files]) == 0
    assert "anger" in capsys.readouterr().out


def test_a_damaged_file_is_reported_and_the_others_predicted(
    model: Path, target: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.wav").write_text("no audio")
    good = str(target.table["file"].iloc[0])
    assert run(["predict", str(model), str(tmp_path / "bad.wav"), good, "--format", "csv"]) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "bad.wav" in err
    assert "1 of 2 recordings" in err
