"""``didan export``: a model as one ONNX file."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.options import ModelFolder


def export(
    model: ModelFolder,
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="File to write.", show_default=False)],
) -> None:
    """Write a model as ONNX: waveform in, probabilities out. `didan predict` takes it like a model folder."""
    import sys

    from didan.inference.export import export as write
    from didan.model.directory import load

    write(load(model), file)
    print(
        f"{file}: {file.stat().st_size / 1e6:.1f} MB; input waveform (n, samples) at 16 kHz, output probabilities",
        file=sys.stderr,
    )
