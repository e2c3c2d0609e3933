"""Tables as text that may come from anybody."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def read_csv(
    file: Path, is_text: Callable[[str], bool], separator: str = ",", skipinitialspace: bool = False
) -> "pd.DataFrame":
    """A table whose first row names its columns.

    Args:
        file: in UTF-8.
        is_text: of a column's name, whether its values are text: speaker 03 stays 03, and one called NA is no gap.
        separator: between fields.
        skipinitialspace: whether spaces after separators are nothing.

    Raises:
        ValueError: it is empty or not in UTF-8, or a row has more fields than there are columns.
    """
    import pandas as pd

    header, first = _first_rows(file, separator, skipinitialspace)
    if len(first) > len(header):  # pandas would make of them an index of as many levels as there are too many
        raise pd.errors.ParserError("its rows have more fields than its header names")
    return pd.read_csv(
        file,
        sep=separator,
        dtype={name: str for name in header if is_text(name)},
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=skipinitialspace,
        encoding="utf-8-sig",
    )


def _first_rows(file: Path, separator: str, skipinitialspace: bool) -> tuple[list[str], list[str]]:
    """The header and the row below it, empty where there is none."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        every = csv.reader(lines, delimiter=separator, skipinitialspace=skipinitialspace)
        rows = (row for row in every if len(row) > 1 or "".join(row).strip())
        try:
            return next(rows, []), next(rows, [])
        except csv.Error as error:
            raise ValueError(str(error)) from None
