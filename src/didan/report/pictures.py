"""Figures as a page shows them, inline, and as a paper takes them, in files."""

import base64
import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from didan.files import written_whole

# Fonts inside, as publishers ask; no date and no random names, so that the same records give the same bytes.
_FORMATS = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
_STYLE: Any = {"pdf.fonttype": 42, "svg.hashsalt": "didan"}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure of a report.

    Attributes:
        name: of its files.
        title: what it shows.
        figure: what is drawn.
    """

    name: str
    title: str
    figure: Figure

    @cached_property
    def address(self) -> str:
        """Of an inline PNG of few colours, which is a third of the size."""
        buffer, small = io.BytesIO(), io.BytesIO()
        FigureCanvasAgg(self.figure).print_figure(buffer, format="png", dpi=130)
        image = Image.open(buffer).convert("RGB")
        image.quantize(255, Image.Quantize.MAXCOVERAGE).save(small, "png", optimize=True)
        return f"data:image/png;base64,{base64.b64encode(small.getvalue()).decode()}"

    @property
    def width(self) -> int:
        """On the page, in pixels."""
        return round(100 * self.figure.get_figwidth())

    def save(self, folder: Path) -> None:
        """Write it as PDF and SVG.

        Raises:
            UserError: a file cannot be written.
        """
        with matplotlib.rc_context(_STYLE):
            for kind, metadata in _FORMATS.items():
                with written_whole(folder / f"{self.name}.{kind}") as partial:
                    self.figure.savefig(partial, format=kind, metadata=metadata)
