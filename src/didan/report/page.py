"""The report of a benchmark: tables as files, and an HTML page with everything inside.

A section of the page shows the methods with the same features: tables as text, figures as inline images.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import markupsafe
import pandas as pd
from matplotlib.figure import Figure

from didan.classical import CLASSICAL
from didan.errors import UserError, reason
from didan.files import written_whole
from didan.methods import METHODS
from didan.records import Record
from didan.report import plots
from didan.report.caveats import find_caveats, labels_read, setup
from didan.report.comparisons import against, comparisons_frame
from didan.report.dataframes import costs_frame, csv, domain_frame, results_frame
from didan.report.label_free import selection_frame, selection_table
from didan.report.latex import latex
from didan.report.pictures import Picture
from didan.report.results import BASELINES, PROPOSED, Benchmark
from didan.report.tables import (
    comparison_table,
    costs_table,
    domain_table,
    legend,
    markdown,
    methods_table,
    per_task_table,
    recall_table,
    results_table,
    selections,
    summary,
    tasks_table,
)

_FEATURES = {
    "spectrogram": "Log-mel spectrograms",
    "functionals": "Functionals",
    "pretrained": "Hidden states of a pretrained encoder",
    "pooled": "Pooled spectrograms (mean and standard deviation of every band)",
}
_MOST_MAPS, _MOST_CONFUSIONS = 5, 6
_CURVES = {
    "alignment": "Alignment term",
    "residual": "Share of the target left unexplained by the source (relative residual)",
    "fit": "Loss on the source's labels",
}


def _features_in_words(features: str) -> str:
    """What a method saw, for a title.

    >>> _features_in_words("functionals+pretrained")
    'Functionals and hidden states of a pretrained encoder'
    """
    first, *others = (_FEATURES.get(kind, kind) for kind in features.split("+"))
    return " and ".join([first, *(f"{name[:1].lower()}{name[1:]}" for name in others)])


def write_report(
    records: Iterable[Record], folder: Path, failures: Sequence[str] = (), missing: Sequence[str] = ()
) -> None:
    """Write the page, ``report.html``, and beside it what it shows: tables of numbers as CSV, results as Markdown,
    tables of text as LaTeX in ``tables``, and figures as PDF and SVG in ``figures``.

    Args:
        records: of runs, in any order; the tables are the same byte for byte.
        folder: where to; made if it is missing.
        failures: runs that failed and why, one line each.
        missing: planned runs without a record, one line each.

    Raises:
        UserError: there are no records, two of them are of the same run, or a file cannot be written.
    """
    benchmark = Benchmark(records)
    selection = selection_frame(benchmark)
    sections = [make_section(benchmark, features, selection) for features in benchmark.features]
    # The page is last: where it is, everything beside it is too.
    files = {f"tables/{name}.tex": content for name, content in latex_tables(benchmark, sections).items()}
    files |= {
        "results.md": results_markdown(benchmark, failures, missing),
        "results.csv": csv(results_frame(benchmark)),
        "comparisons.csv": csv(comparisons_frame(benchmark)),
        "selection.csv": csv(selection),
        "domain.csv": csv(domain_frame(benchmark)),
        "costs.csv": csv(costs_frame(benchmark)),
        "report.html": report_html(benchmark, sections, failures, missing),
    }
    try:
        for parts in ("tables", "figures"):
            (folder / parts).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder} ({reason(error)})") from error
    for section in sections:
        for picture in section.pictures():
            picture.save(folder / "figures")
    for name, content in files.items():
        with written_whole(folder / name) as partial:
            partial.write_text(content, encoding="utf-8")


def results_markdown(benchmark: Benchmark, failures: Sequence[str] = (), missing: Sequence[str] = ()) -> str:
    """The results tables as Markdown, with their legends and tests."""
    parts = [f"# UAR on the target in % (model selection: {selections(benchmark)})"]
    for features in benchmark.features:
        table = results_table(benchmark, features)
        parts += [f"## {_features_in_words(features)}", markdown(table), " ".join(legend(table))]
        parts += [
            summary(against(benchmark, features, r)) for r in benchmark.references(features) if r in BASELINES
        ]
    for title, lines in (("Missing runs", missing), ("Failed runs", failures)):
        if lines:
            parts += [f"## {title} ({len(lines)})", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def latex_tables(benchmark: Benchmark, sections: "Sequence[Section]") -> dict[str, str]:
    """The tables of results and comparisons as LaTeX, by name."""
    tables = {"tasks": latex(tasks_table(benchmark), "Tasks.", "tab:tasks", words=1)}
    for section in sections:
        words = f"{_features_in_words(section.features)}; model selection: {selections(benchmark)}."
        shown = {
            "results": (section.results, f"UAR on the target in %. {' '.join(section.legend)} {words}"),
            "recalls": (section.recalls, f"Recall per emotion in %, mean over seeds and tasks. {words}"),
        }
        for reference, frame in section.comparisons.items():
            shown[f"against-{reference}"] = frame, f"Difference in UAR from {reference}, over all tasks. {words}"
        if section.per_task.size and section.baseline in section.comparisons:
            caption = (
                f"Difference in UAR from {section.baseline}, in points [95 % interval], and adjusted p. {words}"
            )
            shown["per-task"] = section.per_task, caption
        for name, (frame, caption) in shown.items():
            tables[f"{section.features}-{name}"] = latex(frame, caption, f"tab:{section.features}-{name}")
    return tables


def report_html(
    benchmark: Benchmark, sections: "Sequence[Section]", failures: Sequence[str] = (), missing: Sequence[str] = ()
) -> str:
    """The page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("didan.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cell"] = _cell
    summaries = {name: method.summary for name, method in METHODS.items()}
    summaries |= {name: method.summary for name, method in CLASSICAL.items()}
    return environment.get_template("page.html.j2").render(
        benchmark=benchmark,
        proposed=PROPOSED,
        methods=methods_table(benchmark, summaries),
        in_words=_features_in_words,
        sections=sections,
        selection=selections(benchmark),
        tasks=tasks_table(benchmark),
        labels_read=labels_read(benchmark),
        released=sorted(
            {run["versions"]["didan"] for run in benchmark.records if "didan" in (run.get("versions") or {})}
        ),
        setup=setup(benchmark),
        caveats=find_caveats(benchmark),
        failures=failures,
        missing=missing,
    )


