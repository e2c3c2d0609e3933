"""The published tables are those of the records; nothing in them is typed."""

import gzip
import json
import re
from collections.abc import Iterable
from itertools import dropwhile, permutations, product, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from results.conditions import _p, complete
from results.picture import draw
from results.runs import mean_with_interval, resampled_means
from results.table import BEGIN, END, PAGES, PICTURE, README, STUDIES, TARGETS, benchmark_in

from didan.benchmark.plan import make_plan
from didan.files import read_yaml
from didan.records import record_name
from didan.report.page import results_markdown

TARGETS_PAGE = STUDIES.parent / "docs" / "experiments" / "targets.md"
NAMES = (
    "as-predicted",
    "benchmark",
    "selection",
    "trade-offs",
    "family",
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


def target_runs(name: str = "functionals") -> pd.DataFrame:
    with gzip.open(STUDIES / "targets" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return pd.DataFrame([json.loads(line) for line in file])


def test_the_means_of_targets_are_over_tasks_and_seeds() -> None:
    runs = pd.concat([target_runs(), target_runs("without-line")])
    encoded = target_runs("functionals+tiny.en")
    compared = []
    for line in TARGETS_PAGE.read_text(encoding="utf-8").splitlines():
        row = [cell.strip() for cell in line.split("|")]
        if line.startswith("With hidden states"):
            runs = encoded
        if "UAR in %" in row:
            header = row
        if len(row) < 3 or ", speakers " not in row[1]:
            continue
        condition, known = row[1].split(", speakers ")
        group = {"known": "speaker", "unknown": "none"}[known]
        cell = runs[(runs["condition"] == condition) & (runs["group"] == group)]
        shown = set(header) & set(runs["method"])
        counts = cell[cell["method"].isin(shown)].groupby(["seed", "method"]).size().unstack(fill_value=0)
        complete = counts.index[(counts == 6).all(axis=1)]
        for column, method in enumerate(header):
            if method in shown:
                own = cell[(cell["method"] == method) & cell["seed"].isin(complete)]
                mean = 100 * own["uar"].mean()
                assert row[column].split()[0] == f"{mean:.1f}"
                compared.append(method)
    assert compared.count("source-only") > 20
    assert compared.count("didan, not by the line") == 2


def test_seeds_of_one_draw_are_compared_with_their_median() -> None:
    runs = target_runs("one-draw").assign(uar=lambda table: 100 * table["uar"])
    assert (runs["draw"] == 0).all()
    rows = TARGETS_PAGE.read_text(encoding="utf-8").partition("| worst minus median |")[2].splitlines()[2:]
    shown = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if ", speakers " in row]
    assert len(shown) == len(runs.groupby(["condition", "group"]))
    for name, n, median, worst, below, within, apart in shown:
        condition, known = name.split(", speakers ")
        group = {"known": "speaker", "unknown": "none"}[known]
        own = runs[(runs["condition"] == condition) & (runs["group"] == group)]
        pairs = own.pivot(index="seed", columns=["source", "target"], values="uar")
        means, least = pairs.mean(axis=1), pairs.min() - pairs.median()
        assert [n, median, worst] == [str(len(pairs)), f"{means.median():.1f}", f"{means.min():.1f}"]
        assert below == f"{means.min() - means.median():+.1f}"
        assert within == f"{(least >= -3).sum()} of 6"
        pair = " → ".join(least.idxmin())  # type: ignore[arg-type]
        assert apart == f"{least.min():+.1f} ({pair})"


@pytest.mark.parametrize(
    ("page", "heading", "names"),
    [
        (README, BEGIN, ["functionals"]),
        (TARGETS_PAGE, "Others with the same pseudo-labels", ["functionals", "mcc", "deep-jdot"]),
    ],
)
def test_conditions_count_alike_and_methods_are_sorted_by_merit(
    page: Path, heading: str, names: list[str]
) -> None:
    runs = pd.concat(map(target_runs, names))
    after = page.read_text(encoding="utf-8").partition(heading)[2].splitlines()
    table = takewhile(lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), after))
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    name, *figures, _ = rows.pop()
    n_shared = np.array([5, 6, 6])  # emotions of two of the three corpora
    at_random = [100 * np.mean(1 / (n_shared - (2 if of == "missing" else 0))) for of in header[1:-2]]
    assert [name, *figures] == ["chance", *(f"{value:.1f}" for value in [*at_random, np.mean(at_random)])]
    means = [float(row[-2]) for row in rows]
    assert means == sorted(means, reverse=True)
    assert {row[0] for row in rows} >= {"didan", "source-only"}
    cells = runs.groupby(["condition", "group", "seed", "method"]).size().unstack("method")
    complete = runs.set_index(["condition", "group", "seed"]).loc[cells[(cells == 6).all(axis=1)].index]
    family = complete.index.get_level_values("condition").str.replace(r"few-\d+", "few", regex=True)
    expected = 100 * complete.groupby([family, "method"])["uar"].mean().unstack("method")
    for name, *figures, mean, _ in rows:
        assert figures == [f"{value:.1f}" for value in expected[name][header[1:-2]]]
        assert mean == f"{expected[name].mean():.1f}"


