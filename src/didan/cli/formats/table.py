"""A table for people."""

from didan.cli.formats.rows import Rows
from didan.cli.output import print_table


def write(rows: Rows) -> None:
    """Print rows once all are there; none are no table."""
    table = rows.table()
    if table.row_count:
        print_table(table)
