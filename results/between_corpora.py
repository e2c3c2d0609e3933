"""Tables of benchmarks, from the records that ``didan benchmark`` writes."""

import re
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd

from didan.report.comparisons import Comparison, against
from didan.report.dataframes import MEAN, results_frame
from didan.report.results import BASELINES, Benchmark
from didan.report.tables import summary
from results.runs import oracle_defaults

COLUMNS = {
    "spectrogram": "log-mel spectrograms",
    "functionals": "functionals",
    "pooled": "pooled spectrograms",
    "pretrained": "tiny.en",
    "functionals+pretrained": "functionals + tiny.en",
}


def means_table(*studies: Benchmark, seen: bool) -> str:
    """Mean UAR over all tasks as Markdown: a row per method, a column per kind of features.

    Args:
        studies: the results, of the same tasks and each of other features.
        seen: whether the defaults had been chosen with labels of these corpora.
    """
    study_of = {kind: benchmark for kind in COLUMNS for benchmark in studies if kind in benchmark.features}
    methods = list(dict.fromkeys(method for kind, own in study_of.items() for method in own.results[kind]))
    oracles = {method for benchmark in studies for method in benchmark.oracles}
    frame = pd.concat([results_frame(benchmark) for benchmark in studies])
    best = frame[frame["task"] == MEAN].groupby("method")["uar"].max()
    methods.sort(key=lambda method: (method in oracles, -best.get(method, 0.0)))
    means = {
        (row["features"], row["method"]): _with_interval(row) for _, row in frame[frame["task"] == MEAN].iterrows()
    }
    tasks = studies[0].tasks
    lines = [
        f"| mean UAR over {len(tasks)} tasks, in % | {' | '.join(COLUMNS[kind] for kind in study_of)} |",
        f"|---|{'---|' * len(study_of)}",
    ]
    for method in methods:
        cells = [means.get((kind, method), "–") for kind in study_of]
        lines.append(f"| {_named(method, oracles)} | {' | '.join(cells)} |")
    chance = frame.groupby("task")["chance"].first().mean()
    lines.append(f"| chance | {' | '.join(f'{chance:.1f}' for _ in study_of)} |")
    seeds = frame.groupby("features")["seeds"].max()
    counted = ", ".join(f"{COLUMNS[kind]} at most {seeds[kind]:.0f}" for kind in study_of)
    if len(set(seeds)) == 1:
        counted = f"at most {seeds.max():.0f}"
    over = f"Mean ± standard deviation over seeds ({counted}; methods without randomness have one)"
    if seeds.max() == 1:
        over = "One seed"
    return "\n".join(
        [
            *lines,
            "",
            f"{over} [95 % interval from resampling the targets' speakers]. Model selection: "
            f"{oracle_defaults(_selection(*studies)) if seen else f'{_selection(*studies)}.'}",
            *(
                f"\n{line}" if len(study_of) == 1 else f"\n{COLUMNS[kind]}: {line[0].lower()}{line[1:]}"
                for kind, own in study_of.items()
                for line in _tests(own, kind)
            ),
        ]
    )


def rivals_of_didan(benchmark: Benchmark) -> str:
    """Which methods are above DIDAN in the mean over all tasks, which level with it, and how many below."""
    lines = []
    for features in benchmark.features:
        compared = [own for own in against(benchmark, features, "didan") if own.method not in benchmark.oracles]
        level = [own.method for own in compared if not own.significant]
        above = [own.method for own in compared if own.significant and own.difference > 0]
        lines.append(
            f"{COLUMNS[features]}, beside didan: above it {', '.join(above) or 'none'}; not to be told from it "
            f"{', '.join(level) or 'none'}; below it {len(compared) - len(above) - len(level)}."
        )
    return "\n\n".join(lines)


def tasks_table(benchmark: Benchmark) -> str:
    """UAR on functionals as Markdown, task by task: a row per method, with its difference from DIDAN."""
    features = "functionals"
    frame = results_frame(benchmark)
    frame = frame[frame["features"] == features]
    comparisons = {comparison.method: comparison for comparison in against(benchmark, features, "didan")}
    methods = sorted(frame["method"].unique(), key=lambda method: method in benchmark.oracles)
    lines = [
        f"| UAR in % | {' | '.join(benchmark.tasks)} | mean | minus didan [95 %] |",
        f"|---|{'---|' * (len(benchmark.tasks) + 2)}",
    ]
    for method in methods:
        rows = frame[frame["method"] == method].set_index("task")
        cells = [_text(rows.loc[task]) if task in rows.index else "–" for task in (*benchmark.tasks, MEAN)]
        named = _named(method, benchmark.oracles)
        lines.append(f"| {named} | {' | '.join(cells)} | {_difference(comparisons.get(method))} |")
    return "\n".join(
        [
            *lines,
            "",
            f"{_seeds(int(frame['seeds'].max()))}; intervals resample the "
            "speakers of the targets; in bold where it is not 0 at 5 % after adjusting for all rows (Holm). "
            f"Model selection: {oracle_defaults(_selection(benchmark))}",
        ]
    )


