"""CSV, with a header."""

import csv
import sys

from didan.cli.formats.rows import Rows


def write(rows: Rows) -> None:
    """Print rows as they come."""
    lines = csv.writer(sys.stdout, lineterminator="\n")
    lines.writerow(rows.header)
    lines.writerows(rows.fields())
