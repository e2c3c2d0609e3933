"""Tables of utterances: CSV, TSV or Parquet with the columns file, emotion, speaker, start and end."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from didan.corpora.corpus import Corpus, Recordings
from didan.corpora.utterances import assemble
from didan.errors import UserError

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def read_table(
    path: str | Path, mapping: Mapping[str, str] | None = None, labelled: bool = False
) -> Corpus | Recordings:
    """Read a table of utterances, one per row.

    Needed is the column ``file``; relative paths start at the table's folder. ``emotion``, ``speaker`` (a
    name or number), ``start`` and ``end`` (seconds) are optional, and further columns are kept. The separator
    of a CSV may be a comma, a semicolon or a tab.

    Args:
        path: the table.
        mapping: the user's own translations of emotion labels.
        labelled: whether the column ``emotion`` must be there.

    Returns:
        A corpus named after the file (or its folder, if the file is called ``corpus``), or recordings if
        there is no column ``emotion``.

    Raises:
        UserError: no such file, not a table, no rows, a missing column, missing audio files, unknown labels.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} {'is a folder, not a table' if path.is_dir() else 'does not exist'}")
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES:
        raise UserError(f"{path} is not a table: its name ends in none of {', '.join(TABLE_SUFFIXES)}")
    table = _read_parquet(path) if suffix == ".parquet" else _read_text(path)
    # A table called corpus.csv describes its folder, whose name says more.
    name = path.absolute().parent.name if path.stem == "corpus" else path.stem
    return assemble(table, name, str(path), path.absolute().parent, mapping, labelled=labelled)


def _read_text(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as file:
            header = file.readline()
        table = pd.read_csv(
            path,
            sep=max(",;\t", key=header.count),
            # Speaker 03 stays 03, and a speaker called NA is no gap.
            dtype=dict.fromkeys(("file", "speaker", "emotion"), str),
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text table, or not in UTF-8: save it as CSV in UTF-8") from None
    except pd.errors.ParserError as error:
        raise UserError(f"{path} is not a table that can be read: {str(error).strip().splitlines()[0]}") from None
    if not isinstance(table.index, pd.RangeIndex):
        raise UserError(f"{path}: its rows have more fields than its header names")
    return table


def _read_parquet(path: Path) -> pd.DataFrame:
    if importlib.util.find_spec("pyarrow") is None:
        raise UserError(f"{path}: Parquet needs pyarrow; install it with: pip install 'didan[tables]'")
    try:
        return pd.read_parquet(path, engine="pyarrow")
    except (OSError, ValueError):
        raise UserError(f"{path} is not a Parquet file, or damaged") from None
