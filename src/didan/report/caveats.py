"""Limits of a benchmark: caveats, labels read, and the settings, versions and hardware of its runs."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from didan.corpora.leakage import DEFAULTS_CHOSEN_ON
from didan.evaluation.statistics import smallest_p
from didan.report.results import Benchmark, settings_of, task_name

_FEW_SPEAKERS = 10

_COLLAPSED = 0.95
"""Share of the utterances that are recognised as the same emotion."""


def find_caveats(benchmark: Benchmark) -> list[str]:
    """Caveats that follow from the records, a line each."""
    lines = []
    if benchmark.oracles:
        names = ", ".join(sorted(benchmark.oracles))
        lines.append(
            f"{names}: trained on target labels. It is an upper bound, part of no comparison and never the best."
        )
    targets = {str(run["task"]["target"]) for run in benchmark.records}
    if chosen_on := sorted(targets & set(DEFAULTS_CHOSEN_ON)):
        lines.append(
            f"{', '.join(chosen_on)}: the defaults of didan (features, dropout, steps, pseudo-labels) were chosen "
            "on these corpora, with their labels. In that respect figures on them are an oracle's, and optimistic."
        )
    for task in benchmark.tasks:
        lines += [*_of_speakers(benchmark, task), *_of_encoders(benchmark, task)]
    return [*lines, *_collapses(benchmark), *_domain_probes(benchmark)]


def _of_speakers(benchmark: Benchmark, task: str) -> list[str]:
    """Caveats where speakers are few or unknown."""
    runs = [run for run in benchmark.records if task_name(run) == task]
    speakers, n_compared = runs[0]["n_speakers"], len({run["method"] for run in runs} - benchmark.oracles) - 1
    if speakers is None or not runs[0]["speakers"]:
        return [f"{task}: speakers are unknown, so intervals resample utterances, and nothing is tested on it."]
    lines = []
    if speakers < _FEW_SPEAKERS:
        lines.append(f"{task}: only {speakers} target speakers, so its intervals are mostly too narrow.")
    if n_compared > 0 and smallest_p(speakers) * n_compared >= 0.05:
        lines.append(
            f"{task}: with {speakers} speakers the test cannot go below p = {smallest_p(speakers):.3g}, so "
            f"after adjusting for {n_compared} methods no difference on it alone can be significant."
        )
    return lines


def _of_encoders(benchmark: Benchmark, task: str) -> list[str]:
    """Caveats where an encoder has heard the target with its labels."""
    phrases = {
        phrase
        for run in benchmark.records
        if task_name(run) == task
        for phrase in (run.get("leakage") or {}).get("encoder_trained_on", [])
    }
    return [f"{task}: {phrase}, so its figures say nothing about transfer." for phrase in sorted(phrases)]


def _collapses(benchmark: Benchmark) -> list[str]:
    collapsed: dict[str, list[str]] = {}
    for run in benchmark.records:
        predicted = np.sum(run["confusion"], axis=0)
        if predicted.max() >= _COLLAPSED * predicted.sum():
            collapsed.setdefault(f"{run['method']} with {run['features']}", []).append(task_name(run))
    lines = []
    for method, tasks in collapsed.items():
        counts = ", ".join(f"{task} ({tasks.count(task)})" for task in dict.fromkeys(tasks))
        lines.append(
            f"{method}: collapsed to one emotion for almost all utterances in {len(tasks)} runs: {counts}."
        )
    return lines


def _domain_probes(benchmark: Benchmark) -> list[str]:
    gaps = [run["domain"] for run in benchmark.records if run["domain"]]
    by_utterance = sum(gap.get("held_out") != "speaker" for gap in gaps)
    if not by_utterance:
        return []
    return [
        f"In {by_utterance} of {len(gaps)} runs the probe for the domain was tested on voices it was trained on, "
        "so A-distances are too large there."
    ]


def labels_read(benchmark: Benchmark) -> dict[str, list[str]]:
    """Which labels were read for which purpose, each with the methods that say so; none named if all do."""
    methods_by_line: dict[str, set[str]] = {}
    for run in benchmark.records:
        for purpose, labels in ((run.get("leakage") or {}).get("labels_read") or {}).items():
            methods_by_line.setdefault(f"{purpose}: {labels}", set()).add(run["method"])
    everyone = {run["method"] for run in benchmark.records}
    return {
        line: [] if methods == everyone else sorted(methods) for line, methods in sorted(methods_by_line.items())
    }


def setup(benchmark: Benchmark) -> dict[str, Any]:
    """Settings, versions and hardware: those common to all runs, and those particular to each method."""
    flat = [_flat(settings_of(run)) for run in benchmark.records]
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
            method: "; ".join(f"{key} = {' or '.join(values)}" for key, values in sorted(own.items()))
            for method, own in particular.items()
            if own
        },
        "seeds": sorted({run["seed"] for run in benchmark.records}),
        "versions": _distinct(benchmark, "versions"),
        "hardware": _distinct(benchmark, "hardware"),
    }


def _distinct(benchmark: Benchmark, key: str) -> list[str]:
    return sorted({", ".join(f"{k} {v}" for k, v in (run.get(key) or {}).items()) for run in benchmark.records})


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        flat |= _flat(value, f"{before}{key}.") if isinstance(value, Mapping) else {f"{before}{key}": value}
    return flat
