"""A small benchmark from beginning to end: records, going on after an interruption, failures."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from sklearn.metrics import balanced_accuracy_score

import didan
from didan.benchmark import benchmark as module
from didan.benchmark import make_plan, run_benchmark
from didan.benchmark.processes import Outcome, in_processes
from didan.benchmark.run import Run
from didan.corpora import Corpus
from didan.errors import AudioError, UserError
from didan.model.config import make_config
from didan.records import PACKED, Record, pack_records, read_records, record_name, write_record
from didan.report.results import Benchmark
from didan.selection import CRITERIA
from helpers import table_of

SETTINGS = {"optimisation": {"steps": 3, "batch_size": 6}}


@pytest.fixture(scope="module")
def data(tiny_corpora: tuple[Corpus, Corpus]) -> dict[str, Any]:
    return {
        "corpora": [table_of(corpus) for corpus in tiny_corpora],
        "tasks": ["alpha:gamma"],
        "features": ["spectrogram", "pooled"],
        "methods": ["source-only", "didan", "target-only", "svm-linear-corpus", "svm-rbf-speaker", "coral"],
        "seeds": 1,
        "settings": SETTINGS,
    }


@pytest.fixture(scope="module")
def done(data: dict[str, Any], tmp_path_factory: pytest.TempPathFactory, session_cache: Path) -> Path:
    out = tmp_path_factory.mktemp("benchmark")
    summary = run_benchmark(make_plan(data), out, workers=2, cache=session_cache)
    assert not summary.failed
    assert len(summary.done) == 6
    return out


def record_of(out: Path, method: str) -> Record:
    (record,) = [record for record in read_records(out) if record["method"] == method]
    return record


def test_record_of_a_network_is_what_training_and_evaluation_give(
    done: Path, source: Corpus, target: Corpus, session_cache: Path
) -> None:
    settings = ["optimisation.steps=3", "optimisation.batch_size=6"]
    config = make_config("didan", "spectrogram", assignments=settings)
    model = didan.train(source, target, config=config, cache=session_cache)
    found = model.evaluate(target, cache=session_cache)
    record = record_of(done, "didan")
    # Threads add numbers up in another order, so that equal is nearly equal.
    assert record["uar"] == pytest.approx(found.uar, abs=0.1)
    assert record["n"] == found.n == len(target)
    assert record["emotions"] == list(model.emotions)
    assert not record["oracle"]
    assert "without target labels" in record["selection"]
    assert record["identity"]["settings"] == config.model_dump(mode="json")
    assert record["leakage"]["identical_files"] == 0
    assert set(record["curves"]) == {"step", "fit", "alignment", "residual"}
    assert record["curves"]["step"] == [1, 2, 3]
    assert record["cost"]["seconds"] > 0
    assert len(record["map"]["x"]) == len(source) + len(target)
    assert record["domain"]["held_out"] == "speaker"
    assert set(record["label_free"]) == set(CRITERIA)
    known = {name: score for name, score in record["label_free"].items() if score is not None}
    assert set(CRITERIA) - set(known) == {"importance-weighted-validation", "deep-embedded-validation"}
    assert all(np.isfinite(list(known.values())))


@pytest.mark.parametrize("method", ["didan", "target-only", "svm-linear-corpus", "coral"])
def test_utterances_per_speaker_add_up(done: Path, target: Corpus, method: str) -> None:
    record = record_of(done, method)
    confusion = np.array(record["confusion"])
    hits = sum(np.array(speaker["hits"]) for speaker in record["speakers"].values())
    counts = sum(np.array(speaker["counts"]) for speaker in record["speakers"].values())
    np.testing.assert_array_equal(hits, confusion.diagonal())
    np.testing.assert_array_equal(counts, confusion.sum(axis=1))
    assert record["uar"] == pytest.approx(np.mean(hits / counts))
    assert set(record["speakers"]) == set(target.table["speaker"])


@pytest.mark.parametrize("method", ["didan", "target-only", "svm-linear-corpus", "coral"])
def test_interval_of_a_record_is_that_of_its_report(done: Path, method: str) -> None:
    record = record_of(done, method)
    ((result,),) = [by_task.values() for by_task in Benchmark([record]).results[record["features"]].values()]
    assert result.interval == tuple(record["uar_ci95"])
    assert result.resampled is not None
    assert record["resampled"] == "speaker"


def test_upper_bound_says_what_it_is(done: Path) -> None:
    record = record_of(done, "target-only")
    assert record["oracle"]
    assert record["selection"].startswith("oracle")
    assert record["leakage"]["labels_read"]["training"] == "target labels of the other folds"


def test_records_hold_no_paths_and_are_small(done: Path, source: Corpus) -> None:
    for record in read_records(done):
        text = json.dumps(record)
        assert str(Path(str(source.table["file"].iloc[0])).parent) not in text
        assert ".wav" not in text
        assert len(text) < 30_000


def test_classical_record_agrees_with_scikit_learn(
    done: Path, source: Corpus, target: Corpus, session_cache: Path
) -> None:
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    from didan.features import SpectrogramSettings, extract

    vectors = []
    for corpus in (source, target):
        features = extract(corpus.unlabelled(), SpectrogramSettings(), session_cache).features
        frames = [features[index] for index in range(len(features))]
        pooled = np.stack([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in frames])
        vectors.append(StandardScaler().fit_transform(pooled))
    svm = LinearSVC(C=0.01, class_weight="balanced", max_iter=5000, random_state=0)
    predicted = svm.fit(vectors[0], source.table["emotion"]).predict(vectors[1])
    expected = balanced_accuracy_score(target.table["emotion"], predicted)
    assert record_of(done, "svm-linear-corpus")["uar"] == pytest.approx(expected, abs=0.03)


def test_second_time_there_is_nothing_to_do(done: Path, data: dict[str, Any]) -> None:
    before = {file: file.stat().st_mtime_ns for file in done.rglob("*")}
    assert [file.name for file in before] == [PACKED]
    announced: list[tuple[int, int]] = []
    summary = run_benchmark(
        make_plan(data), done, announce=lambda todo, recorded: announced.append((len(todo), len(recorded)))
    )
    assert announced == [(0, 6)]
    assert len(summary.recorded) == 6
    assert not summary.done
    assert {file: file.stat().st_mtime_ns for file in done.rglob("*")} == before


def test_a_packed_benchmark_is_continued(
    done: Path, data: dict[str, Any], tmp_path: Path, session_cache: Path
) -> None:
    *some, last = read_records(done)
    for record in some:
        write_record(record, tmp_path)
    pack_records(tmp_path)
    summary = run_benchmark(make_plan(data), tmp_path, cache=session_cache)
    assert [run.record_name for run in summary.done] == ["alpha-gamma/spectrogram-target-only-0"]
    assert len(summary.recorded) == 5
    assert [file.name for file in tmp_path.rglob("*")] == [PACKED]
    (*same, repeated) = read_records(tmp_path)
    assert same == some
    assert repeated["uar"] == pytest.approx(last["uar"])


def test_packing_is_made_up_for(done: Path, data: dict[str, Any], tmp_path: Path) -> None:
    """An interruption after the last run leaves single files."""
    for record in read_records(done):
        write_record(record, tmp_path)
    run_benchmark(make_plan(data), tmp_path)
    assert (tmp_path / PACKED).read_bytes() == (done / PACKED).read_bytes()
    assert not (tmp_path / "runs").exists()


def test_other_settings_do_not_mix_with_what_is_there(done: Path, data: dict[str, Any]) -> None:
    other = make_plan({**data, "settings": {"optimisation": {"steps": 4, "batch_size": 6}}})
    with pytest.raises(UserError, match="made with other settings; choose another --out"):
        run_benchmark(other, done)


def test_other_data_do_not_mix_with_what_is_there(done: Path, data: dict[str, Any]) -> None:
    other = make_plan({**data, "map": ["neutral=sadness"]})
    with pytest.raises(UserError, match="made with other corpora"):
        run_benchmark(other, done)


def test_other_audio_behind_a_name_is_noticed(data: dict[str, Any], source: Corpus, tmp_path: Path) -> None:
    corpora = []
    for name in ("alpha", "gamma"):
        table = source.table.copy()
        (tmp_path / name).mkdir()
        copies = {file: tmp_path / name / f"{row}.wav" for row, file in enumerate(table["file"])}
        table["file"] = [str(shutil.copy(file, copy)) for file, copy in copies.items()]
        table.to_csv(tmp_path / f"{name}.csv", index=False)
        corpora.append(str(tmp_path / f"{name}.csv"))
    plan = make_plan({**data, "corpora": corpora, "features": ["pooled"], "methods": ["svm-linear-corpus"]})
    out, cache = tmp_path / "out", tmp_path / "cache"
    assert len(run_benchmark(plan, out, cache=cache).done) == 1
    assert len(run_benchmark(plan, out, cache=cache).recorded) == 1
    shutil.copy(tmp_path / "gamma" / "1.wav", tmp_path / "gamma" / "0.wav")
    with pytest.raises(UserError, match="made with other audio; choose another --out"):
        run_benchmark(plan, out, cache=cache)


@pytest.mark.parametrize("damaged", ["silent", "empty"])
def test_no_run_uses_what_cannot_be_used(
    data: dict[str, Any], source: Corpus, target: Corpus, tmp_path: Path, session_cache: Path, damaged: str
) -> None:
    bad = tmp_path / "bad.wav"
    if damaged == "empty":
        bad.touch()
    else:
        soundfile.write(bad, np.zeros(16_000), 16_000)
    row = source.table.iloc[[0]].assign(file=str(bad))
    pd.concat([source.table, row]).to_csv(tmp_path / "alpha.csv", index=False)
    plan = {**data, "corpora": [str(tmp_path / "alpha.csv"), table_of(target)], "methods": ["didan", "coral"]}
    reasons: list[AudioError] = []
    summary = run_benchmark(make_plan(plan), tmp_path / "out", cache=session_cache, on_damaged=reasons.append)
    assert not summary.failed
    assert str(bad) in str(reasons[0])
    assert {tuple(record["unusable"].items()) for record in read_records(tmp_path / "out")} == {
        (("alpha", 1), ("gamma", 0))
    }
    with pytest.raises(AudioError, match="bad"):
        run_benchmark(make_plan(plan), tmp_path / "strict", cache=session_cache)


def test_names_of_corpora_do_not_run_into_one_another() -> None:
    tasks = [(["x-y"], "z"), (["x"], "y-z"), (["x", "y"], "z"), (["x+y"], "z"), (["x%2Dy"], "z")]
    names = {
        record_name({"task": {"sources": s, "target": t}, "features": "pooled", "method": "a", "seed": 0})
        for s, t in tasks
    }
    assert len(names) == len(tasks)


def test_failed_runs_are_reported_and_tried_again(
    data: dict[str, Any], tmp_path: Path, session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan({**data, "features": ["pooled"], "methods": ["svm-linear-corpus", "svm-linear-source"]})
    real = in_processes

    def half(work: Any, runs: list[Run], workers: int) -> Any:
        yield Outcome(run=runs[0], record=None, error="the disk is on fire")
        yield from real(work, runs[1:], workers)

    monkeypatch.setattr(module, "in_processes", half)
    first = run_benchmark(plan, tmp_path, cache=session_cache)
    assert [run.name for run in first.failed] == ["svm-linear-corpus"]
    assert [run.name for run in first.done] == ["svm-linear-source"]
    assert not (tmp_path / PACKED).exists()
    complaint = tmp_path / "failed" / "alpha-gamma" / "pooled-svm-linear-corpus-0.txt"
    assert complaint.read_text() == "the disk is on fire\n"
    monkeypatch.undo()
    second = run_benchmark(plan, tmp_path, cache=session_cache)
    assert [run.name for run in second.done] == ["svm-linear-corpus"]
    assert [run.name for run in second.recorded] == ["svm-linear-source"]
    assert not complaint.exists()
    assert (tmp_path / PACKED).exists()


def test_damaged_record_is_named(data: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "runs" / "alpha-gamma" / "pooled-coral-0.json"
    file.parent.mkdir(parents=True)
    file.write_text('{"task": ')
    with pytest.raises(UserError, match="is no run record"):
        run_benchmark(make_plan(data), tmp_path)


def test_two_sources_and_two_corpora_of_one_name(
    data: dict[str, Any], tmp_path: Path, session_cache: Path, tiny_corpora: tuple[Corpus, Corpus]
) -> None:
    third = tmp_path / "third.csv"
    table = tiny_corpora[0].table.assign(corpus="third")
    table.to_csv(third, index=False)
    plan = {
        **data,
        "corpora": [*data["corpora"], str(third)],
        "tasks": [],
        "leave_one_out": True,
        "features": ["pooled"],
        "methods": ["svm-linear-corpus"],
    }
    summary = run_benchmark(make_plan(plan), tmp_path / "out", cache=session_cache)
    assert len(summary.done) == 3
    tasks = [record["task"] for record in read_records(tmp_path / "out")]
    assert {"sources": ["alpha", "third"], "target": "gamma"} in tasks
    twice = {**data, "corpora": [data["corpora"][0], *data["corpora"]]}
    with pytest.raises(UserError, match="two corpora are called alpha"):
        run_benchmark(make_plan(twice), tmp_path / "other")
