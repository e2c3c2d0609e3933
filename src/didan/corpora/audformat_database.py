"""audformat databases: a folder with ``db.yaml``, its tables and the audio.

Nothing in one is executed, pickled tables are not read.
"""

import shutil
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

import yaml

from didan.corpora.corpus import Corpus
from didan.corpora.table import assemble, missing_column
from didan.errors import UserError, shortened
from didan.extras import require
from didan.yaml import parse_yaml

HEADER = "db.yaml"
_SHOWN = 200  # letters of an error


def is_audformat_database(folder: str | Path) -> bool:
    """Whether a folder holds the header of an audformat database."""
    return (Path(folder) / HEADER).is_file()


def read_audformat_database(folder: str | Path, mapping: Mapping[str, str] | None = None) -> Corpus:
    """Read the emotions and speakers of an audformat database, from all of its tables.

    A scheme, or else a column, called ``emotion`` has the labels, and one called ``speaker`` the speakers.
    Filewise and segmented tables are both read.

    Args:
        folder: the folder that holds ``db.yaml``.
        mapping: the user's own translations of emotion labels.

    Returns:
        A corpus with the database's name.

    Raises:
        UserError: audformat is not installed, the database cannot be read, has no emotions or
            contradictory ones, or audio files are missing.
    """
    folder = Path(folder)
    if not is_audformat_database(folder):
        raise UserError(f"{folder} is not an audformat database: it has no {HEADER}")
    audformat = require("audformat", "audformat", f"{folder}: an audformat database")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its use of pandas is not the user's concern
            database = _load(folder, audformat)
            labels = audformat.utils.to_segmented_index(database.get("emotion", ["speaker"]))
    except UserError:
        raise
    # A broken header or table surfaces as any of many exceptions of YAML, pandas and audformat.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:_SHOWN]
        raise UserError(f"{folder} cannot be read as an audformat database: {reason}") from None
    if labels["emotion"].isna().all():
        columns = {column for table in database.tables.values() for column in table.columns}
        raise missing_column(str(folder), "emotion", sorted(columns))
    table = labels[labels["emotion"].notna()].reset_index()
    for column in ("start", "end"):
        table[column] = table[column].dt.total_seconds()
    language = ", ".join(map(str, database.languages)) or "unknown"
    corpus = assemble(table, database.name, str(folder), folder.absolute(), mapping, language)
    assert isinstance(corpus, Corpus)  # there are emotions, it was checked
    return corpus


def _load(folder: Path, audformat: Any) -> Any:
    """The database, of whose files only values are read.

    audformat itself would build whatever object the header names, and load tables from pickles; both can be any
    program. It is given copies of what is neither.
    """
    header = parse_yaml((folder / HEADER).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="didan-") as copy:
        Path(copy, HEADER).write_text(
            yaml.safe_dump(header, allow_unicode=True, sort_keys=False), encoding="utf-8"
        )
        for name in [*(header.get("misc_tables") or ()), *(header.get("tables") or ())]:
            _copy_table(folder, str(name), Path(copy))
        return audformat.Database.load(copy, load_data=True)


def _copy_table(folder: Path, name: str, copy: Path) -> None:
    """Copy a table as Parquet, else as CSV.

    Raises:
        UserError: there is neither, or the name leads elsewhere.
    """
    stem = f"{Path(HEADER).stem}.{name}"
    if not name or PureWindowsPath(stem).name != stem:
        raise UserError(f"{folder}: its table {shortened(name)} is not named like a file; rename it")
    for file in (f"{stem}.parquet", f"{stem}.csv"):
        if (folder / file).is_file():
            shutil.copyfile(folder / file, copy / file)
            return
    if (folder / f"{stem}.pkl").exists():
        raise UserError(
            f"{folder}: its table {name} is there as a pickle alone, which may hold any program; save it as CSV "
            "or Parquet where you trust it"
        )
    raise UserError(f"{folder}: its table {name} is missing, there is no {stem}.parquet or {stem}.csv")
