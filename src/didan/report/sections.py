"""What a report shows of the methods with the same features: tables as text, figures as inline images."""

import base64
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from didan.report import caveats as notes
from didan.report import plots
from didan.report.comparisons import against
from didan.report.dataframes import domain_frame
from didan.report.label_free import selection_table
from didan.report.results import BASELINES, PROPOSED, Benchmark, Cell
from didan.report.tables import (
    comparison_table,
    costs_table,
    domain_table,
    per_task_table,
    recall_table,
    results_table,
    summary,
)

_MAPS, _CONFUSIONS = 5, 6


@dataclass(frozen=True)
class Picture:
    """A figure inside the page: its address and its width in pixels."""

    address: str
    width: int
    title: str


@dataclass(frozen=True)
class Section:
    """What the page shows of the methods with the same features."""

    features: str
    baseline: str | None
    results: pd.DataFrame
    notes: list[str]
    differences: Picture | None
    comparisons: dict[str, pd.DataFrame]
    summary: str
    per_task: pd.DataFrame
    recalls: pd.DataFrame
    confusions: list[Picture]
    domain: pd.DataFrame
    domain_plot: Picture | None
    maps: list[Picture]
    curves: list[Picture]
    selection: pd.DataFrame
    criteria: Picture | None
    costs: pd.DataFrame

    @classmethod
    def of(cls, benchmark: Benchmark, features: str, selection: pd.DataFrame) -> "Section":
        """Make all tables and figures."""
        results = results_table(benchmark, features)
        comparisons = {r: against(benchmark, features, r) for r in benchmark.references(features)}
        baseline = next((r for r in comparisons if r in BASELINES), None)
        domain = domain_table(benchmark, features)
        return cls(
            features,
            baseline,
            results,
            notes.under_results(results),
            picture(plots.plot_differences(benchmark, features, baseline), f"UAR less that of {baseline}"),
            {reference: comparison_table(found) for reference, found in comparisons.items() if found},
            summary(comparisons.get(baseline or "", [])),
            per_task_table(benchmark, features, baseline or ""),
            recall_table(benchmark, features),
            _drawn(_confusions(benchmark, features)),
            domain,
            _domain_plot(benchmark, features, list(domain.index)),
            _drawn(_maps(benchmark, features)),
            _drawn(_curves(benchmark, features)),
            selection_table(selection, features, len(benchmark.tasks)),
            picture(plots.plot_criteria(benchmark, features), "Criteria without target labels against UAR"),
            costs_table(benchmark, features),
        )


def _confusions(benchmark: Benchmark, features: str) -> Iterator[Picture | None]:
    """The references and the best, some tasks at a time."""
    best = benchmark.best(features)
    methods = list(dict.fromkeys((*benchmark.references(features), *([best] if best else []))))
    by_method = [benchmark.cells[features][method] for method in methods]
    common = [task for task in benchmark.tasks if all(task in cells for cells in by_method)] if by_method else []
    for start in range(0, len(common), _CONFUSIONS):
        tasks = common[start : start + _CONFUSIONS]
        figure = plots.plot_confusions([[cells[task] for task in tasks] for cells in by_method])
        yield picture(figure, f"Confusion matrices of {', '.join(methods)}")


def _maps(benchmark: Benchmark, features: str) -> Iterator[Picture | None]:
    """The references first, then the best of those that have a map."""
    for task in benchmark.tasks:
        by_method = (benchmark.cells[features][method] for method in benchmark.contenders(features))
        cells = [by_task[task] for by_task in by_method if task in by_task]
        mapped = [cell for cell in cells if any(run.get("map") for run in cell.runs)]
        first = (*BASELINES, PROPOSED)
        shown: list[Cell] = [
            *(cell for cell in mapped if cell.method in first),
            *sorted((cell for cell in mapped if cell.method not in first), key=lambda cell: -cell.uar),
        ]
        figure = plots.plot_maps(shown[:_MAPS])
        left_out = f" ({len(shown) - _MAPS} more methods have maps)" if len(shown) > _MAPS else ""
        yield picture(figure, task + left_out)


def _curves(benchmark: Benchmark, features: str) -> Iterator[Picture | None]:
    titles = {
        "alignment": "Alignment term",
        "residual": "Share of the target left unexplained by the source (relative residual)",
        "fit": "Loss on the source's labels",
    }
    for column, title in titles.items():
        yield picture(plots.plot_curves(benchmark, features, column), title)


def _domain_plot(benchmark: Benchmark, features: str, methods: Sequence[str]) -> Picture | None:
    frame = domain_frame(benchmark)
    figure = plots.plot_domain(frame[frame["features"] == features], methods, benchmark.tasks) if methods else None
    return picture(figure, "Proxy A-distance between source and target")


def picture(figure: Figure | None, title: str) -> Picture | None:
    """A figure, if there is one, as an inline PNG of few colours, which is a third of the size."""
    if figure is None:
        return None
    buffer, small = io.BytesIO(), io.BytesIO()
    FigureCanvasAgg(figure).print_figure(buffer, format="png", dpi=130)
    Image.open(buffer).convert("RGB").quantize(255, Image.Quantize.MAXCOVERAGE).save(small, "png", optimize=True)
    address = f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"
    return Picture(address, round(100 * figure.get_figwidth()), title)


def _drawn(pictures: Iterator[Picture | None]) -> list[Picture]:
    return [found for found in pictures if found is not None]
