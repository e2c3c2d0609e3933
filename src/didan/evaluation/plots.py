"""Plots of an evaluation and of a training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from didan.errors import UserError
from didan.files import written_whole


def plot_confusion(confusion: Sequence[Sequence[int]], emotions: Sequence[str], title: str = "") -> Figure:
    """A confusion matrix: colours are shares of the true emotion, numbers in brackets are utterances.

    Args:
        confusion: counts, true emotion by row.
        emotions: names of rows and columns.
        title: above the plot.
    """
    counts = np.array(confusion)
    shares = counts / counts.sum(axis=1, keepdims=True).clip(min=1)
    text = [
        [f"{100 * s:.0f} %\n({n})" for s, n in zip(*row, strict=True)] for row in zip(shares, counts, strict=True)
    ]
    size = 2.2 + 0.85 * len(emotions)
    figure = Figure(figsize=(size + 0.6, size), layout="constrained")
    axes = figure.subplots()
    seaborn.heatmap(
        100 * shares,
        annot=np.array(text),
        fmt="",
        vmin=0,
        vmax=100,
        cmap="Blues",
        square=True,
        linewidths=0.5,
        xticklabels=list(emotions),
        yticklabels=list(emotions),
        annot_kws={"size": 10},
        cbar_kws={"label": "% of the true emotion", "shrink": 0.8},
        ax=axes,
    )
    axes.set(xlabel="recognised as", ylabel="true emotion", title=title)
    axes.tick_params(axis="x", rotation=45)
    axes.tick_params(axis="y", rotation=0)
    return figure


def plot_families(families: pd.DataFrame, title: str = "") -> Figure:
    """Families of acoustic parameters: the weight of each, and how far two corpora are apart in it.

    Args:
        families: from :func:`didan.inference.parameters.by_family`.
        title: above the plot.
    """
    figure = Figure(figsize=(7.5, 1.2 + 0.35 * len(families)), layout="constrained")
    figure.suptitle(title)
    weight, distance = figure.subplots(1, 2, sharey=True)
    names = [f"{row.family} ({row.kept} of {row.parameters})" for row in families.itertuples()]
    weight.barh(names, 100 * families["weight"], color="tab:blue")
    weight.set(xlabel="% of the weight")
    distance.barh(names, families["distance"], color="tab:orange")
    distance.set(xlabel="distance of the corpora\n(deviations)")
    weight.invert_yaxis()
    return figure


def plot_history(histories: Mapping[str, Sequence[pd.DataFrame]], columns: dict[str, str]) -> Figure:
    """Training curves, one panel per column of the history: a line per name, a band over its runs.

    Args:
        histories: by name, the history of each run.
        columns: column of the history to title of its panel; runs without the column are left out.
    """
    figure = Figure(figsize=(4.2 * len(columns), 3.2), layout="constrained")
    for axes, (column, title) in zip(
        np.atleast_1d(figure.subplots(1, len(columns))), columns.items(), strict=True
    ):
        parts = [
            run[["step", column]].assign(method=name)
            for name, runs in histories.items()
            for run in runs
            if column in run
        ]
        # Ten-step means: single steps are too noisy to read.
        rows = pd.concat(parts, ignore_index=True)
        rows["step"] = (rows["step"] - 1) // 10 * 10 + 10
        seaborn.lineplot(rows, x="step", y=column, hue="method", errorbar=("sd", 1), ax=axes)
        axes.set(title=title, xlabel="step", ylabel="")
        axes.get_legend().set_title("")
    return figure


def plot_format(file: Path) -> str:
    """``png``, ``pdf`` or ``svg``, by the suffix.

    Raises:
        UserError: an unknown suffix.
    """
    suffix = file.suffix.lower().removeprefix(".")
    if suffix not in ("png", "pdf", "svg"):
        raise UserError(f"cannot draw {file}: its name should end in .png, .pdf or .svg")
    return suffix


def save_plot(figure: Figure, file: Path) -> None:
    """Write a plot as PNG, PDF or SVG, by the suffix.

    Raises:
        UserError: an unknown suffix, or the file cannot be written.
    """
    suffix = plot_format(file)
    with written_whole(file) as partial:
        FigureCanvasAgg(figure).print_figure(partial, format=suffix, dpi=120)
