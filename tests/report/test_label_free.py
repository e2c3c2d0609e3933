import pytest

from didan.report.label_free import criterion_values, selection_frame, selection_table
from didan.report.results import Benchmark
from didan.selection import CRITERIA
from report.made_up import made_up_records

SPECTROGRAM = "spectrogram"
METHODS = ["source-only", "didan", "mmd", "coral", "target-only"]


def test_a_criterion_that_is_uar_chooses_the_best_and_its_opposite_the_worst() -> None:
    records = made_up_records(methods=METHODS, gain=0.4)
    for record in records:
        record["label_free"] = {
            name: record["uar"] if criterion.greater_is_better else -record["uar"]
            for name, criterion in CRITERIA.items()
        }
        record["label_free"]["entropy"] = record["uar"]  # less is better
    benchmark = Benchmark(records)
    frame = selection_frame(benchmark)
    rows = {(row["task"], row["criterion"]): row for row in frame.to_dict("records")}
    for task in benchmark.tasks:
        uars = {m: 100 * benchmark.results[SPECTROGRAM][m][task].uar for m in METHODS[:-1]}
        best, worst = (end(uars, key=lambda m: uars[m]) for end in (max, min))
        good, bad = rows[task, "soft-neighbourhood-density"], rows[task, "entropy"]
        assert (good["spearman"], bad["spearman"]) == pytest.approx((1, -1))
        assert (good["selected"], bad["selected"], good["best"]) == (best, worst, best)
        assert (good["uar_selected"], bad["uar_selected"]) == pytest.approx((uars[best], uars[worst]))
        assert good["uar_mean"] == pytest.approx(sum(uars.values()) / 4)
        assert good["uar_didan"] == pytest.approx(uars["didan"])
        assert good["methods"] == 4
    table = selection_table(frame, SPECTROGRAM, 2)
    assert table.index[-1] == "entropy"
    assert table.iloc[-1, 0] == "−1.00"


def test_candidates_are_those_that_a_criterion_could_score() -> None:
    records = made_up_records(methods=METHODS)
    for record in records:
        if record["method"] == "coral":
            record["label_free"] = {}
        if record["method"] == "mmd":
            record["label_free"]["entropy"] = None
    benchmark = Benchmark(records)
    values = criterion_values(benchmark, SPECTROGRAM, "emodb → casia")
    assert list(values.index) == ["source-only", "didan", "mmd"]
    frame = selection_frame(benchmark)
    # Two candidates left have no ranks worth a correlation; nobody was scored by deep embedded validation.
    assert set(frame["criterion"]) == set(CRITERIA) - {"entropy", "deep-embedded-validation"}
    assert set(frame["methods"]) == {3}
    assert selection_table(frame, SPECTROGRAM, 3).empty  # a third task would be missing


def test_nothing_to_choose_from() -> None:
    frame = selection_frame(Benchmark(made_up_records(extras=False)))
    assert frame.empty
    assert selection_table(frame, SPECTROGRAM, 2).empty
