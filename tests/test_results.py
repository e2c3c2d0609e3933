"""The published tables are those of the records; nothing in them is typed."""

import gzip
import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from results.table import BEGIN, END, PAGES, README, STUDIES, benchmark_in

from didan.benchmark.plan import make_plan
from didan.files import read_yaml
from didan.records import record_name
from didan.report.page import results_markdown

NAMES = (
    "as-predicted",
    "benchmark",
    "selection",
    "trade-offs",
    "kin-trade-offs",
    "hda-trade-offs",
    "per-speaker",
    "rivals",
    "ablation",
    "uneven",
    "pretrained",
    "spectrogram-network",
    "spectrogram-whisper",
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_show_the_records(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == PAGES[page]()


@pytest.mark.parametrize("name", NAMES)
def test_the_tables_are_made_of_the_records(name: str) -> None:
    assert (STUDIES / name / "results.md").read_text(encoding="utf-8") == results_markdown(benchmark_in(name))


@pytest.mark.parametrize("name", NAMES)
def test_records_are_consistent(name: str) -> None:
    for record in benchmark_in(name).records:
        confusion = np.array(record["confusion"])
        assert confusion.sum() == record["n"]
        recalls = confusion.diagonal() / confusion.sum(axis=1)
        assert record["uar"] == pytest.approx(recalls.mean())
        assert record["war"] == pytest.approx(confusion.trace() / record["n"])
        hits = sum(np.array(speaker["hits"]) for speaker in record["speakers"].values())
        np.testing.assert_array_equal(hits, confusion.diagonal())
        # Nothing of a user's disk is in it.
        assert "/" not in json.dumps(record)


def test_readme_means_are_means_over_tasks_and_seeds() -> None:
    with gzip.open(STUDIES / "targets" / "functionals.jsonl.gz", "rt", encoding="utf-8") as file:
        runs = [json.loads(line) for line in file]
    rows = [
        line for line in README.read_text(encoding="utf-8").splitlines() if ", speakers " in line and "|" in line
    ]
    assert rows
    for row in rows:
        condition, known = row.split("|")[1].strip().split(", speakers ")
        group = {"known": "speaker", "unknown": "none"}[known]
        for column, method in ((2, "source-only"), (3, "didan")):
            values = [
                100 * run["uar"]
                for run in runs
                if (run["condition"], run["group"], run["method"]) == (condition, group, method)
            ]
            assert row.split("|")[column].split()[0] == f"{np.mean(values):.1f}"


@pytest.mark.parametrize(
    ("name", "folder", "corpora"),
    [
        ("spectrogram", "benchmark", ["casia", "emodb", "ravdess"]),
        ("functionals", "benchmark", ["casia", "emodb", "ravdess"]),
        ("selection", "selection", ["casia", "emodb", "ravdess"]),
        ("trade-offs", "trade-offs", ["alpha", "beta"]),
        ("as-predicted", "as-predicted", ["casia", "emodb", "ravdess"]),
        ("per-speaker", "per-speaker", ["casia", "emodb", "ravdess"]),
        ("spectrogram-network", "spectrogram-network", ["casia", "emodb", "ravdess"]),
        ("rivals", "rivals", ["casia", "emodb", "ravdess"]),
        ("ablation", "ablation", ["casia", "emodb", "ravdess"]),
        ("uneven", "uneven", ["casia", "casia-uneven", "emodb", "emodb-uneven", "ravdess", "ravdess-uneven"]),
    ],
)
def test_all_runs_of_the_plans_are_there(name: str, folder: str, corpora: list[str]) -> None:
    """Settings are not compared: records keep the names that settings had when they were made."""
    planned = make_plan(read_yaml(STUDIES / "plans" / f"{name}.yaml", "seeds: 5")).runs(corpora)
    recorded = {record_name(record) for record in benchmark_in(folder).records}
    assert [run.record_name for run in planned if run.record_name not in recorded] == []


def test_all_runs_with_an_encoder_are_there() -> None:
    """Their plan names an encoder, which need not be here."""
    plan = read_yaml(STUDIES / "plans" / "pretrained.yaml", "seeds: 3")
    methods = {entry if isinstance(entry, str) else entry["name"] for entry in plan["methods"]}
    seeds = {method: 1 if method.startswith("svm") else plan["seeds"] for method in methods}
    tasks = [f"{source}-{target}" for source, target in permutations(["casia", "emodb", "ravdess"], 2)]
    planned = {
        f"{task}/{features}-{method}-{seed}"
        for task in tasks
        for features in plan["features"]
        for method in methods
        for seed in range(seeds[method])
    }
    assert planned == {record_name(record) for record in benchmark_in("pretrained").records}
