import random

import numpy as np
import pytest

from didan.errors import UserError
from didan.report.results import Benchmark
from report.made_up import made_up_records

SPECTROGRAM = "spectrogram"


def test_uar_follows_from_the_hits() -> None:
    benchmark = Benchmark(made_up_records())
    for by_task in benchmark.results[SPECTROGRAM].values():
        for cell in by_task.values():
            assert cell.contributions is not None
            assert cell.contributions.sum() == pytest.approx(cell.uar)
            low, high = cell.interval
            assert low < cell.uar < high


def test_order_does_not_matter_and_references_come_first() -> None:
    records = made_up_records(methods=["zeta", "target-only", "alpha", "didan", "source-only"], extras=False)
    random.Random(0).shuffle(records)
    benchmark = Benchmark(records)
    assert list(benchmark.results[SPECTROGRAM]) == ["source-only", "didan", "alpha", "zeta", "target-only"]
    assert benchmark.contenders(SPECTROGRAM) == ["source-only", "didan", "alpha", "zeta"]
    assert benchmark.tasks == ["casia → ravdess", "emodb → casia"]
    assert benchmark.best(SPECTROGRAM) != "target-only"
    cell = benchmark.results[SPECTROGRAM]["didan"]["emodb → casia"]
    assert [run["seed"] for run in cell.runs] == [0, 1, 2]


def test_without_speakers_the_intervals_are_those_of_the_runs() -> None:
    benchmark = Benchmark(made_up_records(with_speakers=False))
    cell = benchmark.results[SPECTROGRAM]["didan"]["emodb → casia"]
    assert cell.contributions is None
    assert cell.resampled is None
    assert cell.interval == pytest.approx((cell.uar - 0.05, cell.uar + 0.05))


def test_a_speaker_without_utterances_in_one_task_has_no_share_in_it() -> None:
    records = made_up_records([("emodb", "casia"), ("ravdess", "casia")], n_seeds=1)
    for record in records:
        if record["task"]["sources"] == ["ravdess"]:
            record["speakers"]["late"] = record["speakers"].pop("00")
    one, other = Benchmark(records).results[SPECTROGRAM]["didan"].values()
    assert one.speakers == other.speakers == ("00", "01", "02", "03", "late")
    assert one.contributions is not None
    assert other.contributions is not None
    assert one.contributions[-1] == other.contributions[0] == 0
    assert other.contributions.sum() == pytest.approx(other.uar)


def test_missing_seeds_and_tasks_are_noticed() -> None:
    records = [r for r in made_up_records() if r["seed"] != 1 or r["method"] == "didan"]
    records = [r for r in records if r["method"] != "didan" or r["seed"] < 2 or r["task"]["target"] == "casia"]
    benchmark = Benchmark([r for r in records if r["method"] == "didan" or r["task"]["target"] == "casia"])
    cells = benchmark.results[SPECTROGRAM]
    assert {task: cell.missing for task, cell in cells["didan"].items()} == {
        "casia → ravdess": 1,
        "emodb → casia": 0,
    }
    assert cells["source-only"]["emodb → casia"].missing == 0  # it never had seed 1
    assert benchmark.on_all_tasks(SPECTROGRAM, "source-only") == []
    assert len(benchmark.on_all_tasks(SPECTROGRAM, "didan")) == 2
    assert benchmark.best(SPECTROGRAM) == "didan"


def test_no_records_or_the_same_twice() -> None:
    with pytest.raises(UserError, match="no run records"):
        Benchmark([])
    records = made_up_records(extras=False)
    with pytest.raises(
        UserError, match=r"two records of the same run: didan on emodb → casia with spectrogram, seed 2"
    ):
        Benchmark([*records, next(r for r in records if r["method"] == "didan" and r["seed"] == 2)])


def test_means_of_entries_skip_what_is_missing() -> None:
    records = made_up_records(n_seeds=2)
    for record in records:
        record["domain"] = None if record["seed"] else {"accuracy": 0.75}
    cell = Benchmark(records).results[SPECTROGRAM]["didan"]["emodb → casia"]
    assert cell.mean_of("domain", "accuracy") == 0.75
    assert np.isnan(cell.mean_of("domain", "a_distance"))
    assert np.isnan(cell.mean_of("label_free", "deep-embedded-validation"))
