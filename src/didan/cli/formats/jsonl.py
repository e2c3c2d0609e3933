"""JSON Lines: an object a line, for programs that begin before the last one is there."""

from didan.cli.formats.rows import Rows
from didan.cli.output import json_text


def write(rows: Rows) -> None:
    """Print each row at once."""
    for one in rows.objects():
        print(json_text(one), flush=True)
