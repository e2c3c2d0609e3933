"""Tables of studies that have a script of their own in ``benchmarks/``."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from results.runs import difference_with_interval, lines_of, mean_with_interval, oracle_defaults, selection_of


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
