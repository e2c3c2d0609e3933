import numpy as np
import pytest

from didan.evaluation.statistics import holm, sign_flip_p
from didan.report.comparisons import against, all_pairs, compare, comparisons_frame
from didan.report.results import Benchmark
from report.made_up import made_up_records

SPECTROGRAM = "spectrogram"
SAME_TARGET = (("emodb", "ravdess"), ("casia", "ravdess"), ("ravdess", "casia"))


def test_a_speaker_of_several_tasks_is_one_draw() -> None:
    records = made_up_records(SAME_TARGET, n_seeds=2, extras=False)
    (found,) = against(Benchmark(records), SPECTROGRAM, "source-only")
    # By hand: what every speaker adds to the mean difference over the three tasks.
    added: dict[tuple[str, str], float] = {}
    for record in records:
        sign = {"didan": 1, "source-only": -1}[record["method"]] / (3 * 2)
        counts = np.sum([entry["counts"] for entry in record["speakers"].values()], axis=0)
        for speaker, entry in record["speakers"].items():
            key = (record["task"]["target"], speaker)
            added[key] = added.get(key, 0) + sign * float(np.mean(np.array(entry["hits"]) / counts))
    assert (found.n_speakers, found.n_tasks) == (24 + 4, 3) == (len(added), 3)
    assert found.difference == pytest.approx(sum(added.values()))
    assert found.p == pytest.approx(sign_flip_p(list(added.values())), abs=0.002)
    assert found.interval is not None
    low, high = found.interval
    assert low < found.difference < high
    # Standard error of a sum over speakers of two targets.
    values = [np.array([v for (target, _), v in added.items() if target == t]) for t in ("ravdess", "casia")]
    error = sum(len(v) * v.var() for v in values) ** 0.5
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)


def test_a_method_does_not_differ_from_itself() -> None:
    records = made_up_records(methods=["source-only"])
    records += [{**record, "method": "twin"} for record in records]
    (found,) = against(Benchmark(records), SPECTROGRAM, "source-only")
    assert (found.difference, found.p, found.p_holm, found.interval, found.n_better) == (0, 1, 1, (0, 0), 0)


def test_a_clear_gain_is_found_and_none_is_not() -> None:
    for gain, significant in ((0.25, True), (0.0, False)):
        (found,) = against(Benchmark(made_up_records(gain=gain, extras=False)), SPECTROGRAM, "source-only")
        assert found.significant == significant


def test_families() -> None:
    methods = ["source-only", "didan", "mmd", "coral", "target-only"]
    records = made_up_records(methods=methods, features=["spectrogram", "pooled"], extras=False)
    benchmark = Benchmark(records)
    frame = comparisons_frame(benchmark)
    assert "target-only" not in {*frame["method"], *frame["reference"]}
    families = frame.groupby(["features", "family"])
    assert {name: len(part) for (_, name), part in families} == {
        "against source-only": 3,
        "against didan": 3,
        "all pairs": 6,
        **{f"against {r} on {t}": 3 for r in ("source-only", "didan") for t in benchmark.tasks},
    }
    for _, part in families:
        assert list(part["p_holm"]) == pytest.approx(holm(list(part["p"])))
    pairs = {frozenset((c.method, c.reference)) for c in all_pairs(benchmark, SPECTROGRAM)}
    assert len(pairs) == 6


def test_only_common_tasks_are_compared_and_fewer_come_last() -> None:
    records = made_up_records(methods=["source-only", "didan", "mmd"], gain=0.3, extras=False)
    records = [r for r in records if r["method"] != "didan" or r["task"]["target"] == "ravdess"]
    benchmark = Benchmark(records)
    mmd, didan = against(benchmark, SPECTROGRAM, "source-only")
    assert (mmd.method, mmd.n_tasks, mmd.n_speakers) == ("mmd", 2, 28)
    assert (didan.method, didan.n_tasks, didan.n_speakers) == ("didan", 1, 24)
    cells = benchmark.results[SPECTROGRAM]
    plain = cells["source-only"]["casia → ravdess"]
    assert didan.difference == pytest.approx(cells["didan"]["casia → ravdess"].uar - plain.uar)
    assert against(benchmark, SPECTROGRAM, "nobody") == []
    assert compare([plain], [cells["source-only"]["emodb → casia"]]) is None


def test_without_speakers_nothing_is_tested() -> None:
    (found,) = against(Benchmark(made_up_records(with_speakers=False)), SPECTROGRAM, "source-only")
    assert (found.interval, found.p, found.p_holm, found.n_speakers, found.significant) == (
        None,
        None,
        None,
        0,
        False,
    )
    assert found.difference != 0
    assert found.n_tasks == 2


def test_tasks_without_speakers_are_left_out() -> None:
    records = made_up_records()
    for record in records:
        if record["task"]["target"] == "casia":
            record |= {"speakers": {}, "n_speakers": None}
    (found,) = against(Benchmark(records), SPECTROGRAM, "source-only")
    assert (found.n_tasks, found.n_speakers) == (1, 24)
