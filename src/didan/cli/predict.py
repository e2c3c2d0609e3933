"""``didan predict``: emotions of audio files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from didan.cli.options import ModelFolder


class Format(StrEnum):
    """How predictions are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def predict(
    model: ModelFolder,
    audio: Annotated[
        list[Path], typer.Argument(metavar="AUDIO...", help="Files, or folders of audio.", show_default=False)
    ],
    format: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """Recognise the emotion of recordings. Unreadable files are named, the others predicted; then exit code 2."""
    import json
    import sys

    from didan.errors import UserError
    from didan.inference import predict as recognise
    from didan.model import load

    damaged: list[str] = []
    recogniser = load(model)
    rows = recognise(recogniser, audio, lambda error: damaged.append(str(error)))
    if format is Format.csv:
        rows.to_csv(sys.stdout, index=False, float_format="%.4f")
    elif format is Format.json:
        emotions = list(recogniser.emotions)
        print(
            json.dumps(
                [
                    {
                        "file": row["file"],
                        "emotion": row["emotion"],
                        "probabilities": {e: row[e] for e in emotions},
                    }
                    for row in rows.to_dict("records")
                ],
                indent=2,
            )
        )
    elif not rows.empty:
        _print_table(rows, recogniser.emotions)
    for reason in damaged:
        print(f"didan: {reason}", file=sys.stderr)
    if len(damaged) == 1 and rows.empty:
        raise typer.Exit(2)
    if damaged:
        raise UserError(f"{len(damaged)} of {len(damaged) + len(rows)} files could not be read")


def _print_table(rows: object, emotions: tuple[str, ...]) -> None:
    import pandas as pd
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    assert isinstance(rows, pd.DataFrame)
    table = Table("file", "emotion", *emotions)
    for row in rows.to_dict("records"):
        table.add_row(escape(str(row["file"])), str(row["emotion"]), *(f"{row[e]:.2f}" for e in emotions))
    Console().print(table)
