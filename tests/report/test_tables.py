import random
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from didan.report.comparisons import comparisons_frame
from didan.report.dataframes import MEAN, costs_frame, csv, domain_frame, results_frame
from didan.report.label_free import selection_frame
from didan.report.results import Benchmark
from didan.report.tables import (
    domain_table,
    legend,
    markdown,
    methods_table,
    recall_table,
    results_table,
    selections,
    tasks_table,
)
from report.made_up import EMOTIONS, made_up_records

SPECTROGRAM = "spectrogram"
METHODS = ["source-only", "didan", "mmd", "target-only"]


def at(table: pd.DataFrame, row: str, column: str) -> str:
    return str(table.loc[row, column])


def test_the_same_records_give_the_same_bytes() -> None:
    records = made_up_records(methods=METHODS, features=["spectrogram", "pooled"])
    shuffled = records[:]
    random.Random(1).shuffle(shuffled)

    def tables(benchmark: Benchmark) -> list[str]:
        frames = [make(benchmark) for make in (results_frame, domain_frame, costs_frame, selection_frame)]
        frames.append(comparisons_frame(benchmark))
        return [*map(csv, frames), *(markdown(results_table(benchmark, f)) for f in benchmark.features)]

    assert tables(Benchmark(shuffled)) == tables(Benchmark(records))


def test_results_are_those_of_the_records() -> None:
    records = made_up_records(methods=METHODS)
    rows = {(row["method"], row["task"]): row for row in results_frame(Benchmark(records)).to_dict("records")}
    runs = [r for r in records if r["method"] == "didan" and r["task"]["target"] == "casia"]
    row = rows["didan", "emodb → casia"]
    uars = [100 * run["uar"] for run in runs]
    assert row["uar"] == pytest.approx(np.mean(uars))
    assert row["uar_sd"] == pytest.approx(np.std(uars, ddof=1))
    assert row["recall_anger"] == pytest.approx(np.mean([100 * run["recall"]["anger"] for run in runs]))
    assert (row["chance"], row["speakers"], row["seeds"], row["resampled"]) == (20, 4, 3, "speaker")
    by_seed = [
        100 * np.mean([r["uar"] for r in records if r["method"] == "didan" and r["seed"] == seed])
        for seed in range(3)
    ]
    mean = rows["didan", MEAN]
    assert mean["uar"] == pytest.approx(np.mean(by_seed))
    assert mean["uar_sd"] == pytest.approx(np.std(by_seed, ddof=1))
    # Two targets vary independently, so their mean varies less than either.
    assert mean["uar_high"] - mean["uar_low"] < row["uar_high"] - row["uar_low"]


def test_chance_counts_the_emotions_that_occur() -> None:
    records = made_up_records()
    for record in records:
        if record["task"]["target"] == "casia":
            record["recall"]["fear"] = None
    benchmark = Benchmark(records)
    assert list(results_table(benchmark, SPECTROGRAM).loc["chance"]) == ["20.0", "25.0", "22.5"]
    assert list(tasks_table(benchmark)["chance in %"]) == ["20.0", "25.0"]
    frame = results_frame(benchmark)
    assert set(frame.loc[frame["task"] == "emodb → casia", "chance"]) == {25}


def test_cells_of_the_table() -> None:
    records = made_up_records(methods=METHODS)
    benchmark = Benchmark(records)
    table = results_table(benchmark, SPECTROGRAM)
    assert list(table.columns) == [*benchmark.tasks, MEAN]
    assert list(table.index) == [*METHODS[:-1], "target-only (oracle: trained on target labels)", "chance"]
    number = r"\d+\.\d"
    for cell in table.iloc[:-1].to_numpy().ravel():
        assert re.fullmatch(rf"(\*\*)?{number}(\*\*)? ± {number} \[{number}, {number}\]", cell)
    assert list(table.loc["chance"]) == ["20.0"] * 3
    bold = table.apply(lambda column: column.str.contains("**", regex=False))
    assert list(bold.sum()) == [1, 1, 1]  # one per column, and no oracle
    assert not bold.iloc[3].any()


def test_legends_explain_the_marks_that_occur() -> None:
    def text(records: list[dict[str, Any]]) -> str:
        return " ".join(legend(results_table(Benchmark(records), SPECTROGRAM)))

    plain = text(made_up_records())
    assert "±" in plain
    assert not any(mark in plain for mark in "†‡–")
    assert "one seed" in text(made_up_records(n_seeds=1))
    assert "‡" in text(made_up_records(with_speakers=False))
    records = made_up_records()
    assert "†" in text(records[1:])
    assert "–" in text([r for r in records if r["method"] == "didan" or r["task"]["target"] == "casia"])


