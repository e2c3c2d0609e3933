"""Tables of text, for people. The same records give the same text.

UAR is in percent. A mean over tasks is given only to methods that have all of them, so that means compare.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from didan.report.comparisons import Comparison, against
from didan.report.dataframes import MEAN, costs_frame, results_frame
from didan.report.results import Benchmark, task_name

NONE = "–"


def results_table(benchmark: Benchmark, features: str) -> pd.DataFrame:
    """UAR as text: a row per method, a column per task, the highest of a column in bold (``**``).

    A cell is ``mean ± SD over seeds [interval over speakers]``, marked † where seeds are missing and ‡ where
    speakers are unknown, so that the interval resamples utterances.
    """
    frame = results_frame(benchmark)
    frame = frame[frame["features"] == features]
    columns = [*benchmark.tasks, *([MEAN] if len(benchmark.tasks) > 1 else [])]
    table = pd.DataFrame(NONE, index=pd.Index(list(benchmark.cells[features]), name="UAR in %"), columns=columns)
    for column, part in frame[frame["task"].isin(columns)].groupby("task"):
        highest = part.loc[~part["oracle"], "uar"].max()
        for row in part.to_dict("records"):
            table.loc[row["method"], column] = _text(row, not row["oracle"] and row["uar"] == highest)
    chance = [_chance(benchmark, task) for task in benchmark.tasks]
    overall = [f"{np.mean([float(c) for c in chance]):.1f}"] if MEAN in columns else []
    table.loc["chance"] = [*chance, *overall]
    names = {m: f"{m} (oracle: trained on target labels)" for m in benchmark.oracles}
    return table.rename(index=names)


def recall_table(benchmark: Benchmark, features: str) -> pd.DataFrame:
    """Recall per emotion as text, in percent: mean over seeds, and over the tasks that have the emotion."""
    emotions = sorted({emotion for run in benchmark.records for emotion in run["emotions"]})
    rows = {}
    for method in benchmark.cells[features]:
        cells = benchmark.on_all_tasks(features, method)
        values = {e: [cell.mean_of("recall", e) for cell in cells] for e in emotions}
        rows[method] = [_number(100 * _mean_known(values[e])) for e in emotions]
    return _frame(rows, emotions, "recall in %")


def domain_table(benchmark: Benchmark, features: str) -> pd.DataFrame:
    """A-distance (accuracy of the probe in percent) as text: a row per method, a column per task."""
    rows = {}
    for method, by_task in benchmark.cells[features].items():
        values = [
            [by_task[task].mean_of("domain", key) if task in by_task else np.nan for task in benchmark.tasks]
            for key in ("a_distance", "accuracy")
        ]
        if np.isfinite(values).any():
            whole = [*zip(*values, strict=True), tuple(np.mean(values, axis=1))]
            rows[method] = [f"{d:.2f} ({100 * a:.0f} %)" if np.isfinite(d) else NONE for d, a in whole]
    return _frame(rows, [*benchmark.tasks, MEAN], "A-distance (accuracy)")


def costs_table(benchmark: Benchmark, features: str) -> pd.DataFrame:
    """Costs as text."""
    frame = costs_frame(benchmark)
    rows = {
        row["method"]: [f"{row['seconds']:.1f}", f"{row['peak_memory_mb']:.0f}", str(row["runs"])]
        for row in frame[frame["features"] == features].to_dict("records")
    }
    return _frame(rows, ["seconds", "peak memory in MB", "runs"], "method")


def comparison_table(comparisons: Sequence[Comparison]) -> pd.DataFrame:
    """Comparisons with one reference as text, differences in points of UAR."""
    rows = {}
    for found in comparisons:
        difference, _, bounds = _points(found).partition(" [")
        rows[found.method] = [
            difference,
            bounds.rstrip("]") or NONE,
            *(NONE if p is None else _p(p) for p in (found.p, found.p_holm)),
            f"{found.n_better} of {found.n_tasks}",
            str(found.n_speakers or "unknown"),
        ]
    columns = ["points of UAR", "95 % interval", "p", "p (Holm)", "better on tasks", "speakers"]
    return _frame(rows, columns, "method")


def per_task_table(benchmark: Benchmark, features: str, reference: str) -> pd.DataFrame:
    """Every method less the reference on every task, as text: points, interval, and p adjusted within the task."""
    table = pd.DataFrame(
        NONE,
        index=pd.Index([m for m in benchmark.contenders(features) if m != reference], name="points of UAR"),
        columns=list(benchmark.tasks),
    )
    for task in benchmark.tasks:
        for found in against(benchmark, features, reference, task):
            p = "" if found.p_holm is None else f" p = {_p(found.p_holm)}".replace("= <", "<")
            text = _points(found) + p
            table.loc[found.method, task] = f"**{text.replace(' [', '** [', 1)}" if found.significant else text
    return table


def summary(comparisons: Sequence[Comparison]) -> str:
    """In a sentence, which methods differ from their reference beyond chance."""
    if not comparisons:
        return ""
    reference = comparisons[0].reference
    if all(found.p_holm is None for found in comparisons):
        return f"Speakers are unknown, so differences from {reference} are not tested."
    above, below = (
        ", ".join(found.method for found in comparisons if found.significant and sign * found.difference > 0)
        for sign in (1, -1)
    )
    plural = "s" if len(comparisons) > 1 else ""
    return (
        f"Over all tasks, at 5 % after adjusting for {len(comparisons)} comparison{plural} (Holm): "
        f"{above or 'none'} above {reference}; {below or 'none'} below {reference}."
    )


def selections(benchmark: Benchmark) -> str:
    """How models and settings were chosen, for titles; several ways are all named."""
    contenders = [run for run in benchmark.records if not run["oracle"]] or benchmark.records
    return " / ".join(sorted({run["selection"] for run in contenders}))


def markdown(table: pd.DataFrame) -> str:
    """A table of text as Markdown.

    >>> print(markdown(pd.DataFrame({"a": ["1|2"]}, index=pd.Index(["x"], name="row"))))
    | row | a |
    |---|---|
    | x | 1\\|2 |
    """
    lines = [[str(table.index.name), *map(str, table.columns)], ["---"] * (len(table.columns) + 1)]
    lines += [[str(index), *map(str, row)] for index, row in zip(table.index, table.to_numpy(), strict=True)]
    joined = [[entry.replace("|", "\\|") for entry in line] for line in lines]
    return "\n".join(f"|{'|'.join(line)}|" if line[0] == "---" else f"| {' | '.join(line)} |" for line in joined)


def _text(row: Mapping[Hashable, Any], bold: bool) -> str:
    value = f"**{row['uar']:.1f}**" if bold else f"{row['uar']:.1f}"
    spread = f" ± {row['uar_sd']:.1f}" if np.isfinite(row["uar_sd"]) else ""
    bounds = f" [{row['uar_low']:.1f}, {row['uar_high']:.1f}]" if np.isfinite(row["uar_low"]) else ""
    return f"{value}{spread}{bounds}{'†' * (row['seeds_missing'] > 0)}{'‡' * (row['resampled'] == 'utterance')}"


def _chance(benchmark: Benchmark, task: str) -> str:
    (n_emotions, *_) = sorted({len(run["emotions"]) for run in benchmark.records if task_name(run) == task})
    return f"{100 / n_emotions:.1f}"


def _mean_known(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _number(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else NONE


def _points(found: Comparison) -> str:
    low, high = found.interval or (None, None)
    bounds = "" if low is None or high is None else f" [{_signed(low)}, {_signed(high)}]"
    return f"{_signed(found.difference)}{bounds}"


def _signed(share: float) -> str:
    text = f"{100 * share:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _frame(rows: dict[str, list[str]], columns: Sequence[str], name: str) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))
    return table.rename_axis(name)
