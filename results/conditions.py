"""Tables of targets as they are met: by condition, by method, and of calls."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from didan.evaluation.statistics import holm
from didan.metrics import Reals, interval
from results.runs import (
    chance,
    difference_with_interval,
    lines_of,
    mean_with_interval,
    oracle_defaults,
    resampled_means,
    selection_of,
)

Cell = tuple[str, str, int]
"""A condition, what utterances are normalised together, and a seed."""


def targets_table(records: Path) -> str:
    """UAR without and with adaptation by condition, and the pair for which it does worst."""
    methods = ("source-only", "didan")
    cells = complete(lines_of(records), methods)
    lines = [
        "| UAR in % | source-only | didan | didan minus source-only | its worst pair | calibration error |",
        "|---|---|---|---|---|---|",
    ]
    for condition, group in dict.fromkeys(cell[:2] for cell in cells):
        before, after = (
            [run for cell, own in cells.items() if cell[:2] == (condition, group) for run in own[method]]
            for method in methods
        )
        unadapted, adapted = _by_pair(before), _by_pair(after)
        gain = {pair: adapted[pair] - unadapted[pair] for pair in adapted}
        worst = min(gain, key=gain.__getitem__)
        known = "known" if group == "speaker" else "unknown"
        error = np.mean([run["calibration_error"] for run in after])
        lines.append(
            f"| {condition}, speakers {known} | {mean_with_interval(before)} | {mean_with_interval(after)} | "
            f"{difference_with_interval(after, before)} | "
            f"{gain[worst]:+.1f} ({worst[0]} → {worst[1]}) | {error:.2f} |"
        )
    seeds = max(len({cell[2] for cell in cells if cell[:2] == one[:2]}) for one in cells)
    spread = (
        ", one seed" if seeds == 1 else f" ± standard deviation over at most {seeds} seeds, each with its own draw"
    )
    runs = [run for own in cells.values() for method in methods for run in own[method]]
    return "\n".join(
        [
            *lines,
            "",
            f"Mean over 6 tasks{spread} [95 % interval from resampling the targets' speakers]. Calibration error: "
            "expected, of DIDAN, ten bins. "
            f"Model selection: {oracle_defaults(selection_of(runs))}",
        ]
    )


def rival_table(records: Path, rivals: Path) -> str:
    """UAR of DIDAN and of a rival by condition, as far as the rival was run.

    Args:
        records: of DIDAN.
        rivals: of the rival, one method.
    """
    runs = [*lines_of(records), *lines_of(rivals)]
    (rival,) = {run["method"] for run in lines_of(rivals)}
    cells = complete(runs, ("didan", rival))
    lines = [f"| UAR in % | {rival} | didan | didan minus {rival} |", "|---|---|---|---|"]
    for (condition, group, _), own in cells.items():
        known = "known" if group == "speaker" else "unknown"
        lines.append(
            f"| {condition}, speakers {known} | {mean_with_interval(own[rival])} "
            f"| {mean_with_interval(own['didan'])} | {difference_with_interval(own['didan'], own[rival])} |"
        )
    return "\n".join([*lines, "", "One seed and draw; intervals as above."])


def methods_table(*records: Path) -> str:
    """UAR by method, best first, and condition; speakers known and unknown count alike."""
    runs = [run for file in records for run in lines_of(file)]
    methods = list(dict.fromkeys(run["method"] for run in runs))
    cells = complete(runs, methods)
    conditions = list(dict.fromkeys(_family(cell[0]) for cell in cells))

    def mean(method: str, condition: str | None = None) -> float:
        """Over conditions, each the mean over its cells: its sizes, draws, and speakers known or not."""
        if condition is None:
            return float(np.mean([mean(method, one) for one in conditions]))
        own = [run["uar"] for cell in cells if _family(cell[0]) == condition for run in cells[cell][method]]
        return 100 * float(np.mean(own))

    def resampled(method: str) -> Reals:
        by_condition = [
            np.mean([resampled_means(cells[c][method]) for c in cells if _family(c[0]) == condition], axis=0)
            for condition in conditions
        ]
        return np.asarray(np.mean(by_condition, axis=0), dtype=np.float64)

    methods.sort(key=mean, reverse=True)
    draws = {method: resampled(method) for method in methods}
    others = [method for method in methods if method != "didan"]
    differences = {method: draws["didan"] - draws[method] for method in others}
    adjusted = dict(zip(others, holm([_p(differences[method]) for method in others]), strict=True))
    lines = [
        f"| UAR in % | {' | '.join(conditions)} | mean | didan minus it |",
        f"|---|{'---|' * (len(conditions) + 2)}",
    ]
    for method in methods:
        lead = "–"
        if method in differences:
            low, high = interval(differences[method])
            mark = "**" if adjusted[method] < 0.05 else ""
            lead = f"{mark}{mean('didan') - mean(method):+.1f}{mark} [{low:+.1f}, {high:+.1f}]"
        figures = " | ".join(f"{mean(method, condition):.1f}" for condition in conditions)
        lines.append(f"| {method} | {figures} | {mean(method):.1f} | {lead} |")
    at_random = [chance([run for run in runs if _family(run["condition"]) == one]) for one in conditions]
    figures = " | ".join(f"{value:.1f}" for value in [*at_random, float(np.mean(at_random))])
    lines.append(f"| chance | {figures} | |")
    seeds = {cell[2] for cell in cells}
    return "\n".join(
        [
            *lines,
            "",
            f"Mean over six tasks, speakers known and unknown, {_seeds(len(seeds))} "
            "[95 % interval from resampling the targets' speakers]; in bold where it is not 0 at 5 % after "
            f"adjusting for all rows (Holm). Model selection: {oracle_defaults(selection_of(runs))}",
        ]
    )


def seeds_table(records: Path) -> str:
    """How far the worst seed of DIDAN lies below the median one, in the mean of all pairs and pair by pair.

    Args:
        records: of DIDAN, all seeds with the same draw of a condition.
    """
    cells = complete(lines_of(records), ("didan",))
    lines = [
        "| UAR in % | seeds | median | worst | worst minus median | pairs within 3 | the pair most apart |",
        "|---|---|---|---|---|---|---|",
    ]
    for condition, group in dict.fromkeys(cell[:2] for cell in cells):
        seeds = [_by_pair(own["didan"]) for cell, own in cells.items() if cell[:2] == (condition, group)]
        means = [float(np.mean(list(pairs.values()))) for pairs in seeds]
        below = {pair: _worst_minus_median([one[pair] for one in seeds]) for pair in seeds[0]}
        pair = min(below, key=below.__getitem__)
        within = sum(value >= -3 for value in below.values())
        known = "known" if group == "speaker" else "unknown"
        lines.append(
            f"| {condition}, speakers {known} | {len(seeds)} | {np.median(means):.1f} | {min(means):.1f} "
            f"| {_worst_minus_median(means):+.1f} | {within} of {len(below)} "
            f"| {below[pair]:+.1f} ({pair[0]} → {pair[1]}) |"
        )
    notes = "Median, worst and their difference are of the mean over pairs. All seeds have the first draw."
    return "\n".join([*lines, "", notes])


def _worst_minus_median(values: Sequence[float]) -> float:
    return float(min(values) - np.median(values))


def complete(runs: list[dict[str, Any]], methods: Sequence[str]) -> dict[Cell, dict[str, list[dict[str, Any]]]]:
    """The runs of every cell by method; a cell counts once every method has all of its pairs."""
    n_pairs = len({(run["source"], run["target"]) for run in runs})
    cells: dict[Cell, dict[str, list[dict[str, Any]]]] = {}
    for run in runs:
        own = cells.setdefault((run["condition"], run["group"], run["seed"]), {})
        own.setdefault(run["method"], []).append(run)
    return {cell: own for cell, own in cells.items() if all(len(own.get(m, [])) == n_pairs for m in methods)}


def _by_pair(runs: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Mean UAR of every pair, in %."""
    values: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        values.setdefault((run["source"], run["target"]), []).append(100 * run["uar"])
    return {pair: float(np.mean(own)) for pair, own in values.items()}


