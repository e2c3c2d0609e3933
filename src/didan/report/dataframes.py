"""Tables of numbers, for files: results, distances between corpora, and costs.

UAR and recalls are in percent. The same records give the same bytes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from didan.evaluation.statistics import interval
from didan.report.results import Benchmark, Cell

MEAN = "mean over tasks"


def results_frame(benchmark: Benchmark) -> pd.DataFrame:
    """One row per features, method and task, and one for the mean over tasks."""
    rows = []
    for features in benchmark.features:
        for method, by_task in benchmark.cells[features].items():
            for task, cell in by_task.items():
                first = cell.runs[0]
                low, high = cell.interval
                rows.append(
                    {
                        **_who(features, method, benchmark),
                        "task": task,
                        "seeds": len(cell.runs),
                        "seeds_missing": cell.missing,
                        "uar": 100 * cell.uar,
                        "uar_sd": 100 * _deviation(list(cell.uars.values())),
                        "uar_low": 100 * low,
                        "uar_high": 100 * high,
                        "resampled": "speaker" if cell.resampled is not None else first["resampled"],
                        "war": 100 * cell.mean_of("war"),
                        "normalisation": first["normalisation"],
                        "chance": 100 / len(first["emotions"]),
                        "utterances": first["n"],
                        "speakers": first["n_speakers"],
                        "selection": "; ".join(sorted({run["selection"] for run in cell.runs})),
                        **{f"recall_{e}": 100 * cell.mean_of("recall", e) for e in first["emotions"]},
                    }
                )
            mean = _mean(benchmark.on_all_tasks(features, method))
            if mean:
                rows.append({**_who(features, method, benchmark), "task": MEAN, **mean})
    return pd.DataFrame(rows)


def domain_frame(benchmark: Benchmark) -> pd.DataFrame:
    """How well a probe tells source from target, per features, method and task: accuracy and proxy A-distance."""
    rows = [
        {
            **_who(features, method, benchmark),
            "task": task,
            "probe_accuracy": 100 * cell.mean_of("domain", "accuracy"),
            "a_distance": cell.mean_of("domain", "a_distance"),
        }
        for features in benchmark.features
        for method, by_task in benchmark.cells[features].items()
        for task, cell in by_task.items()
        if np.isfinite(cell.mean_of("domain", "accuracy"))
    ]
    columns = ["features", "method", "oracle", "task", "probe_accuracy", "a_distance"]
    return pd.DataFrame(rows, columns=columns)


def costs_frame(benchmark: Benchmark) -> pd.DataFrame:
    """Seconds and peak memory of a run per features and method: medians over all its runs.

    They differ from one repetition to the next, so they are kept apart from the results.
    """
    rows = []
    for features in benchmark.features:
        for method, by_task in benchmark.cells[features].items():
            costs = [run["cost"] for cell in by_task.values() for run in cell.runs if run.get("cost")]
            if costs:
                rows.append(
                    {
                        **_who(features, method, benchmark),
                        "runs": len(costs),
                        "seconds": float(np.median([cost["seconds"] for cost in costs])),
                        "peak_memory_mb": float(np.median([cost["peak_memory_mb"] for cost in costs])),
                    }
                )
    columns = ["features", "method", "oracle", "runs", "seconds", "peak_memory_mb"]
    return pd.DataFrame(rows, columns=columns)


def csv(frame: pd.DataFrame) -> str:
    """A table of numbers as CSV, with six digits."""
    return str(frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _who(features: str, method: str, benchmark: Benchmark) -> dict[str, str | bool]:
    return {
        "features": features,
        "method": method,
        "oracle": method in benchmark.oracles,
    }


def _mean(cells: Sequence[Cell]) -> dict[str, float | str]:
    """A method over all tasks, if it has them all: its spread is that of the means of the seeds."""
    if not cells:
        return {}
    found: dict[str, float | str] = {"uar": 100 * float(np.mean([cell.uar for cell in cells]))}
    found["seeds_missing"] = sum(cell.missing for cell in cells)
    if not found["seeds_missing"]:
        found["seeds"] = len(cells[0].runs)
        found["uar_sd"] = 100 * _deviation(np.mean([list(cell.uars.values()) for cell in cells], axis=0))
    resampled = [cell.resampled for cell in cells if cell.resampled is not None]
    if len(resampled) == len(cells):
        low, high = interval(np.mean(resampled, axis=0))
        found |= {"uar_low": 100 * low, "uar_high": 100 * high, "resampled": "speaker"}
    return found


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
