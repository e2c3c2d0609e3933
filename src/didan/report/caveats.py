"""What a reader of a benchmark must know: tasks, labels read, leakage, settings, versions, and caveats."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from didan.evaluation.statistics import smallest_p
from didan.report.results import Benchmark, Record, task_name

_FEW_SPEAKERS = 10

_COLLAPSED = 0.95
"""Share of the utterances that are recognised as the same emotion."""


def under_results(table: pd.DataFrame) -> list[str]:
    """The legend of a table of results, as far as its text needs one."""
    text = " ".join(map(str, table.to_numpy().ravel()))
    lines = ["Mean" + (" ± standard deviation over seeds" if "±" in text else " (one seed)")]
    lines[0] += "; in brackets the 95 % interval from resampling the target's speakers, of the mean over seeds."
    if "**" in text:
        lines.append("Bold: highest of its column, which need not differ from the others beyond chance.")
    if "†" in text:
        lines.append("† Some seeds are missing.")
    if "‡" in text:
        lines.append("‡ Speakers are unknown or only one: the interval resamples utterances and is too narrow.")
    if "–" in text:
        lines.append("– No run; a method without all tasks has no mean over tasks, since it would not compare.")
    return lines


def tasks(benchmark: Benchmark) -> pd.DataFrame:
    """The tasks as text: emotions, utterances, speakers of the target, and what source and target share."""
    rows = {}
    for task in benchmark.tasks:
        run = next(run for run in benchmark.records if task_name(run) == task)
        leakage = run.get("leakage") or {}
        rows[task] = [
            ", ".join(run["emotions"]),
            str(run["n"]),
            "unknown" if run["n_speakers"] is None else str(run["n_speakers"]),
            f"{100 / len(run['emotions']):.1f}",
            *(_count(leakage.get(key)) for key in ("shared_speakers", "identical_files", "evaluated_in_source")),
        ]
    columns = [
        "emotions",
        "target utterances",
        "target speakers",
        "chance in %",
        "shared speakers",
        "identical files",
        "evaluated in source",
    ]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("task")


def methods(benchmark: Benchmark, summaries: Mapping[str, str]) -> pd.DataFrame:
    """The methods as text.

    Args:
        benchmark: the runs.
        summaries: a line for each method; variants go by the method they are of (``base`` of the record).
    """
    rows: dict[str, list[str]] = {}
    for method in dict.fromkeys(method for features in benchmark.features for method in benchmark.cells[features]):
        runs = [run for run in benchmark.records if run["method"] == method]
        base = str(runs[0].get("base", method))
        summary = summaries.get(base, "") + (f" (variant of {base})" if base != method else "")
        rows[method] = [
            "oracle: trained on target labels, an upper bound" if method in benchmark.oracles else summary,
            ", ".join(sorted({run["features"] for run in runs})),
            ", ".join(sorted({run["normalisation"] for run in runs})),
            str(len({run["seed"] for run in runs})),
        ]
    columns = ["what it does", "features", "normalised by", "seeds"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("method")


def labels_read(benchmark: Benchmark) -> dict[str, list[str]]:
    """Which labels were read by what, each with the methods that say so."""
    found: dict[str, set[str]] = {}
    for run in benchmark.records:
        for part, labels in ((run.get("leakage") or {}).get("labels_read") or {}).items():
            found.setdefault(f"{part}: {labels}", set()).add(run["method"])
    everyone = {run["method"] for run in benchmark.records}
    return {line: [] if who == everyone else sorted(who) for line, who in sorted(found.items())}


def honesty(benchmark: Benchmark) -> list[str]:
    """Caveats that follow from the records."""
    lines = []
    if benchmark.oracles:
        names = ", ".join(sorted(benchmark.oracles))
        lines.append(
            f"{names}: trained on target labels. It is an upper bound, takes part in no comparison and is "
            "never the best."
        )
    for task in benchmark.tasks:
        runs = [run for run in benchmark.records if task_name(run) == task]
        speakers, families = runs[0]["n_speakers"], len({run["method"] for run in runs} - benchmark.oracles) - 1
        if speakers is None or not runs[0]["speakers"]:
            lines.append(
                f"{task}: speakers are unknown, so intervals resample utterances, and nothing is tested on it."
            )
            continue
        if speakers < _FEW_SPEAKERS:
            lines.append(f"{task}: only {speakers} target speakers, so its intervals are mostly too narrow.")
        if families > 0 and smallest_p(speakers) * families >= 0.05:
            lines.append(
                f"{task}: with {speakers} speakers the test cannot go below p = {smallest_p(speakers):.3g}, so "
                f"after adjusting for {families} methods no difference on it alone can be significant."
            )
    collapsed: dict[str, list[str]] = {}
    for run in benchmark.records:
        recognised = np.sum(run["confusion"], axis=0)
        if recognised.max() >= _COLLAPSED * recognised.sum():
            collapsed.setdefault(f"{run['method']} with {run['features']}", []).append(task_name(run))
    for who, where in collapsed.items():
        found = ", ".join(f"{task} ({where.count(task)})" for task in dict.fromkeys(where))
        lines.append(f"{who}: collapsed to one emotion for almost all utterances in {len(where)} runs: {found}.")
    return lines


def setup(benchmark: Benchmark) -> dict[str, Any]:
    """Settings, versions and hardware: what all runs have in common, and what is particular to each method."""
    flat = [_flat(_settings(run)) for run in benchmark.records]
    keys = sorted({key for settings in flat for key in settings})
    common = {
        key: flat[0][key]
        for key in keys
        if all(key in settings and settings[key] == flat[0][key] for settings in flat)
    }
    particular: dict[str, dict[str, list[str]]] = {}
    for run, settings in zip(benchmark.records, flat, strict=True):
        own = particular.setdefault(f"{run['method']} ({run['features']})", {})
        for key, value in settings.items():
            if key not in common and key.rpartition(".")[2] != "seed":
                values = own.setdefault(key, [])
                if json.dumps(value) not in values:
                    values.append(json.dumps(value))
    return {
        "common": {key: json.dumps(value) for key, value in common.items()},
        "particular": {
            who: "; ".join(f"{key} = {' or '.join(values)}" for key, values in sorted(own.items()))
            for who, own in particular.items()
            if own
        },
        "seeds": sorted({run["seed"] for run in benchmark.records}),
        "versions": _distinct(benchmark, "versions"),
        "hardware": _distinct(benchmark, "hardware"),
    }


def _settings(run: Record) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.get("settings") or (run.get("identity") or {}).get("settings") or {}
    return found


def _distinct(benchmark: Benchmark, key: str) -> list[str]:
    return sorted({", ".join(f"{k} {v}" for k, v in (run.get(key) or {}).items()) for run in benchmark.records})


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return found


def _count(found: Any) -> str:
    """How many, where a record may list them or count them."""
    return "–" if found is None else str(len(found) if isinstance(found, list) else found)