@pytest.mark.parametrize(
    ("heading", "name"), [(BEGIN, "functionals"), ("With hidden states of tiny.en", "functionals+tiny.en")]
)
def test_figures_of_calls_are_medians_over_models(heading: str, name: str) -> None:
    page = STUDIES.parent / "docs" / "experiments" / "calls.md"
    lines = page.read_text(encoding="utf-8").partition(heading)[2].splitlines()
    shown = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if " → " in line][:6]
    with gzip.open(STUDIES / "calls" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        runs = pd.DataFrame([json.loads(line) for line in file])
    figures = runs.set_index(["method", "source", "target"])[["auc", "precision", "auc_calls", "uar"]]
    models = figures.groupby(level=["method", "source", "target"])
    median, worst = models.median(), models.min()
    for pair, _, *rest in shown:
        source, target = pair.split(" → ")
        before, after, least = (
            of.xs((method, source, target)).to_numpy(dtype=float)
            for of, method in ((median, "source-only"), (median, "didan"), (worst, "didan"))
        )
        del rest[3]  # precision of loudness
        others = [own[column] for column in (1, 2, 3) for own in (before, after)]
        assert rest[:-1] == [f"{value:.2f}" for value in (before[0], after[0], least[0], *others)]


def test_the_picture_is_that_of_the_records(tmp_path: Path) -> None:
    draw(TARGETS, tmp_path / "drawn.svg")
    drawn, shown = (
        set(re.findall(r">([^<>]+)</text>", file.read_text())) for file in (tmp_path / "drawn.svg", PICTURE)
    )
    assert drawn == shown
    runs = target_runs()
    even = runs[(runs["condition"] == "even") & (runs["group"] == "speaker") & (runs["method"] == "didan")]
    assert f"{100 * even['uar'].mean():.1f}" in shown


def test_intervals_are_of_the_mean_of_runs_whose_emotions_and_callers_differ() -> None:
    def run(seed: int, speakers: dict[str, tuple[list[int], list[int]]]) -> dict[str, Any]:
        kept = {name: {"hits": hits, "counts": counts} for name, (hits, counts) in speakers.items()}
        hits, counts = (np.sum([own[key] for own in kept.values()], axis=0) for key in ("hits", "counts"))
        uar = (hits[counts > 0] / counts[counts > 0]).mean()
        return {"source": "s", "target": "t", "seed": seed, "uar": uar, "speakers": kept}

    first = run(0, {"a": ([8, 0, 1], [9, 0, 9]), "b": ([7, 0, 2], [9, 0, 9])})  # one emotion is missing
    second = run(1, {"a": ([9, 3, 0], [9, 5, 0]), "b": ([9, 4, 0], [9, 5, 0])})  # another
    shown = re.findall(r"[\d.]+", mean_with_interval([first, second]))
    middle, _, low, high = map(float, shown)
    assert middle == pytest.approx(50 * (first["uar"] + second["uar"]), abs=0.05)
    assert low <= middle <= high
    draws = (resampled_means([first]) + resampled_means([second])) / 2
    np.testing.assert_allclose(resampled_means([first, second]), draws)
    # The callers that a speaker is cut into are drawn together.
    cut = run(
        0, {"a/x/0": ([8, 0, 0], [9, 0, 0]), "a/y/1": ([0, 0, 1], [0, 0, 9]), "b/x/0": ([7, 0, 2], [9, 0, 9])}
    )
    np.testing.assert_array_equal(resampled_means([cut]), resampled_means([first]))


def test_a_cell_counts_once_all_of_its_runs_are_there() -> None:
    pairs = list(permutations("abc", 2))
    runs = [
        {"condition": "even", "group": "none", "seed": seed, "method": method, "source": source, "target": target}
        for seed, method, (source, target) in product(range(2), ("didan", "source-only"), pairs)
    ]
    assert set(complete(runs, ("didan", "source-only"))) == {("even", "none", 0), ("even", "none", 1)}
    assert set(complete(runs[:-1], ("didan", "source-only"))) == {("even", "none", 0)}
    assert set(complete(runs[:-1], ("didan",))) == {("even", "none", 0), ("even", "none", 1)}


@pytest.mark.parametrize(
    ("differences", "p"), [(range(1, 1000), 0.002), (range(-500, 500), 1.0), ([-1, *[1] * 98], 0.04)]
)
def test_p_is_twice_the_smaller_share_of_draws(differences: Iterable[float], p: float) -> None:
    assert _p(np.array(list(differences), dtype=float)) == pytest.approx(p, abs=1e-3)


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
