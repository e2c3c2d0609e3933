"""Tables of text, for people. The same records give the same text.

UAR is in percent. A mean over tasks is given only to methods that have all of them, so that means compare.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from didan.metrics import chance
from didan.records import Record
from didan.report.comparisons import Comparison, against
from didan.report.dataframes import MEAN, costs_frame, results_frame
from didan.report.results import Benchmark, settings_of, task_name

NONE = "–"


def results_table(benchmark: Benchmark, features: str) -> pd.DataFrame:
    """UAR as text: a row per method, a column per task, the highest of a column in bold (``**``).

    A cell is ``mean ± SD over seeds [interval over speakers]``, marked † where seeds are missing and ‡ where
    speakers are unknown, so that the interval resamples utterances.
    """
    frame = results_frame(benchmark)
    frame = frame[frame["features"] == features]
    columns = [*benchmark.tasks, *([MEAN] if len(benchmark.tasks) > 1 else [])]
    table = pd.DataFrame(NONE, index=pd.Index(list(benchmark.results[features]), name="UAR in %"), columns=columns)
    for column, part in frame[frame["task"].isin(columns)].groupby("task"):
        highest = part.loc[~part["oracle"], "uar"].max()
        for row in part.to_dict("records"):
            table.loc[row["method"], column] = _text(row, not row["oracle"] and row["uar"] == highest)
    guessing = [_chance(benchmark, task) for task in benchmark.tasks]
    overall = [f"{np.mean([float(c) for c in guessing]):.1f}"] if MEAN in columns else []
    table.loc["chance"] = [*guessing, *overall]
    names = {m: f"{m} (oracle: trained on target labels)" for m in benchmark.oracles}
    return table.rename(index=names)


def legend(table: pd.DataFrame) -> list[str]:
    """The legend of a table of results: explanations of the marks that occur in its text."""
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


def tasks_table(benchmark: Benchmark) -> pd.DataFrame:
    """The tasks as text: emotions, utterances and speakers of the target, and what source and target share."""
    rows = {}
    for task in benchmark.tasks:
        run = next(run for run in benchmark.records if task_name(run) == task)
        leakage = run.get("leakage") or {}
        rows[task] = [
            ", ".join(run["emotions"]),
            str(run["n"]),
            "unknown" if run["n_speakers"] is None else str(run["n_speakers"]),
            _chance(benchmark, task),
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
    return _frame(rows, columns, "task")


def methods_table(benchmark: Benchmark, summaries: Mapping[str, str]) -> pd.DataFrame:
    """The methods as text.

    Args:
        benchmark: the runs.
        summaries: a line for each method; a variant has that of its method (``base`` of the record).
    """
    rows: dict[str, list[str]] = {}
    for method in dict.fromkeys(
        method for features in benchmark.features for method in benchmark.results[features]
    ):
        runs = [run for run in benchmark.records if run["method"] == method]
        base = str(runs[0].get("base", method))
        summary = summaries.get(base, "") + _self_training(runs[0])
        summary += f" (variant of {base})" if base != method else ""
        rows[method] = [
            "oracle: trained on target labels, an upper bound" if method in benchmark.oracles else summary,
            ", ".join(sorted({run["features"] for run in runs})),
            ", ".join(sorted({run["normalisation"] for run in runs})),
            str(len({run["seed"] for run in runs})),
        ]
    columns = ["what it does", "features", "normalised by", "seeds"]
    return _frame(rows, columns, "method")


def _self_training(run: Record) -> str:
    settings = settings_of(run).get("pseudo_labels")  # older records have none
    return f", with {settings['kind']} pseudo-labels" if settings and settings["weight"] > 0 else ""


def recall_table(benchmark: Benchmark, features: str) -> pd.DataFrame:
    """Recall per emotion as text, in percent: mean over seeds, and over the tasks that have the emotion."""
    emotions = sorted({emotion for run in benchmark.records for emotion in run["emotions"]})
    rows = {}
    for method in benchmark.results[features]:
        results = benchmark.on_all_tasks(features, method)
        values = {e: [result.mean_of("recall", e) for result in results] for e in emotions}
        rows[method] = [_number(100 * _mean_known(values[e])) for e in emotions]
    return _frame(rows, emotions, "recall in %")


def domain_table(benchmark: Benchmark, features: str) -> pd.DataFrame:
    """A-distance (accuracy of the probe in percent) as text: a row per method, a column per task."""
    rows = {}
    for method, by_task in benchmark.results[features].items():
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
    for comparison in comparisons:
        difference, _, bounds = _points(comparison).partition(" [")
        rows[comparison.method] = [
            difference,
            bounds.rstrip("]") or NONE,
            *(NONE if p is None else _p(p) for p in (comparison.p, comparison.p_holm)),
            f"{comparison.n_better} of {comparison.n_tasks}",
            str(comparison.n_speakers or "unknown"),
        ]
    columns = ["points of UAR", "95 % interval", "p", "p (Holm)", "better on tasks", "speakers"]
    return _frame(rows, columns, "method")


def per_task_table(benchmark: Benchmark, features: str, reference: str) -> pd.DataFrame:
    """Every method minus the reference on every task, as text: points, interval, p adjusted within the task."""
    table = pd.DataFrame(
        NONE,
        index=pd.Index([m for m in benchmark.contenders(features) if m != reference], name="points of UAR"),
        columns=list(benchmark.tasks),
    )
    for task in benchmark.tasks:
        for comparison in against(benchmark, features, reference, task):
            p = "" if comparison.p_holm is None else f" p = {_p(comparison.p_holm)}".replace("= <", "<")
            text = _points(comparison) + p
            if comparison.significant:
                text = f"**{text.replace(' [', '** [', 1)}"
            table.loc[comparison.method, task] = text
    return table


def summary(comparisons: Sequence[Comparison]) -> str:
    """A sentence that names the methods that differ from their reference beyond chance."""
    if not comparisons:
        return ""
    reference = comparisons[0].reference
    if all(comparison.p_holm is None for comparison in comparisons):
        return f"Speakers are unknown, so differences from {reference} are not tested."
    above, below = (
        ", ".join(c.method for c in comparisons if c.significant and sign * c.difference > 0) for sign in (1, -1)
    )
    plural = "s" if len(comparisons) > 1 else ""
    return (
        f"Over all tasks, at 5 % after adjusting for {len(comparisons)} comparison{plural} (Holm): "
        f"{above or 'none'} above {reference}; {below or 'none'} below {reference}."
    )


def selections(benchmark: Benchmark) -> str:
    """How models and settings were chosen, for titles; all ways, if there are several."""
    contenders = [run for run in benchmark.records if not run["oracle"]] or benchmark.records
    ways = {run["selection"] for run in contenders}
    return " / ".join(sorted(way for way in ways if not any(way in other for other in ways - {way})))


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
    recall = next(run["recall"] for run in benchmark.records if task_name(run) == task)
    return f"{100 * chance(recall.values()):.1f}"


def _mean_known(values: Sequence[float]) -> float:
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _count(entry: Any) -> str:
    """A number, where a record may list items or count them."""
    return NONE if entry is None else str(len(entry) if isinstance(entry, list) else entry)


def _number(value: float) -> str:
    return f"{value:.1f}" if np.isfinite(value) else NONE


def _points(comparison: Comparison) -> str:
    bounds = " [{}, {}]".format(*map(_signed, comparison.interval)) if comparison.interval else ""
    return f"{_signed(comparison.difference)}{bounds}"


def _signed(difference: float) -> str:
    text = f"{100 * difference:+.1f}"
    return "0.0" if text in ("+0.0", "-0.0") else text.replace("-", "−")


def _p(p: float) -> str:
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _frame(rows: dict[str, list[str]], columns: Sequence[str], name: str) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(rows, orient="index", columns=list(columns))
    return table.rename_axis(name)
