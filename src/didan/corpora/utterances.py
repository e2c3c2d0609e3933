"""What tables from outside have in common: checked and put into the form of a corpus."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from didan.corpora.corpus import Corpus, Recordings
from didan.corpora.labels import translate_labels
from didan.errors import UserError, suggest

COLUMNS = ("file", "start", "end", "speaker", "emotion")
"""The columns of a corpus, in their order; any others are the user's own."""


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
        A corpus; its columns beyond :data:`COLUMNS` are kept. Recordings keep none of those: any could hold
        the label.

    Raises:
        UserError: no rows, no column ``file``, missing files, times that make no sense, unknown labels.
    """
    if "file" not in table.columns:
        raise missing_column(origin, "file", table.columns)
    if table.empty:
        raise UserError(f"{origin} has no rows")
    table = table.reset_index(drop=True)
    parts = {
        "file": _files(table["file"], origin, folder),
        "start": _seconds(table, "start", origin),
        "end": _seconds(table, "end", origin),
        "speaker": _speakers(table["speaker"]) if "speaker" in table.columns else np.nan,
    }
    checked = table.assign(**parts)
    _refuse_empty_spans(checked, origin)
    if "emotion" not in table.columns:
        if labelled:
            raise missing_column(origin, "emotion", table.columns)
        return Recordings(name, checked[["file", "start", "end", "speaker"]].copy())
    checked, notes = translate_labels(checked, origin, mapping)
    own = [column for column in checked.columns if column not in COLUMNS]
    return Corpus(name, checked[[*COLUMNS, *own]], language, notes)


def _files(column: pd.Series, origin: str, folder: Path) -> list[str]:
    if column.isna().any():
        raise UserError(f"{origin}, row {int(column.isna().to_numpy().argmax()) + 1}: has no file")
    # Without "..", so that one file has one name; links stay, following them would rename the user's files.
    files = [os.path.abspath(folder / str(file)) for file in column]  # noqa: PTH100
    missing = [file for file in dict.fromkeys(files) if not Path(file).is_file()]
    if missing:
        n_files = len(set(files))
        raise UserError(
            f"{origin}: {len(missing)} of {n_files} files do not exist (first: {missing[0]}); "
            f"relative paths start at {folder}"
        )
    return files


def _seconds(table: pd.DataFrame, name: str, origin: str) -> pd.Series | float:
    if name not in table.columns:
        return np.nan
    seconds = pd.to_numeric(table[name], errors="coerce").astype(float)
    wrong = (seconds.isna() & table[name].notna()) | (seconds < 0) | np.isinf(seconds)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise UserError(f"{origin}, row {row + 1}: {name} is '{table[name].iloc[row]}', not seconds (such as 1.5)")
    return seconds


def _refuse_empty_spans(table: pd.DataFrame, origin: str) -> None:
    wrong = (table["end"] <= table["start"]) | (table["end"] <= 0)
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        start, end = table["start"].iloc[row], table["end"].iloc[row]
        raise UserError(f"{origin}, row {row + 1}: ends at {end:g} s, before it starts ({start:g} s)")


def _speakers(column: pd.Series) -> pd.Series:
    # convert_dtypes first: numbers beside a gap arrive as 3.0, and the speaker is 3.
    names = ["" if pd.isna(name) else str(name).strip() for name in column.convert_dtypes()]
    return pd.Series([name or np.nan for name in names], index=column.index, dtype=object)
