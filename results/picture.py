"""The picture of the README: UAR without and with adaptation by condition, from the records."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
import seaborn
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from results.conditions import complete
from results.runs import chance, lines_of

METHODS = ("source-only", "didan")
NAMES = {
    "even": "even",
    "half": "half neutral",
    "mostly": "mostly neutral",
    "missing": "missing emotions",
    "moody": "moody callers",
    "telephone": "telephone",
    "few-200": "few: 200",
    "few-60": "few: 60",
    "few-20": "few: 20",
}
GROUPS = {"speaker": "speakers known", "none": "speakers unknown"}


def picture(records: Path) -> Figure:
    """A line for every condition and group, from the UAR without adaptation to that with it.

    Args:
        records: of ``benchmarks.targets``.
    """
    cells = complete(lines_of(records), METHODS)
    conditions = [condition for condition in NAMES if any(cell[0] == condition for cell in cells)]
    figure = Figure(figsize=(8, 0.38 * len(conditions) + 1.1), layout="constrained")
    axes = figure.subplots()
    colours = dict(zip(GROUPS, seaborn.color_palette("colorblind", 2), strict=True))
    for row, condition in enumerate(conditions):
        at_random = chance([run for cell in cells if cell[0] == condition for run in cells[cell][METHODS[0]]])
        axes.vlines(at_random, row - 0.5, row + 0.5, color="0.5", linestyle=":")
        for offset, group in ((-0.16, "speaker"), (0.16, "none")):
            own = [runs for cell, runs in cells.items() if cell[:2] == (condition, group)]
            if not own:
                continue
            before, after = (100 * np.mean([run["uar"] for runs in own for run in runs[m]]) for m in METHODS)
            arrow = {"arrowstyle": "-|>", "color": colours[group], "linewidth": 2, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", (after, row + offset), (before, row + offset), arrowprops=arrow)
            axes.plot(before, row + offset, "|", color=colours[group], markersize=8, markeredgewidth=2)
            end = (max(before, after), row + offset)
            axes.annotate(f"{after:.1f}", end, (6, 0), textcoords="offset points", va="center", fontsize=7)
    axes.set_yticks(range(len(conditions)), [NAMES[condition] for condition in conditions])
    axes.annotate("chance", (at_random, row), (4, 0), textcoords="offset points", va="center", fontsize=7)
    axes.set(xlim=(15, 57), ylim=(len(conditions) - 0.5, -0.5), xlabel="UAR in %, from source-only to DIDAN")
    axes.grid(axis="x", alpha=0.3)
    handles = [Line2D([], [], color=colours[group], linewidth=2) for group in GROUPS]
    figure.legend(handles, list(GROUPS.values()), frameon=False, loc="outside upper center", ncols=2)
    seaborn.despine(fig=figure, left=True)
    return figure


def draw(records: Path, file: Path) -> None:
    """Write the picture, the same to the last bit for the same records."""
    with mpl.rc_context({"svg.hashsalt": "didan", "svg.fonttype": "none"}):
        picture(records).savefig(file, metadata={"Date": None})
