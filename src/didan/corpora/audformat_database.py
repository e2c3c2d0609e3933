"""audformat databases: a folder with ``db.yaml``, its tables and the audio.

audformat trusts what it reads, pickled tables among it: open only databases whose origin you trust.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path

from didan.corpora.corpus import Corpus
from didan.corpora.table import assemble, missing_column
from didan.errors import UserError
from didan.extras import require

HEADER = "db.yaml"


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
            database = audformat.Database.load(str(folder))
            labels = audformat.utils.to_segmented_index(database.get("emotion", ["speaker"]))
    # A broken header or table surfaces as any of many exceptions of YAML, pandas and audformat.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(f"{folder} cannot be read as an audformat database: {reason}") from None
    if labels["emotion"].isna().all():
        columns = {column for table in database.tables.values() for column in table.columns}
        raise missing_column(str(folder), "emotion", sorted(columns))
    table = labels[labels["emotion"].notna()].reset_index()
    for column in ("start", "end"):
        table[column] = table[column].dt.total_seconds()
    language = ", ".join(database.languages) or "unknown"
    corpus = assemble(table, database.name, str(folder), folder.absolute(), mapping, language)
    assert isinstance(corpus, Corpus)  # there are emotions, it was checked
    return corpus
