"""The report of a benchmark: tables as files, and one HTML page with everything inside."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2
import markupsafe
import pandas as pd

from didan.classical import CLASSICAL
from didan.errors import UserError, reason
from didan.files import written_whole
from didan.methods import METHODS
from didan.report import caveats as notes
from didan.report.comparisons import against, comparisons_frame
from didan.report.dataframes import costs_frame, csv, domain_frame, results_frame
from didan.report.label_free import selection_frame
from didan.report.results import BASELINES, PROPOSED, Benchmark, Record
from didan.report.sections import Section
from didan.report.tables import markdown, results_table, selections, summary

_FEATURES = {
    "spectrogram": "Log-mel spectrograms",
    "functionals": "functionals",
    "pooled": "Pooled spectrograms (mean and deviation of every band)",
}


def write_report(
    records: Iterable[Record], folder: Path, failures: Sequence[str] = (), missing: Sequence[str] = ()
) -> None:
    """Write results.md, results.csv, comparisons.csv, selection.csv, domain.csv, costs.csv and report.html.

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
    files = {
        "results.md": results_markdown(benchmark, failures, missing),
        "results.csv": csv(results_frame(benchmark)),
        "comparisons.csv": csv(comparisons_frame(benchmark)),
        "selection.csv": csv(selection),
        "domain.csv": csv(domain_frame(benchmark)),
        "costs.csv": csv(costs_frame(benchmark)),
        "report.html": report_html(benchmark, selection, failures, missing),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the folder {folder} ({reason(error)})") from error
    for name, content in files.items():
        with written_whole(folder / name) as partial:
            partial.write_text(content, encoding="utf-8")


def results_markdown(benchmark: Benchmark, failures: Sequence[str] = (), missing: Sequence[str] = ()) -> str:
    """The results tables as Markdown, with what a reader must know."""
    parts = [f"# UAR on the target in % (model selection: {selections(benchmark)})"]
    for features in benchmark.features:
        table = results_table(benchmark, features)
        parts += [f"## {_FEATURES.get(features, features)}", markdown(table), " ".join(notes.under_results(table))]
        parts += [
            summary(against(benchmark, features, r)) for r in benchmark.references(features) if r in BASELINES
        ]
    for title, lines in (("Missing runs", missing), ("Failed runs", failures)):
        if lines:
            parts += [f"## {title} ({len(lines)})", "\n".join(f"- {line}" for line in lines)]
    return "\n\n".join(part for part in parts if part) + "\n"


def report_html(
    benchmark: Benchmark, selection: pd.DataFrame, failures: Sequence[str] = (), missing: Sequence[str] = ()
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
        methods=notes.methods(benchmark, summaries),
        names=_FEATURES,
        sections=[Section.of(benchmark, features, selection) for features in benchmark.features],
        selection=selections(benchmark),
        tasks=notes.tasks(benchmark),
        labels_read=notes.labels_read(benchmark),
        setup=notes.setup(benchmark),
        honesty=notes.honesty(benchmark),
        failures=failures,
        missing=missing,
    )


def _cell(text: str) -> markupsafe.Markup:
    """A table cell: ``**`` is bold, and what follows the first ``[`` goes to a smaller second line."""
    value, bracket, rest = str(text).partition(" [")
    _, *bold = value.split("**")
    first = markupsafe.Markup("<b>{}</b>{}").format(*bold) if len(bold) == 2 else markupsafe.escape(value)
    return first + markupsafe.Markup("<small>[{}</small>").format(rest) if bracket else first
