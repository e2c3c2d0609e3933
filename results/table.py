"""Make the tables of results in README and documentation from the records of benchmarks.

python -m results.table            # rewrites what is between the two markers of each page
python -m results.table --check    # only says whether it is up to date
"""

import argparse
import functools
import json
import re
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from didan.records import read_records
from didan.report.comparisons import Comparison, against
from didan.report.dataframes import MEAN, results_frame
from didan.report.results import BASELINES, Benchmark
from didan.report.tables import summary
from results.conditions import calls_table, methods_table, rival_table, targets_table
from results.hours import hours_table
from results.live import serving_table, streaming_table
from results.picture import draw
from results.runs import difference_with_interval, lines_of, mean_with_interval, oracle_defaults, selection_of
from results.scale import scale_table
from results.speed import gpu_table, speed_table

STUDIES = Path(__file__).parent
ROOT = STUDIES.parent
README = ROOT / "README.md"
TARGETS, CALLS = STUDIES / "targets" / "functionals.jsonl.gz", STUDIES / "calls" / "functionals.jsonl.gz"
ENCODED = "functionals+tiny.en.jsonl.gz"
"""The same studies, with hidden states of an encoder joined to functionals."""
PICTURE = ROOT / "docs" / "pictures" / "conditions.svg"
BEGIN, END = "<!-- results: made by `python -m results.table` -->", "<!-- end of results -->"
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
    """Which methods cannot be told from DIDAN in the mean over all tasks, and which are above it."""
    lines = []
    for features in benchmark.features:
        compared = [own for own in against(benchmark, features, "didan") if own.method not in benchmark.oracles]
        level = [own.method for own in compared if not own.significant]
        above = [own.method for own in compared if own.significant and own.difference > 0]
        lines.append(
            f"{COLUMNS[features]}: {', '.join(level) or 'none'} cannot be told from didan; "
            f"{', '.join(above) or 'none'} of the {len(compared)} above it."
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


def class_priors_table(records: Path) -> str:
    """How far each estimate of the class prior is from the truth."""
    frame = pd.read_json(records)
    uneven = frame["target"].str.endswith("-uneven")
    kinds = {"even targets": frame[~uneven], "uneven targets": frame[uneven]}
    lines = [
        f"| | {' | '.join(f'{kind}: distance | {kind}: neutral' for kind in kinds)} |",
        f"|---|{'---|' * (2 * len(kinds))}",
    ]
    for way in frame["way"].unique():
        cells = []
        for rows in kinds.values():
            rows = rows[rows["way"] == way]
            seeds = rows.groupby("seed")["distance"].mean()
            cells += [f"{seeds.mean():.2f} ± {seeds.std():.2f}", f"{rows['neutral'].mean():.2f}"]
        lines.append(f"| {way} | {' | '.join(cells)} |")
    truth = [f"0 | {rows['neutral_in_truth'].mean():.2f}" for rows in kinds.values()]
    tasks = frame.groupby(["source", "target"]).ngroups // len(kinds)
    return "\n".join(
        [
            *lines,
            f"| truth | {' | '.join(truth)} |",
            "",
            "Total variation distance to the true class prior (0: right, 1: all wrong), and the probability of "
            "neutral; means "
            f"over {tasks} tasks; ± standard deviation of the mean over {frame['seed'].nunique()} seeds.",
        ]
    )


def normalisation_table(records: Path) -> str:
    """UAR as predicted, by the shrinkage of statistics: a row per k, a column per method and condition."""
    runs = lines_of(records)
    columns = {
        "speakers known": ("even", "speaker"),
        "not known to predict": ("even", "none"),
        "one mood": ("moody", "speaker"),
        "four fifths one mood": ("moody-80", "speaker"),
    }
    methods = ("source-only", "didan")
    rows: dict[str, dict[tuple[str, str, str], list[dict[str, Any]]]] = {}
    for run in runs:
        without = run["group"] == "none"
        own = rows.setdefault("no groups" if without else f"k = {run['shrinkage']:g}", {})
        for figures in run["evaluated"]:
            # Without groups all conditions are one. With them DIDAN is adapted to each, source-only looks at none.
            conditions = columns.values() if without else [(figures["condition"], figures["group"])]
            if run["method"] == "source-only" or figures["condition"] == run["condition"]:
                for condition in conditions:
                    own.setdefault((run["method"], *condition), []).append({**run, **figures})
    lines = [
        f"| UAR in % | {' | '.join(f'{method}: {column}' for method in methods for column in columns)} |",
        f"|---|{'---|' * (len(methods) * len(columns))}",
    ]
    for name, own in rows.items():
        cells = [
            mean_with_interval(own.get((method, *condition), []))
            for method in methods
            for condition in columns.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    seeds, tasks = len({run["seed"] for run in runs}), len({(run["source"], run["target"]) for run in runs})
    spread = f"± standard deviation over {seeds} seeds" if seeds > 1 else "of one seed"
    return "\n".join(
        [
            *lines,
            "",
            f"Mean over {tasks} tasks {spread} [95 % interval from resampling the target's speakers]. "
            f"Model selection: {selection_of(runs)}. k was chosen on these corpora, with their labels: an "
            "oracle's choice in that respect.",
        ]
    )


def variants_table(records: Path) -> str:
    """UAR of source-only with one thing changed at a time: a row per variant, a column per task."""
    runs = lines_of(records)
    tasks = sorted({(run["source"], run["target"]) for run in runs})
    lines = [
        f"| UAR in % | {' | '.join(f'{source} → {target}' for source, target in tasks)} | mean | minus default |",
        f"|---|{'---|' * (len(tasks) + 2)}",
    ]
    by_variant: dict[str, dict[tuple[str, str], float]] = {}
    for run in runs:
        by_variant.setdefault(run["variant"], {})[run["source"], run["target"]] = 100 * run["uar"]
    default = by_variant["default"]
    for name, own in by_variant.items():
        mean, change = np.mean(list(own.values())), np.mean([own[task] - default[task] for task in own])
        cells = [f"{own[task]:.1f}" if task in own else "–" for task in tasks]
        lines.append(
            f"| {name} | {' | '.join(cells)} | {mean:.1f} | {'–' if own is default else f'{change:+.1f}'} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"Source-only, one seed; –: not run, mean and difference are over the tasks run. Model selection: "
            f"{oracle_defaults(selection_of(runs))}",
        ]
    )


def lengths_table(records: Path) -> str:
    """UAR on unseen speakers of one corpus: a row per length of the functionals, a column per normalisation."""
    runs = [{**run, "source": run["half"], "target": run["corpus"]} for run in lines_of(records)]
    columns = {"normalised by speaker": "speaker", "by corpus": "none"}
    lines = [f"| UAR in % | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for length in sorted({run["length"] for run in runs}):
        cells = [
            mean_with_interval([run for run in runs if (run["length"], run["group"]) == (length, group)])
            for group in columns.values()
        ]
        lines.append(f"| functionals {length:g} as long | {' | '.join(cells)} |")
    n_seeds = len({run["seed"] for run in runs})
    spread = f"± standard deviation over {n_seeds} seeds" if n_seeds > 1 else "of one seed"
    return "\n".join(
        [
            *lines,
            "",
            f"Mean over both halves of the corpora {spread} [95 % interval from resampling the speakers]. Model "
            f"selection: {selection_of(runs)}.",
        ]
    )


def source_free_table(records: Path) -> str:
    """UAR of a finished model and of every way to adapt it, best first."""
    runs = lines_of(records)
    n_seeds, n_tasks = len({run["seed"] for run in runs}), len({(run["source"], run["target"]) for run in runs})
    names = {
        "source-only": "the model as it was",
        "didan": "`didan adapt`, with its source",
        "shot": "`didan adapt --source-free`",
        "ecan": "`didan adapt --source-free --method ecan`",
        "t3a": "`didan predict --adapt-outputs t3a`",
        "lame": "`didan predict --adapt-outputs lame`",
    }
    columns = {"speakers known": "speaker", "speakers unknown": "none"}
    own = {
        (name, group): [{**run, **run["evaluated"][name]} for run in runs if run["group"] == group]
        for name in names
        for group in columns.values()
    }
    ranked = sorted(names, key=lambda name: -np.mean([run["uar"] for run in own[name, "speaker"]]))
    lines = [f"| UAR in % | {' | '.join(f'{column} | minus with source' for column in columns)} |"]
    lines.append(f"|---|{'---|' * (2 * len(columns))}")
    for name in ranked:
        cells = []
        for group in columns.values():
            cells.append(mean_with_interval(own[name, group]))
            other = own["didan", group]
            cells.append("–" if name == "didan" else difference_with_interval(own[name, group], other))
        lines.append(f"| {names[name]} | {' | '.join(cells)} |")
    return "\n".join(
        [
            *lines,
            "",
            f"Mean over {n_tasks} tasks ± standard deviation over {n_seeds} seeds [95 % interval from resampling "
            f"the targets' speakers]. Model selection: {oracle_defaults(selection_of(runs))}",
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


_EXPERIMENTS = ROOT / "docs" / "experiments"


@functools.cache
def benchmark_in(name: str) -> Benchmark:
    """The records of one study."""
    return Benchmark(read_records(STUDIES / name))


def _measured(name: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads((STUDIES / name).read_text(encoding="utf-8"))
    return record


PAGES: dict[Path, Callable[[], str]] = {
    README: lambda: methods_table(TARGETS),
    ROOT / "docs" / "how-to" / "cluster.md": lambda: scale_table(STUDIES / "scale" / "record.json"),
    _EXPERIMENTS / "as-predicted.md": lambda: tasks_table(benchmark_in("as-predicted")),
    _EXPERIMENTS / "normalisation.md": lambda: normalisation_table(STUDIES / "normalisation" / "records.jsonl.gz"),
    _EXPERIMENTS / "representations.md": lambda: representations_table(
        [benchmark_in(name) for name in ("pretrained", "spectrogram-network", "spectrogram-whisper")]
    ),
    _EXPERIMENTS / "family.md": lambda: "\n\n".join(
        (
            means_table(benchmark_in("family"), seen=True),
            rivals_of_didan(benchmark_in("family")),
            "On frames, with the hierarchical network:",
            means_table(benchmark_in("hda"), seen=True),
        )
    ),
    _EXPERIMENTS / "kin.md": lambda: means_table(
        benchmark_in("kin-trade-offs"), benchmark_in("hda-trade-offs"), seen=False
    ),
    _EXPERIMENTS / "spectrogram.md": lambda: variants_table(STUDIES / "spectrogram" / "records.jsonl.gz"),
    _EXPERIMENTS / "targets.md": lambda: "\n\n".join(
        [
            *(make(TARGETS) for make in (targets_table, methods_table)),
            rival_table(TARGETS, STUDIES / "targets" / "deep-jdot.jsonl.gz"),
            "With hidden states of tiny.en joined to functionals:",
            targets_table(TARGETS.with_name(ENCODED)),
        ]
    ),
    _EXPERIMENTS / "calls.md": lambda: "\n\n".join(
        [
            calls_table(CALLS),
            "With hidden states of tiny.en joined to functionals:",
            calls_table(CALLS.with_name(ENCODED)),
        ]
    ),
    _EXPERIMENTS / "source-free.md": lambda: source_free_table(STUDIES / "source-free" / "records.jsonl.gz"),
    _EXPERIMENTS / "fusion.md": lambda: lengths_table(STUDIES / "fusion" / "records.jsonl.gz"),
    _EXPERIMENTS / "first-benchmark.md": lambda: means_table(benchmark_in("benchmark"), seen=False),
    _EXPERIMENTS / "claim.md": lambda: "\n\n".join(
        (
            tasks_table(benchmark_in("per-speaker")),
            means_table(benchmark_in("per-speaker"), seen=True),
            tasks_table(benchmark_in("rivals")),
        )
    ),
    _EXPERIMENTS / "classes.md": lambda: classes_table(benchmark_in("per-speaker")),
    _EXPERIMENTS / "ablation.md": lambda: tasks_table(benchmark_in("ablation")),
    _EXPERIMENTS / "chosen-elsewhere.md": lambda: elsewhere_table(benchmark_in("ablation")),
    _EXPERIMENTS / "uneven.md": lambda: tasks_table(benchmark_in("uneven")),
    _EXPERIMENTS / "speed.md": lambda: "\n\n".join(
        [
            speed_table(STUDIES / "speed" / "record.json"),
            "With a GPU:",
            gpu_table(STUDIES / "speed" / "gpu.json"),
        ]
    ),
    _EXPERIMENTS / "class-prior.md": lambda: class_priors_table(STUDIES / "class-prior" / "records.json"),
    ROOT / "docs" / "how-to" / "service.md": lambda: serving_table(_measured("live/serving.json")),
    ROOT / "docs" / "how-to" / "live.md": lambda: streaming_table(_measured("live/streaming.json")),
    ROOT / "docs" / "how-to" / "plan.md": lambda: hours_table(STUDIES / "hours" / "record.json"),
}


def main() -> None:
    """Rewrite or check the pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    for page, make_table in PAGES.items():
        text = page.read_text(encoding="utf-8")
        before, _, rest = text.partition(BEGIN)
        _, _, after = rest.partition(END)
        new = f"{before}{BEGIN}\n\n{make_table()}\n\n{END}{after}"
        if not arguments.check:
            page.write_text(new, encoding="utf-8")
        elif new != text:
            sys.exit(f"{page.name}: the table is not the one of the records")
    if not arguments.check:
        draw(TARGETS, PICTURE)


if __name__ == "__main__":
    main()