def representations_table(studies: list[Benchmark]) -> str:
    """Mean UAR over all tasks: a row per features and method, a column per knowledge of the speakers."""
    unknown = " with unknown speakers"
    lines = ["| features | method | speakers known | speakers unknown |", "|---|---|---|---|"]
    seeds = set()
    for benchmark in studies:
        frame = results_frame(benchmark)
        rows = {(row["features"], row["method"]): row for _, row in frame[frame["task"] == MEAN].iterrows()}
        seeds |= {int(row["seeds"]) for row in rows.values()}
        settings = [run["identity"]["settings"] for run in benchmark.records]
        tuned = all(own.get("network", {}).get("whisper") for own in settings)
        for features in benchmark.features:
            named = COLUMNS[features] + (", first layers of tiny.en" if tuned else "")
            for method in [name for kind, name in rows if kind == features and not name.endswith(unknown)]:
                cells = [
                    _with_interval(rows[features, name]) if (features, name) in rows else "–"
                    for name in (method, f"{method}{unknown}")
                ]
                if method.endswith("-corpus"):  # which asks nobody who speaks
                    cells.reverse()
                lines.append(f"| {named} | {_named(method, benchmark.oracles)} | {' | '.join(cells)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"UAR in %, mean over {len(studies[0].tasks)} tasks ± standard deviation over at most {max(seeds)} "
            "seeds [95 % interval from resampling the targets' speakers]; methods without randomness have one. "
            f"Model selection: {oracle_defaults(_selection(studies[0]))}",
        ]
    )


def _with_interval(mean: "pd.Series[float]") -> str:
    return f"{_text(mean)} [{mean['uar_low']:.1f}, {mean['uar_high']:.1f}]"


def elsewhere_table(benchmark: Benchmark) -> str:
    """UAR of the variant that would have been chosen on the corpora that are not the target."""
    frame = results_frame(benchmark)
    candidates = {run["method"] for run in benchmark.records if _is_variant(run["identity"]["settings"])}
    frame = frame[(frame["features"] == "functionals") & frame["method"].isin(candidates)]
    uar = frame.pivot(index="method", columns="task", values="uar")
    rows, chosen_uars, default_uars = [], [], []
    for target in sorted({run["task"]["target"] for run in benchmark.records}):
        own = [task for task in benchmark.tasks if task.endswith(f" → {target}")]
        others = [task for task in benchmark.tasks if target not in task.split(" → ")]
        chosen = str(uar[others].mean(axis=1).idxmax())
        chosen_uars.append(float(uar.loc[chosen, own].to_numpy().mean()))
        default_uars.append(float(uar.loc["didan", own].to_numpy().mean()))
        rows.append(
            f"| {target} | {', '.join(others)} | {chosen} | {chosen_uars[-1]:.1f} | {default_uars[-1]:.1f} |"
        )
    return "\n".join(
        [
            "| target | chosen on | variant chosen there | UAR of it on the target | of the default |",
            "|---|---|---|---|---|",
            *rows,
            f"| mean | | | {np.mean(chosen_uars):.1f} | {np.mean(default_uars):.1f} |",
        ]
    )


def _is_variant(settings: dict[str, Any]) -> bool:
    """Whether it is DIDAN with the uniform class prior of the default."""
    prior = settings.get("class_prior") or settings["method_settings"].get(
        "proportions"
    )  # its name in old records
    return settings["method"] == "didan" and not prior


def classes_table(benchmark: Benchmark) -> str:
    """Recall of every emotion without and with DIDAN, and the emotion it is mistaken for most often."""
    lines = [
        "| task | emotion | source-only | didan | didan mistakes it for |",
        "|---|---|---|---|---|",
    ]
    plain, adapted = (benchmark.results["functionals"][method] for method in ("source-only", "didan"))
    for task, result in adapted.items():
        emotions = result.runs[0]["emotions"]
        confusion = np.sum([run["confusion"] for run in result.runs], axis=0)
        shares = 100 * confusion / confusion.sum(axis=1, keepdims=True)
        for k, emotion in enumerate(emotions):
            mistakes = np.where(np.arange(len(emotions)) == k, -1, shares[k])
            before = 100 * plain[task].mean_of("recall", emotion)
            worst = f"{emotions[mistakes.argmax()]} ({mistakes.max():.0f} %)"
            lines.append(f"| {task} | {emotion} | {before:.0f} | {shares[k, k]:.0f} | {worst} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Recalls in %, means over seeds. Model selection: {oracle_defaults(_selection(benchmark))}",
        ]
    )


def _named(method: str, oracles: Collection[str]) -> str:
    return f"{method} (oracle: trained on target labels)" if method in oracles else method


def _seeds(most: int) -> str:
    return "One seed" if most == 1 else f"Mean ± standard deviation over at most {most} seeds"


def _selection(*studies: Benchmark) -> str:
    # The name of a method says which class prior it assumes; old records call it "told of the target".
    ways = {
        re.split("; (?:told|assumed)", run["selection"])[0]
        for own in studies
        for run in own.records
        if not run["oracle"]
    }
    # Networks name the step as well, and go on as methods without steps do.
    return "; ".join(sorted(way for way in ways if not any(way in other and way != other for other in ways)))


def _difference(comparison: Comparison | None) -> str:
    if comparison is None:
        return "–"
    mark = "**" if comparison.significant else ""
    low, high = comparison.interval or (np.nan, np.nan)
    return f"{mark}{100 * comparison.difference:+.1f}{mark} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _tests(benchmark: Benchmark, kind: str) -> list[str]:
    """The paired tests against the baseline in words."""
    return [summary(against(benchmark, kind, name)) for name in benchmark.references(kind) if name in BASELINES]


def _text(mean: "pd.Series[float]") -> str:
    """Mean over tasks and seeds, and the spread over seeds of the mean over tasks."""
    spread = f" ± {mean['uar_sd']:.1f}" if np.isfinite(mean["uar_sd"]) else ""
    return f"{mean['uar']:.1f}{spread}"