@dataclass(frozen=True, kw_only=True)
class Section:
    """Tables and figures of the methods with the same features."""

    features: str
    baseline: str | None
    results: pd.DataFrame
    legend: list[str]
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

    def pictures(self) -> list[Picture]:
        """All figures."""
        single = (self.differences, self.domain_plot, self.criteria)
        return [*_drawn(single), *self.confusions, *self.maps, *self.curves]


def make_section(benchmark: Benchmark, features: str, selection: pd.DataFrame) -> Section:
    """Make all tables and figures."""
    results = results_table(benchmark, features)
    comparisons = {r: against(benchmark, features, r) for r in benchmark.references(features)}
    baseline = next((r for r in comparisons if r in BASELINES), None)
    domain = domain_table(benchmark, features)
    return Section(
        features=features,
        baseline=baseline,
        results=results,
        legend=legend(results),
        differences=_picture(
            plots.plot_differences(benchmark, features, baseline),
            f"{features}-differences",
            f"UAR minus that of {baseline}",
        ),
        comparisons={reference: comparison_table(family) for reference, family in comparisons.items() if family},
        summary=summary(comparisons.get(baseline or "", [])),
        per_task=per_task_table(benchmark, features, baseline or ""),
        recalls=recall_table(benchmark, features),
        confusions=_drawn(_confusions(benchmark, features)),
        domain=domain,
        domain_plot=_domain_plot(benchmark, features, list(domain.index)),
        maps=_drawn(_maps(benchmark, features)),
        curves=_drawn(
            _picture(plots.plot_curves(benchmark, features, column), f"{features}-{column}", title)
            for column, title in _CURVES.items()
        ),
        selection=selection_table(selection, features, len(benchmark.tasks)),
        criteria=_picture(
            plots.plot_criteria(benchmark, features),
            f"{features}-criteria",
            "Criteria without target labels against UAR",
        ),
        costs=costs_table(benchmark, features),
    )


def _confusions(benchmark: Benchmark, features: str) -> Iterator[Picture | None]:
    """The references and the best, some tasks at a time."""
    best = benchmark.best(features)
    methods = list(dict.fromkeys((*benchmark.references(features), *([best] if best else []))))
    by_method = [benchmark.results[features][method] for method in methods]
    common = [task for task in benchmark.tasks if all(task in of for of in by_method)] if by_method else []
    for start in range(0, len(common), _MOST_CONFUSIONS):
        tasks = common[start : start + _MOST_CONFUSIONS]
        figure = plots.plot_confusions([[by_task[task] for task in tasks] for by_task in by_method])
        name = f"{features}-confusions-{1 + start // _MOST_CONFUSIONS}"
        yield _picture(figure, name, f"Confusion matrices of {', '.join(methods)}")


def _maps(benchmark: Benchmark, features: str) -> Iterator[Picture | None]:
    """The references first, then the best of those that have a map."""
    for number, task in enumerate(benchmark.tasks, start=1):
        by_method = (benchmark.results[features][method] for method in benchmark.contenders(features))
        results = [by_task[task] for by_task in by_method if task in by_task]
        mapped = [result for result in results if any(run.get("map") for run in result.runs)]
        first = (*BASELINES, PROPOSED)
        shown = [
            *(result for result in mapped if result.method in first),
            *sorted((result for result in mapped if result.method not in first), key=lambda result: -result.uar),
        ]
        figure = plots.plot_maps(shown[:_MOST_MAPS])
        left_out = f" ({len(shown) - _MOST_MAPS} more methods have maps)" if len(shown) > _MOST_MAPS else ""
        yield _picture(figure, f"{features}-map-{number}", task + left_out)


def _domain_plot(benchmark: Benchmark, features: str, methods: Sequence[str]) -> Picture | None:
    frame = domain_frame(benchmark)
    figure = plots.plot_domain(frame[frame["features"] == features], methods, benchmark.tasks) if methods else None
    return _picture(figure, f"{features}-domain", "Proxy A-distance between source and target")


def _picture(figure: Figure | None, name: str, title: str) -> Picture | None:
    """A figure, if there is one."""
    return None if figure is None else Picture(name=name, title=title, figure=figure)


def _drawn(pictures: Iterable[Picture | None]) -> list[Picture]:
    return [drawn for drawn in pictures if drawn is not None]


def _cell(text: str) -> markupsafe.Markup:
    """A table cell: ``**`` is bold, and what follows the first ``[`` goes to a smaller second line."""
    value, bracket, rest = str(text).partition(" [")
    _, *bold = value.split("**")
    first = markupsafe.Markup("<b>{}</b>{}").format(*bold) if len(bold) == 2 else markupsafe.escape(value)
    return first + markupsafe.Markup("<small>[{}</small>").format(rest) if bracket else first
