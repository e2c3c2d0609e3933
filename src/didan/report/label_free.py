"""Selecting a method without target labels: how well each criterion agrees with UAR, and the UAR of its choice."""

import numpy as np
import pandas as pd

from didan.report.results import PROPOSED, Benchmark
from didan.selection import CRITERIA, rank_agreement, select

_COLUMNS = "features task criterion methods spearman selected uar_selected best uar_best uar_mean uar_didan"

_FEWEST = 3
"""Candidates: the ranks of two only agree or disagree."""


def criterion_values(benchmark: Benchmark, features: str, task: str) -> pd.DataFrame:
    """A row per candidate method, a column per criterion, and ``uar``; means over seeds.

    Candidates are the methods for which any criterion has a value, without those trained on target labels.
    """
    rows = {
        method: {name: result.mean_of("label_free", name) for name in CRITERIA} | {"uar": 100 * result.uar}
        for method in benchmark.contenders(features)
        if (result := benchmark.results[features][method].get(task))
    }
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=[*CRITERIA, "uar"], dtype=float)
    return frame[frame[list(CRITERIA)].notna().any(axis=1)]


def selection_frame(benchmark: Benchmark) -> pd.DataFrame:
    """Per features, task and criterion: rank agreement with UAR over the candidates, and the UAR of its choice.

    Beside its choice are, for comparison: the best candidate, which only target labels can tell; the mean of the
    candidates, which a random choice gives; and DIDAN throughout.
    """
    rows = []
    for features in benchmark.features:
        for task in benchmark.tasks:
            frame = criterion_values(benchmark, features, task)
            uars = frame["uar"]
            for name, criterion in CRITERIA.items():
                if frame[name].notna().sum() < _FEWEST:
                    continue
                agreement = rank_agreement(frame[name], uars, criterion.greater_is_better)
                selected = select(dict(frame[name]), name)
                rows.append(
                    {
                        "features": features,
                        "task": task,
                        "criterion": name,
                        "methods": agreement.n,
                        "spearman": agreement.spearman,
                        "selected": selected,
                        "uar_selected": uars[selected],
                        "best": uars.idxmax(),
                        "uar_best": uars.max(),
                        "uar_mean": uars.mean(),
                        "uar_didan": uars.get(PROPOSED, np.nan),
                    }
                )
    return pd.DataFrame(rows, columns=_COLUMNS.split())


def selection_table(frame: pd.DataFrame, features: str, n_tasks: int) -> pd.DataFrame:
    """Criteria as text, by mean rank agreement; only those with a value on every task, so that means compare.

    Args:
        frame: of :func:`selection_frame`.
        features: input of the methods.
        n_tasks: number of tasks of the benchmark.
    """
    part = frame[frame["features"] == features]
    rows = {}
    for criterion, tasks in part.groupby("criterion"):
        if len(tasks) == n_tasks:
            known = tasks["spearman"].dropna()
            rows[criterion] = [
                known.mean() if len(known) else np.nan,
                *(tasks[c].mean() for c in ("uar_selected", "uar_best", "uar_mean", "uar_didan")),
            ]
    names = ["rank agreement (Spearman)", "UAR of its choice", "of the best", "of the mean", f"of {PROPOSED}"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=names).rename_axis("criterion")
    table = table.sort_values(names[0], ascending=False, kind="stable", na_position="last")
    return pd.DataFrame(
        {name: [f"{value:{'+.2f' if name == names[0] else '.1f'}}" for value in table[name]] for name in names},
        index=table.index,
    ).replace({r"^\+?nan$": "–", r"^-": "−"}, regex=True)
