"""JSON: one array."""

from collections.abc import Iterable
from typing import Any

from didan.cli.formats.rows import Rows
from didan.cli.output import json_text


def write(rows: Rows) -> None:
    """Print rows as they come."""
    write_array(rows.objects())


def write_array(objects: Iterable[dict[str, Any]]) -> None:
    """Print objects as they come, one a line."""
    print("[", end="")
    comma = ""
    for one in objects:
        print(f"{comma}\n  {json_text(one)}", end="")
        comma = ","
    print("\n]")
