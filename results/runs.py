"""What tables of training runs share: the records, and means with intervals."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from didan import metrics
from didan.metrics import interval, resampled_uar, speaker_draws


def lines_of(records: Path) -> list[dict[str, Any]]:
    """The records of a file with one in each line."""
    with gzip.open(records, "rt", encoding="utf-8") as lines_of:
        return [json.loads(line) for line in lines_of]


def selection_of(runs: list[dict[str, Any]]) -> str:
    """How the models were selected."""
    return ", ".join(sorted({run["selection"] for run in runs}))


def oracle_defaults(selection: str) -> str:
    """How models were selected, where the defaults had been chosen with labels of these corpora."""
    before, _, _ = selection.partition("settings fixed beforehand")
    return (
        f"{before}settings fixed beforehand, but the defaults among them (features, dropout, steps, "
        "pseudo-labels) with the labels of these corpora: an oracle's choice."
    )


def chance(runs: list[dict[str, Any]]) -> float:
    """Mean over tasks, in %."""
    by_task = {(run["source"], run["target"]): metrics.chance(run["recall"].values()) for run in runs}
    return 100 * float(np.mean(list(by_task.values())))


def mean_with_interval(runs: list[dict[str, Any]]) -> str:
    """Of the mean over tasks."""
    if not runs:
        return "–"
    by_seed: dict[int, list[float]] = {}
    for run in runs:
        by_seed.setdefault(run["seed"], []).append(100 * run["uar"])
    means = [float(np.mean(values)) for values in by_seed.values()]
    low, high = interval(resampled_means(runs))
    spread = f" ± {np.std(means, ddof=1):.1f}" if len(means) > 1 else ""
    return f"{np.mean(means):.1f}{spread} [{low:.1f}, {high:.1f}]"


def difference_with_interval(runs: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
    """Of the means over tasks, of the same tasks and seeds; the same speakers are drawn for both."""
    difference = 100 * (np.mean([run["uar"] for run in runs]) - np.mean([run["uar"] for run in others]))
    low, high = interval(resampled_means(runs) - resampled_means(others))
    return f"{difference:+.1f} [{low:+.1f}, {high:+.1f}]"


def resampled_means(runs: list[dict[str, Any]]) -> npt.NDArray[np.float64]:
    """Mean UAR over tasks, in %, at every draw of the targets' speakers."""
    by_task: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        by_task.setdefault((run["source"], run["target"]), []).append(run["speakers"])
    resampled = []
    for (_, target), speakers in by_task.items():
        names = sorted({_person(name) for own in speakers for name in own})
        draws = speaker_draws(target, len(names))
        # Each run by itself: draws of a condition need not have the same emotions.
        by_run = [
            resampled_uar(_by_person(own, names, "hits"), _by_person(own, names, "counts"), draws)
            for own in speakers
        ]
        resampled.append(np.mean(by_run, axis=0))
    return np.asarray(100 * np.mean(resampled, axis=0), dtype=np.float64)


def _by_person(speakers: dict[str, Any], names: list[str], key: str) -> npt.NDArray[np.float64]:
    """Hits or counts of each speaker by emotion; those of all callers that moody ones make of her are hers."""
    n_emotions = len(next(iter(speakers.values()))[key])
    sums = np.zeros((len(names), n_emotions))
    for name, own in speakers.items():
        sums[names.index(_person(name))] += own[key]
    return sums


def _person(name: str) -> str:
    return name.partition("/")[0]