def _seeds(most: int) -> str:
    return "one seed" if most == 1 else f"at most {most} seeds"


def _draws(runs: list[dict[str, Any]]) -> str:
    count = len({run["draw"] for run in runs})
    return "one draw" if count == 1 else f"{count} draws"


def _family(condition: str) -> str:
    """Conditions that differ in size alone are one."""
    return "few" if condition.startswith("few-") else condition


def _p(differences: Reals) -> float:
    """Two-sided, from the share of draws beyond 0; no less than the number of draws can tell."""
    beyond = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(2 * (beyond + 1) / (len(differences) + 1), 1.0))


def calls_table(records: Path) -> str:
    """How well anger is found in calls, pair by pair, and how much seeds differ."""
    runs = lines_of(records)
    pairs = list(dict.fromkeys((run["source"], run["target"]) for run in runs if run["source"] is not None))

    def of(method: str, source: str | None, target: str, what: str) -> list[float]:
        return [
            run[what] for run in runs if (run["method"], run["source"], run["target"]) == (method, source, target)
        ]

    values = [
        [
            np.mean(of("loudness", None, target, "auc")),
            *(np.median(of(method, source, target, "auc")) for method in ("source-only", "didan")),
            min(of("didan", source, target, "auc")),
            np.mean(of("loudness", None, target, "precision")),
            *(np.median(of(method, source, target, "precision")) for method in ("source-only", "didan")),
            *(np.median(of(method, source, target, "auc_calls")) for method in ("source-only", "didan")),
            *(np.median(of(method, source, target, "uar")) for method in ("source-only", "didan")),
            np.mean(of("didan", source, target, "calibration_error")),
        ]
        for source, target in pairs
    ]
    rows = np.array(values, dtype=float)
    named = [*(f"{source} → {target}" for source, target in pairs), "mean"]
    cells = [" | ".join(f"{value:.2f}" for value in row) for row in [*rows, rows.mean(axis=0)]]
    models = {
        method: max(len(of(method, source, target, "auc")) for source, target in pairs)
        for method in ("didan", "source-only")
    }
    return "\n".join(
        [
            "| anger | AUC: loudness | source-only | didan | its worst model | precision: loudness | source-only "
            "| didan | AUC by call: source-only | didan | UAR: source-only | didan | calibration error |",
            f"|---|{'---|' * 12}",
            *(f"| {name} | {row} |" for name, row in zip(named, cells, strict=True)),
            "",
            "Area under the curve, average precision, and UAR of all emotions, by frame; medians over "
            f"{models['didan']} models of DIDAN and {models['source-only']} of source-only, of different seeds "
            f"and of {_draws(runs)} of calls. "
            "Calibration error: expected, of the most probable emotion, ten bins.",
        ]
    )
