"""Tables of utterances: CSV, TSV or Parquet with the columns file, emotion, speaker, start and end.

Whatever comes from outside as a table is checked here and put into the form of a corpus.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path, PureWindowsPath

import numpy as np
import pandas as pd

from didan.corpora.corpus import UNLABELLED, Corpus, Recordings, names_in
from didan.corpora.emotions import translate_labels
from didan.csv import read_csv
from didan.errors import UserError, note, shortened, suggest
from didan.extras import require

COLUMNS = (*UNLABELLED, "emotion")
"""The columns of a corpus, in their order; any others are the user's own."""

_UNKNOWN = {"nan", "none", "null", "unknown", "n/a", "<na>", "nat", "?"}
"""How programs and people write that a speaker is not known; "NA" may be somebody."""

_ROW = "row in the table"
_SHOWN = 1000  # letters of a name in a message

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet")


def read_table(
    path: str | Path, mapping: Mapping[str, str] | None = None, labelled: bool = False
) -> Corpus | Recordings:
    """Read a table of utterances, one per row.

    Needed is the column ``file``; relative paths start at the table's folder, whichever system wrote them.
    ``emotion``, ``speaker`` (a name or number), ``start`` and ``end`` (seconds) are optional, and further columns
    are kept. The separator of a CSV may be a comma, a semicolon or a tab.

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
        what = "is a folder, not a table" if path.is_dir() else "is no file" if path.exists() else "does not exist"
        raise UserError(f"{path} {what}")
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
        return read_csv(
            path,
            lambda column: _plain(column) in ("file", "speaker", "emotion"),
            max(",;\t", key=header.count),
            skipinitialspace=True,
        )
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} is empty") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text table, or not in UTF-8: save it as CSV in UTF-8") from None
    except ValueError as error:
        raise UserError(f"{path} is not a table that can be read: {str(error).strip().splitlines()[0]}") from None


def _read_parquet(path: Path) -> pd.DataFrame:
    purpose = f"{path}: a Parquet table"
    require("pyarrow", "tables", purpose)
    parquet = require("pyarrow.parquet", "tables", purpose)
    try:
        parquet.read_table(path).validate(full=True)  # else letters that are none show in the midst of using them
        return pd.read_parquet(path, engine="pyarrow")
    except Exception:  # of pyarrow and pandas, of many kinds
        raise UserError(f"{path} is not a Parquet file, or damaged") from None


def _plain(column: object) -> str:
    return str(column).strip().lower()


def _recognise_columns(table: pd.DataFrame, origin: str) -> pd.DataFrame:
    """Columns that are ours but for case and blanks under our names, with a remark."""
    ours = {
        column: _plain(column)
        for column in table.columns
        if column not in COLUMNS and _plain(column) in COLUMNS and _plain(column) not in table.columns
    }
    if len(set(ours.values())) < len(ours):
        raise UserError(f"{origin} has several columns for one: {', '.join(map(repr, ours))}; keep one of them")
    if ours:
        note(f"{origin}: takes " + ", ".join(f"column {column!r} as {name!r}" for column, name in ours.items()))
    return table.rename(columns=ours)


def missing_column(origin: str, column: str, columns: Iterable[object]) -> UserError:
    """The error for a table without a column that is needed.

    >>> print(missing_column("calls.csv", "emotion", ["file", "emotoin"]))
    calls.csv has no column 'emotion': did you mean 'emotoin'? (rename it to 'emotion')
    """
    hint = suggest(column, [str(name) for name in columns])
    return UserError(f"{origin} has no column {column!r}: {hint} (rename it to {column!r})")


def assemble(
    table: pd.DataFrame,
    name: str,
    origin: str,
    folder: Path,
    mapping: Mapping[str, str] | None = None,
    language: str = "unknown",
    labelled: bool = False,
) -> Corpus | Recordings:
    """Make a table a corpus, or recordings where it has no column ``emotion``.

    Args:
        table: one utterance per row, with the column ``file`` and any others of :data:`COLUMNS`.
        name: what to call the corpus.
        origin: where the table comes from, for messages.
        folder: what relative file paths are relative to.
        mapping: the user's own translations of emotion labels.
        language: the language spoken.
        labelled: whether the column ``emotion`` must be there.

    Returns:
        A corpus, or recordings; columns beyond :data:`COLUMNS` are kept, since utterances may be grouped by them.
        Training strips recordings of them: any could hold the label.

    Raises:
        UserError: no rows, no column ``file``, missing files, times that make no sense, unknown labels.
    """
    table = _recognise_columns(table, origin)
    if "file" not in table.columns:
        raise missing_column(origin, "file", table.columns)
    if table.empty:
        raise UserError(f"{origin} has no rows")
    table = table.reset_index(drop=True)
    parts = {
        "file": _files(table["file"], origin, folder),
        "start": _seconds(table, "start", origin),
        "end": _seconds(table, "end", origin),
        "speaker": _speakers(table["speaker"], origin) if "speaker" in table.columns else np.nan,
    }
    checked = table.assign(**parts)
    _refuse_empty_spans(checked, origin)
    own = [column for column in checked.columns if column not in COLUMNS]
    if "emotion" not in table.columns:
        if labelled:
            raise missing_column(origin, "emotion", table.columns)
        return Recordings(name, checked[[*UNLABELLED, *own]])
    rows = pd.Series(range(1, len(checked) + 1), name=_ROW)
    checked, notes = translate_labels(checked.assign(**{_ROW: rows}), origin, mapping)
    _refuse_contradictions(checked, origin)
    return Corpus(name, checked[[*COLUMNS, *own]], language, notes)


def _files(column: pd.Series, origin: str, folder: Path) -> list[str]:
    if column.isna().any():
        raise UserError(f"{origin}, row {int(column.isna().to_numpy().argmax()) + 1}: has no file")
    # Without "..", so that one file has one name; links stay, following them would rename the user's files.
    files = [os.path.abspath(folder / _as_here(folder, str(file))) for file in column]  # noqa: PTH100
    missing = [file for file in dict.fromkeys(files) if not _is_file(file)]
    if missing:
        n_files = len(set(files))
        raise UserError(
            f"{origin}: {len(missing)} of {n_files} files do not exist (first: {missing[0][:_SHOWN]}); "
            f"relative paths start at {folder}"
        )
    return files


def _as_here(folder: Path, file: str) -> str:
    """A relative path that was written on Windows, as it leads to the file on other systems."""
    if "\\" not in file or _is_file(str(folder / file)):
        return file
    elsewhere = PureWindowsPath(file).as_posix()
    return elsewhere if _is_file(str(folder / elsewhere)) else file


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:  # it is too long for a name
        return False


def _seconds(table: pd.DataFrame, name: str, origin: str) -> pd.Series | float:
    if name not in table.columns:
        return np.nan
    seconds = pd.to_numeric(table[name], errors="coerce").astype(float)
    wrong = (seconds.isna() & table[name].notna()) | (seconds < 0) | np.isinf(seconds)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        given = shortened(str(table[name].iloc[row]))
        raise UserError(f"{origin}, row {row + 1}: {name} is {given}, not seconds (such as 1.5)")
    return seconds


def _refuse_empty_spans(table: pd.DataFrame, origin: str) -> None:
    wrong = (table["end"] <= table["start"]) | (table["end"] <= 0)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        start, end = table["start"].iloc[row], table["end"].iloc[row]
        raise UserError(f"{origin}, row {row + 1}: ends at {end:g} s, before it starts ({start:g} s)")


def _refuse_contradictions(table: pd.DataFrame, origin: str) -> None:
    """Refuse an utterance with two emotions, as a table of several annotators has."""
    first: dict[tuple[str, str, str], tuple[int, str]] = {}
    for file, start, end, emotion, row in table[["file", "start", "end", "emotion", _ROW]].itertuples(index=False):
        row_before, emotion_before = first.setdefault((file, str(start), str(end)), (row, emotion))
        if emotion != emotion_before:
            raise UserError(
                f"{origin}: {file} is {emotion_before} in row {row_before} and {emotion} in row {row}; an "
                "utterance has one emotion: keep one row, for instance by the majority of the annotators"
            )


def _speakers(column: pd.Series, origin: str) -> pd.Series:
    names = [name.strip() if isinstance(name, str) else "" for name in names_in(column)]
    spelled_out = [name for name in names if name.lower() in _UNKNOWN]
    if spelled_out:
        note(f"{origin}: speaker {spelled_out[0]!r}, in {len(spelled_out)} rows, is taken for unknown")
        names = ["" if name.lower() in _UNKNOWN else name for name in names]
    return pd.Series([name or np.nan for name in names], index=column.index, dtype=object)
