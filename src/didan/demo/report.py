"""The demonstration's report: one HTML file with its plots inside."""

import base64
import io
from pathlib import Path

import jinja2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from didan.demo.run import Comparison
from didan.evaluation.plots import plot_confusion, plot_history
from didan.files import written_whole
from didan.metrics import chance


def write_report(comparison: Comparison, file: Path) -> None:
    """Write the report.

    Raises:
        UserError: the file cannot be written.
    """
    confusions = {
        method: _embed(
            plot_confusion(
                np.sum([run.confusion for run in runs], axis=0).tolist(),
                runs[0].emotions,
                f"{method}: UAR {comparison.uar(method)[0]:.1f} %, all seeds together",
            )
        )
        for method, runs in comparison.evaluations.items()
    }
    histories = {method: [model.history for model in models] for method, models in comparison.models.items()}
    fit = plot_history(histories, {"fit": "regression loss on the source"})
    adapted = plot_history(
        {"didan": histories["didan"]},
        {"alignment": "alignment loss", "residual": "share of the target left unexplained"},
    )
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("didan.demo", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    html = environment.get_template("report.html.j2").render(
        comparison=comparison,
        gains=comparison.gains(),
        chance=100 * chance(comparison.evaluations["didan"][0].recall.values()),
        confusions=confusions,
        fit=_embed(fit),
        adapted=_embed(adapted),
    )
    with written_whole(file) as partial:
        partial.write_text(html, encoding="utf-8")


def _embed(figure: Figure) -> str:
    """A plot as the address of an inline PNG image."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_figure(buffer, format="png", dpi=110)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
