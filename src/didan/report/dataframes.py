"""Tables of numbers, for files: results, distances between corpora, and costs.

UAR and recalls are in percent. The same records give the same bytes.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from didan.metrics import chance, interval
from didan.report.results import Benchmark, MethodResult

MEAN = "mean over tasks"


def results_frame(benchmark: Benchmark) -> pd.DataFrame:
    """One row per features, method and task, and one for the mean over tasks."""
    rows = []
    for features in benchmark.features:
        for method, by_task in benchmark.results[features].items():
            for task, result in by_task.items():
                first = result.runs[0]
                low, high = result.interval
                rows.append(
                    {
                        **_identity(features, method, benchmark),
                        "task": task,
                        "seeds": len(result.runs),
                        "seeds_missing": result.missing,
                        "uar": 100 * result.uar,
                        "uar_sd": 100 * _std(list(result.uars.values())),
                        "uar_low": 100 * low,
                        "uar_high": 100 * high,
                        "resampled": "speaker" if result.resampled is not None else first["resampled"],
                        "war": 100 * result.mean_of("war"),
                        "normalisation": first["normalisation"],
                        "chance": 100 * chance(first["recall"].values()),
                        "utterances": first["n"],
                        "speakers": first["n_speakers"],
                        "selection": "; ".join(sorted({run["selection"] for run in result.runs})),
                        **{f"recall_{e}": 100 * result.mean_of("recall", e) for e in first["emotions"]},
                    }
                )
            mean = _mean(benchmark.on_all_tasks(features, method))
            if mean:
                rows.append({**_identity(features, method, benchmark), "task": MEAN, **mean})
    return pd.DataFrame(rows)


def domain_frame(benchmark: Benchmark) -> pd.DataFrame:
    """Accuracy of a probe for the domain, and proxy A-distance, per features, method and task."""
    rows = [
        {
            **_identity(features, method, benchmark),
            "task": task,
            "probe_accuracy": 100 * result.mean_of("domain", "accuracy"),
            "a_distance": result.mean_of("domain", "a_distance"),
        }
        for features in benchmark.features
        for method, by_task in benchmark.results[features].items()
        for task, result in by_task.items()
        if np.isfinite(result.mean_of("domain", "accuracy"))
    ]
    columns = ["features", "method", "oracle", "task", "probe_accuracy", "a_distance"]
    return pd.DataFrame(rows, columns=columns)


def costs_frame(benchmark: Benchmark) -> pd.DataFrame:
    """Seconds and peak memory of a run per features and method: medians over all its runs.

    They differ from one repetition to the next, so they are kept apart from the results.
    """
    rows = []
    for features in benchmark.features:
        for method, by_task in benchmark.results[features].items():
            costs = [run["cost"] for result in by_task.values() for run in result.runs if run.get("cost")]
            if costs:
                rows.append(
                    {
                        **_identity(features, method, benchmark),
                        "runs": len(costs),
                        "seconds": float(np.median([cost["seconds"] for cost in costs])),
                        "peak_memory_mb": float(np.median([cost["peak_memory_mb"] or np.nan for cost in costs])),
                    }
                )
    columns = ["features", "method", "oracle", "runs", "seconds", "peak_memory_mb"]
    return pd.DataFrame(rows, columns=columns)


def csv(frame: pd.DataFrame) -> str:
    """A table of numbers as CSV, with six digits."""
    return str(frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))


def _identity(features: str, method: str, benchmark: Benchmark) -> dict[str, str | bool]:
    return {
        "features": features,
        "method": method,
        "oracle": method in benchmark.oracles,
    }


def _mean(results: Sequence[MethodResult]) -> dict[str, float | str]:
    """A method over all tasks, if it has them all: its spread is that of the means of the seeds."""
    if not results:
        return {}
    mean: dict[str, float | str] = {"uar": 100 * float(np.mean([result.uar for result in results]))}
    mean["seeds_missing"] = sum(result.missing for result in results)
    if not mean["seeds_missing"]:
        mean["seeds"] = len(results[0].runs)
        mean["uar_sd"] = 100 * _std(np.mean([list(result.uars.values()) for result in results], axis=0))
    resampled = [result.resampled for result in results if result.resampled is not None]
    if len(resampled) == len(results):
        low, high = interval(np.mean(resampled, axis=0))
        mean |= {"uar_low": 100 * low, "uar_high": 100 * high, "resampled": "speaker"}
    return mean


def _std(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
