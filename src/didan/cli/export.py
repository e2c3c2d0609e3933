"""``didan export``: a model as one ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.options import ModelFolder
from didan.cli.output import say


def export(
    model: ModelFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="File to write.", show_default=False)],
) -> None:
    """Write a model as ONNX: waveform in, probabilities out. `didan predict` takes it like a model folder."""

    from didan.inference.export import export as write
    from didan.model.directory import load

    write(load(model), file)
    say(
        f"{file}: {file.stat().st_size / 1e6:.1f} MB; input waveform (n, samples) at 16 kHz, output probabilities",
    )
