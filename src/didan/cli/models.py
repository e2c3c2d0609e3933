"""``didan models``: the models that are there to use."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.output import print_table


def models(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where to look for models of your own.", show_default=False)
    ] = Path(),
) -> None:
    """List the models that ship with didan, and those in a folder. (default: the current one)"""
    from rich.markup import escape
    from rich.table import Table

    from didan.model.find import SHIPPED, summary

    table = Table("model", "emotions", "learnt from", "adapted to", "UAR in %")
    own = {str(file.parent): file.parent for file in sorted(folder.glob("*/config.yaml"))}
    for name, place in {**SHIPPED, **own}.items():
        found = summary(place)
        if found is not None:
            figures = "\n".join(f"{on} {100 * uar:.1f}" for on, uar in found.evaluations.items())
            cells = [name, ", ".join(found.emotions), found.sources, found.target, figures or "not known"]
            table.add_row(*map(escape, cells))
    print_table(table)
    for name, place in SHIPPED.items():
        print(f"{name}: what it can do, its licence and its limits are in {place / 'model-card.md'}")
