"""The cache folder: where it is, and the small databases in it."""

import atexit
import functools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import platformdirs

from didan.errors import UserError, note, reason


def default_cache() -> Path:
    """The folder named by the environment variable DIDAN_CACHE, or the user's cache folder for didan.

    Where a user has no home, or none that can be written, it is a temporary folder, with a warning.

    Raises:
        UserError: there is no temporary folder either.
    """
    if named := os.environ.get("DIDAN_CACHE"):
        return Path(named)
    cache = Path(platformdirs.user_cache_dir("didan"))
    return cache if _can_be_written(cache) else _temporary_cache(cache)


def _can_be_written(folder: Path) -> bool:
    if not folder.is_absolute():  # "~" where there is no home
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


@functools.cache
def _temporary_cache(instead_of: Path) -> Path:
    """One for this process, removed at its end."""
    try:
        folder = tempfile.mkdtemp(prefix="didan-")
    except OSError as error:
        raise unwritable(instead_of, error) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    note(
        f"cannot write to {instead_of}, so features are kept in {folder} until the end; "
        "name a folder with --cache or DIDAN_CACHE"
    )
    return Path(folder)


def made(folder: Path) -> Path:
    """A folder, which is made if need be.

    Raises:
        UserError: it cannot be.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return folder


@contextmanager
def database(file: Path) -> Iterator[sqlite3.Connection]:
    """A database while the block lasts; what the block has changed is kept as a whole, or if it fails not at all.

    Raises:
        UserError: it cannot be read or written.
    """
    try:
        with closing(sqlite3.connect(file, timeout=60)) as connection, connection:
            # Waiting for the disk every time would take longer than the features. What a power cut could cost can
            # be made again.
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA temp_store = MEMORY")
            yield connection
    except sqlite3.Error as error:
        raise unwritable(file.parent, error) from error


def matching(connection: sqlite3.Connection, query: str, keys: Iterable[Any]) -> sqlite3.Cursor:
    """The rows of one query about any number of keys, which it takes ``FROM wanted CROSS JOIN`` a table.

    A cross join looks each ``key`` up, however large the table: SQLite, which does not know how few are wanted,
    would else go through all of it.
    """
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS wanted (key PRIMARY KEY) WITHOUT ROWID")
    connection.execute("DELETE FROM wanted")
    connection.executemany("INSERT OR IGNORE INTO wanted VALUES (?)", ((key,) for key in keys))
    return connection.execute(query)


def unwritable(folder: Path, error: OSError | sqlite3.Error) -> UserError:
    """What to say where features cannot be written."""
    return UserError(
        f"cannot write features to {folder} ({reason(error)}); free space or name another folder with --cache"
    )