def test_tasks_say_what_leaked() -> None:
    records = made_up_records()
    for record in records:
        if record["task"]["target"] == "casia":
            record["leakage"] |= {"shared_speakers": ["x", "y"], "identical_files": 3, "evaluated_in_source": None}
    table = tasks_table(Benchmark(records))
    assert list(table.loc["emodb → casia"])[1:] == ["120", "4", "20.0", "2", "3", "–"]
    assert list(table.loc["casia → ravdess"])[1:] == ["720", "24", "20.0", "0", "0", "0"]


def test_only_methods_with_all_tasks_have_a_mean() -> None:
    records = made_up_records(methods=METHODS)
    kept = [r for r in records if r["method"] != "mmd" or r["task"]["target"] == "casia"]
    kept = [r for r in kept if not (r["method"] == "didan" and r["seed"] == 1 and r["task"]["target"] == "casia")]
    table = results_table(Benchmark(kept), SPECTROGRAM)
    assert list(table.loc["mmd"])[0::2] == ["–", "–"]
    assert at(table, "didan", "emodb → casia").endswith("]†")
    assert at(table, "didan", MEAN).endswith("]†")
    assert "±" not in at(table, "didan", MEAN)  # seeds of different tasks do not pair
    assert "†" not in "".join(map(str, table.loc["source-only"]))


def test_one_task_one_seed_no_speakers() -> None:
    records = made_up_records([("emodb", "casia")], n_seeds=1, with_speakers=False, extras=False)
    table = results_table(Benchmark(records), SPECTROGRAM)
    assert list(table.columns) == ["emodb → casia"]
    assert re.fullmatch(
        r"\d+\.\d \[\d+\.\d, \d+\.\d\]‡", at(table, "source-only", "emodb → casia").replace("**", "")
    )


def test_recalls_average_over_the_tasks_that_have_the_emotion() -> None:
    records = made_up_records(n_seeds=1)
    for record in records:
        if record["task"]["target"] == "casia":
            record["recall"]["fear"] = None
    table = recall_table(Benchmark(records), SPECTROGRAM)
    assert list(table.columns) == sorted(EMOTIONS)
    own = {r["task"]["target"]: r["recall"] for r in records if r["method"] == "didan"}
    assert float(at(table, "didan", "fear")) == pytest.approx(100 * own["ravdess"]["fear"], abs=0.051)
    anger = 50 * (own["ravdess"]["anger"] + own["casia"]["anger"])
    assert float(at(table, "didan", "anger")) == pytest.approx(anger, abs=0.051)


def test_domain_and_costs() -> None:
    records = made_up_records(methods=METHODS)
    for record in records:
        record["cost"] = {"seconds": 10.0 ** record["seed"], "peak_memory_mb": 100 + record["seed"]}
        record["domain"] = None if record["method"] == "target-only" else {"accuracy": 0.75, "a_distance": 1.0}
    benchmark = Benchmark(records)
    costs = costs_frame(benchmark).set_index("method")
    assert tuple(costs.loc["didan", ["runs", "seconds", "peak_memory_mb"]]) == (6, 10, 101)
    assert set(domain_frame(benchmark)["method"]) == set(METHODS[:-1])
    assert list(domain_table(benchmark, SPECTROGRAM).loc["mmd"]) == ["1.00 (75 %)"] * 3
    assert domain_table(Benchmark(made_up_records(extras=False)), SPECTROGRAM).empty


def test_all_ways_of_selection_are_named_but_those_of_oracles() -> None:
    records = made_up_records(methods=METHODS, n_seeds=1)
    for record in records:
        record["selection"] = {"mmd": "by entropy", "target-only": "by hand"}.get(record["method"], "last step")
    assert selections(Benchmark(records)) == "by entropy / last step"


def test_csv_has_numbers_and_empty_cells() -> None:
    frame = pd.DataFrame({"a": [1 / 3, float("nan")], "b": ["x, y", "z"]})
    assert csv(frame) == 'a,b\n0.333333,"x, y"\n,z\n'


def test_what_a_method_does_says_whether_it_trains_itself() -> None:
    records = made_up_records(methods=METHODS)
    for record in records:
        weight = 2.0 if record["method"] == "didan" else 0.0
        record["identity"] = {"settings": {"pseudo_labels": {"kind": "balanced", "weight": weight}}}
    does = methods_table(Benchmark(records), {name: f"does {name}" for name in METHODS})["what it does"]
    assert does["didan"] == "does didan, with balanced pseudo-labels"
    assert does["source-only"] == "does source-only"
