"""Figures of a benchmark. Sizes are in inches; a page shows 100 pixels per inch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from didan.report.comparisons import Comparison, against
from didan.report.label_free import criterion_values
from didan.report.results import PROPOSED, Benchmark, MethodResult
from didan.selection import CRITERIA

WIDTH = 11.5
_STRONG, _PLAIN, _FAINT = "#b2182b", "#2b5c8a", "#9aa5b1"
_SIZE = 9


def plot_differences(benchmark: Benchmark, features: str, reference: str | None) -> Figure | None:
    """Forest plot: UAR minus that of a reference with its interval, for the mean over tasks and each task.

    Filled points differ by the test at 5 %, adjusted within their panel. None where there is nothing to compare.
    """
    if reference is None:
        return None
    whole = {m for m in benchmark.contenders(features) if benchmark.on_all_tasks(features, m)}
    panels = {
        "mean over tasks": [
            comparison
            for comparison in against(benchmark, features, reference)
            if {comparison.method, comparison.reference} <= whole
        ]
    }
    panels |= {task: against(benchmark, features, reference, task) for task in benchmark.tasks}
    panels = {title: comparisons for title, comparisons in panels.items() if comparisons}
    if len(benchmark.tasks) == 1:
        panels.pop("mean over tasks", None)
    if not panels:
        return None
    mean = {c.method: c.difference for c in next(iter(panels.values()))}
    methods = sorted(
        {c.method for comparisons in panels.values() for c in comparisons}, key=lambda m: (mean.get(m, -np.inf), m)
    )
    columns = min(len(panels), 7)
    rows = -(-len(panels) // columns)
    figure = Figure(
        figsize=(min(WIDTH, 4.0 + 2.2 * (columns - 1)), rows * (1.1 + 0.21 * len(methods))), layout="constrained"
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, (title, comparisons) in zip(grid.flat, panels.items(), strict=False):
        _forest(axes, comparisons, methods)
        axes.set_title(_broken(title), fontsize=_SIZE)
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    for row in grid:
        row[0].set_yticks(range(len(methods)), methods, fontsize=_SIZE)
        for label, method in zip(row[0].get_yticklabels(), methods, strict=True):
            label.set_fontweight("bold" if method == PROPOSED else "normal")
    figure.supxlabel(f"UAR minus that of {reference}, in points", fontsize=_SIZE)
    return figure


def _forest(axes: Axes, comparisons: Sequence[Comparison], methods: Sequence[str]) -> None:
    axes.axvline(0, color="black", linewidth=0.8)
    for comparison in comparisons:
        y, colour = methods.index(comparison.method), _STRONG if comparison.method == PROPOSED else _PLAIN
        if comparison.interval is not None:
            axes.hlines(y, 100 * comparison.interval[0], 100 * comparison.interval[1], color=colour, linewidth=1.3)
        fill = colour if comparison.significant else "white"
        axes.plot(100 * comparison.difference, y, "o", color=colour, markerfacecolor=fill, markersize=4.5)
    axes.set_ylim(-0.7, len(methods) - 0.3)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="both", color="#e3e6ea", linewidth=0.6)
    axes.set_axisbelow(True)
    seaborn.despine(ax=axes, left=True)


def plot_confusions(results: Sequence[Sequence[MethodResult]]) -> Figure:
    """Confusion matrices in percent of the true emotion, all seeds together: a row per method, a column per task.

    Args:
        results: by method, the same tasks for each.
    """
    n_columns = max(map(len, results))
    figure = Figure(figsize=(0.5 + 2.0 * n_columns, 0.3 + 2.15 * len(results)), layout="constrained")
    grid = figure.subplots(len(results), n_columns, squeeze=False)
    for row, of_method in zip(grid, results, strict=True):
        for axes, result in zip(row, of_method, strict=True):
            _confusion(axes, result)
            axes.tick_params(axis="x", labelbottom=of_method is results[-1])
        row[0].set_ylabel(f"{of_method[0].method}\ntrue emotion", fontsize=_SIZE)
    for axes, result in zip(grid[0], results[0], strict=True):
        axes.set_title(f"{_broken(result.task)}\n{axes.get_title()}", fontsize=_SIZE)
    figure.supxlabel("recognised as", fontsize=_SIZE)
    return figure


def _confusion(axes: Axes, result: MethodResult) -> None:
    emotions = result.runs[0]["emotions"]
    counts = np.sum([run["confusion"] for run in result.runs], axis=0)
    short = [emotion[:3] for emotion in emotions]
    seaborn.heatmap(
        100 * counts / counts.sum(axis=1, keepdims=True).clip(min=1),
        annot=True,
        fmt=".0f",
        vmin=0,
        vmax=100,
        cmap="Blues",
        square=True,
        cbar=False,
        xticklabels=short,
        yticklabels=short,
        annot_kws={"size": 7},
        ax=axes,
    )
    axes.tick_params(labelsize=7, length=0, pad=1)
    axes.tick_params(axis="x", rotation=90)
    axes.tick_params(axis="y", rotation=0)
    axes.set_title(f"UAR {100 * result.uar:.1f}", fontsize=_SIZE)


def plot_domain(frame: pd.DataFrame, methods: Sequence[str], tasks: Sequence[str]) -> Figure:
    """Proxy A-distance between source and target: a point per task, a bar for the mean.

    Args:
        frame: rows of :func:`didan.report.dataframes.domain_frame` with the same features.
        methods: in the order of the rows, from above.
        tasks: in the order of the colours.
    """
    figure = Figure(figsize=(7.5, 1.0 + max(0.22 * len(methods), 0.22 * len(tasks))), layout="constrained")
    axes = figure.subplots()
    for colour, task in zip(_palette(len(tasks)), tasks, strict=True):
        part = frame[frame["task"] == task]
        axes.plot(
            part["a_distance"],
            [methods.index(m) for m in part["method"]],
            "o",
            color=colour,
            markersize=4,
            label=task,
        )
    for y, method in enumerate(methods):
        mean = frame.loc[frame["method"] == method, "a_distance"].mean()
        axes.vlines(mean, y - 0.35, y + 0.35, color="black", linewidth=1.6, label="mean" if y == 0 else "_")
    axes.set_yticks(range(len(methods)), methods, fontsize=_SIZE)
    axes.set(ylim=(len(methods) - 0.4, -0.6))
    axes.set_xlabel(
        "proxy A-distance (0: the probe cannot tell source from target, 2: it always can)", fontsize=_SIZE
    )
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(color="#e3e6ea", linewidth=0.6)
    axes.set_axisbelow(True)
    seaborn.despine(ax=axes)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def plot_maps(results: Sequence[MethodResult]) -> Figure | None:
    """Embeddings in two dimensions, coloured by corpus above and by emotion below; a column per method.

    Args:
        results: of one task; the first run that has a map is drawn, results without one are left out.
    """
    maps = {r.method: next((run["map"] for run in r.runs if run.get("map")), None) for r in results}
    drawn = {method: points for method, points in maps.items() if points}
    if not drawn:
        return None
    emotions = sorted({emotion for points in drawn.values() for emotion in points["emotion"]})
    colours = dict(zip(emotions, _palette(len(emotions)), strict=True))
    domains = {"source": _STRONG, "target": _PLAIN}
    figure = Figure(figsize=(1.3 + 2.0 * len(drawn), 4.3), layout="constrained")
    grid = figure.subplots(2, len(drawn), squeeze=False)
    # Neither corpus should hide the other, so points are drawn in a mixed order.
    for column, (method, points) in zip(grid.T, drawn.items(), strict=True):
        order = np.random.default_rng(0).permutation(len(points["x"]))
        x, y = np.asarray(points["x"])[order], np.asarray(points["y"])[order]
        for axes, key, palette in zip(column, ("domain", "emotion"), (domains, colours), strict=True):
            axes.scatter(x, y, s=8, linewidths=0, alpha=0.85, c=[palette[points[key][index]] for index in order])
            axes.set(xticks=[], yticks=[])
        column[0].set_title(method, fontsize=_SIZE)
    for axes, palette, title in zip(grid[:, -1], (domains, colours), ("corpus", "emotion"), strict=True):
        for name, colour in palette.items():
            axes.scatter([], [], s=16, color=[colour], label=name)
        axes.legend(
            title=title, loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, title_fontsize=8, frameon=False
        )
    return figure


def plot_curves(benchmark: Benchmark, features: str, column: str) -> Figure | None:
    """A training curve: a panel per method, a line per task, means over seeds and stretches of steps.

    Scales differ between panels, since the alignment terms of two methods are not in the same unit.
    """
    lines = {
        method: {t: line for t, result in by_task.items() if (line := _mean_curve(result, column)) is not None}
        for method, by_task in benchmark.results[features].items()
    }
    lines = {method: by_task for method, by_task in lines.items() if by_task}
    if not lines:
        return None
    columns = min(len(lines), 5)
    rows = -(-len(lines) // columns)
    figure = Figure(figsize=(2.6 + 1.8 * columns, 0.5 + 1.5 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    colours = dict(zip(benchmark.tasks, _palette(len(benchmark.tasks)), strict=True))
    for axes, (method, by_task) in zip(grid.flat, lines.items(), strict=False):
        for task, (steps, values) in by_task.items():
            axes.plot(steps, values, color=colours[task], linewidth=1.1)
        axes.set_title(method, fontsize=_SIZE)
        axes.tick_params(labelsize=7)
        axes.margins(x=0)
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        seaborn.despine(ax=axes)
    for axes in grid.flat[len(lines) :]:
        axes.set_axis_off()
    handles = [grid[0, 0].plot([], [], color=colour, label=task)[0] for task, colour in colours.items()]
    figure.legend(handles=handles, loc="outside right upper", fontsize=8, frameon=False)
    figure.supxlabel("step", fontsize=_SIZE)
    return figure


def _mean_curve(result: MethodResult, column: str) -> tuple[list[float], list[float]] | None:
    curves = [run["curves"] for run in result.runs if run["curves"].get(column)]
    if not curves:
        return None
    rows = pd.concat([pd.DataFrame({"step": c["step"], "value": c[column]}, dtype=float) for c in curves])
    # Single steps are too noisy to read: some 40 stretches.
    stretch = max(int(rows["step"].max()) // 40, 1)
    means = rows.groupby((rows["step"] - 1) // stretch).mean()
    return list(means["step"]), list(means["value"])


def plot_criteria(benchmark: Benchmark, features: str) -> Figure | None:
    """Label-free criteria against UAR: a panel each, a point per method, a colour per task."""
    frames = {task: criterion_values(benchmark, features, task) for task in benchmark.tasks}
    known = [name for name in CRITERIA if any(frame[name].notna().any() for frame in frames.values())]
    if not known:
        return None
    columns = min(len(known), 4)
    rows = -(-len(known) // columns)
    figure = Figure(figsize=(2.6 + 2.1 * columns, 0.4 + 2.1 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, name in zip(grid.flat, known, strict=False):
        for colour, (task, frame) in zip(_palette(len(frames)), frames.items(), strict=True):
            label = task if axes is grid[0, 0] else None
            axes.plot(frame[name], frame["uar"], "o", color=colour, markersize=3.5, alpha=0.8, label=label)
        axes.set_title(name.replace("-", " "), fontsize=_SIZE)
        axes.set_xlabel(f"{'greater' if CRITERIA[name].greater_is_better else 'less'} is better", fontsize=8)
        axes.tick_params(labelsize=7)
        seaborn.despine(ax=axes)
    for axes in grid.flat[len(known) :]:
        axes.set_axis_off()
    figure.supylabel("UAR on the target in %", fontsize=_SIZE)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def _palette(n: int) -> list[tuple[float, float, float]]:
    return list(seaborn.color_palette("colorblind" if n <= 10 else "husl", n))


def _broken(task: str) -> str:
    """A task in two lines where it is long."""
    return task.replace(" → ", "\n→ ") if len(task) > 16 else task
