"""``didan report``: rebuild tables, plots and page from run records."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder written by `didan benchmark`.", show_default=False, readable=False
        ),
    ],
) -> None:
    """Rebuild the report of a benchmark from its run records."""
    from didan.records import read_failures, read_records
    from didan.report.page import write_report

    write_report(read_records(folder), folder, read_failures(folder))
    typer.echo(folder / "report.html")
