"""Features on disk: computed once, found again by the content of the audio and the settings.

One ``.npy`` file per utterance and setting, open only while it is read. A file appears under its name only when
it is complete, so an interrupted run leaves nothing half-written and the next one continues where it stopped; one
that a power cut or a full disk has emptied or cut is made again. Several processes may write at once.
"""

import atexit
import functools
import hashlib
import io
import json
import os
import shutil
import sqlite3
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from pydantic import BaseModel

from didan.errors import AudioError, UserError, note, reason
from didan.typing import Features, Samples

SegmentRow = tuple[float, float, float, bool]
"""First second, last second, seconds of speech, and whether that is enough for an emotion."""

# Raise when the same settings begin to mean other numbers: features are then computed again.
_VERSION = 4

# Rename when recordings begin to fall into other segments.
_SEGMENTS = "segments_2"


def default_cache() -> Path:
    """The folder named by the environment variable DIDAN_CACHE, or the user's cache folder for didan.

    Where a user has no home, or none that can be written, it is a temporary folder, with a warning.
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
    folder = tempfile.mkdtemp(prefix="didan-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    note(
        f"cannot write to {instead_of}, so features are kept in {folder} until the end; "
        "name a folder with --cache or DIDAN_CACHE"
    )
    return Path(folder)


@dataclass(frozen=True)
class Contents:
    """What tells two recordings apart: a digest of the file's bytes and one of the utterance's samples."""

    file: str
    audio: str | None


class AudioDigest:
    """A digest of an utterance's samples, at 16 bits; copies in other formats share it.

    Args:
        *blocks: the samples, or the first of them.

    >>> half = np.zeros(80, np.float32)
    >>> AudioDigest(half, half).hex() == AudioDigest(np.zeros(160, np.float32)).hex()
    True
    """

    def __init__(self, *blocks: Samples) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        for block in blocks:
            self.add(block)

    def add(self, samples: Samples) -> None:
        """Go on with the next samples."""
        self._hash.update(np.round(samples * 32767).astype("<i2").tobytes())

    def hex(self) -> str:
        """The digest of all samples so far."""
        return self._hash.hexdigest()


class Fingerprints:
    """What is in files, remembered in a cache folder.

    Args:
        cache: the folder, made if need be.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, cache: Path) -> None:
        self.folder = cache
        self._fingerprints = cache / "fingerprints.sqlite"
        self._prepare()

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from error
        with self._database() as database:
            database.execute(
                "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size, changed, digest TEXT)"
            )
            database.execute("CREATE TABLE IF NOT EXISTS audio (digest TEXT PRIMARY KEY, audio TEXT)")
            database.execute(f"CREATE TABLE IF NOT EXISTS {_SEGMENTS} (digest TEXT PRIMARY KEY, segments TEXT)")

    def contents(
        self, file: Path, start: float = float("nan"), end: float = float("nan"), channel: int | None = None
    ) -> Contents:
        """Digests of a file and of an utterance in it.

        The file's bytes are read again unless it is the same file on disk, unchanged since last time.

        Raises:
            AudioError: the file cannot be read.
            UserError: the cache cannot be written.
        """
        try:
            state = file.stat()
            # Archives restore times of change, and a renamed file keeps its own: inode and time of status tell.
            known = (os.fsencode(file), state.st_size, f"{state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}")
            with self._database() as database:
                row = database.execute(
                    "SELECT digest FROM files WHERE path = ? AND size = ? AND changed = ?", known
                ).fetchone()
                if row:
                    return Contents(row[0], _audio(database, _utterance(row[0], start, end, channel)))
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        except OSError as error:
            raise AudioError(f"{file}: {reason(error)}") from None
        with self._database() as database:
            database.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", (*known, digest))
            return Contents(digest, _audio(database, _utterance(digest, start, end, channel)))

    def remember_audio(
        self, digest: str, start: float, end: float, samples: AudioDigest, channel: int | None = None
    ) -> str:
        """Keep and return the digest of an utterance's samples."""
        audio, utterance = samples.hex(), _utterance(digest, start, end, channel)
        with self._database() as database:
            database.execute("INSERT OR REPLACE INTO audio VALUES (?, ?)", (utterance, audio))
        return audio

    def remember_segments(
        self, digest: str, start: float, end: float, segments: Sequence[SegmentRow], channel: int | None = None
    ) -> None:
        """Keep which segments an utterance falls into."""
        with self._database() as database:
            row = (_utterance(digest, start, end, channel), json.dumps(segments))
            database.execute(f"INSERT OR REPLACE INTO {_SEGMENTS} VALUES (?, ?)", row)

    def segments(
        self, digest: str, start: float, end: float, channel: int | None = None
    ) -> list[SegmentRow] | None:
        """The segments of an utterance, or None if they are not known yet."""
        with self._database() as database:
            row = database.execute(
                f"SELECT segments FROM {_SEGMENTS} WHERE digest = ?", (_utterance(digest, start, end, channel),)
            ).fetchone()
        return [tuple(segment) for segment in json.loads(row[0])] if row else None

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._fingerprints, timeout=60)) as database, database:
                # Waiting for the disk after every file would take longer than the features. What a power cut
                # could cost are digests, which can be made again.
                database.execute("PRAGMA synchronous = OFF")
                yield database
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

    def _unwritable(self, error: OSError | sqlite3.Error) -> UserError:
        return UserError(
            f"cannot write features to {self.folder} ({reason(error)}); "
            "free space or name another folder with --cache"
        )


class FeatureStore(Fingerprints):
    """The features under one set of settings, in a cache folder.

    Args:
        cache: the folder, made if need be.
        settings: of the frontend; other settings never share a file.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, cache: Path, settings: BaseModel) -> None:
        key = hashlib.blake2b(f"{_VERSION} {_identity(settings)}".encode(), digest_size=8).hexdigest()
        self.folder = cache / f"{settings.model_dump().get('kind', 'features')}-{key}"
        self._fingerprints = cache / "fingerprints.sqlite"
        self._prepare()

    def path(
        self,
        digest: str,
        start: float,
        end: float,
        segment: tuple[float, float] | None = None,
        channel: int | None = None,
    ) -> Path:
        """Where the features of an utterance, or of a segment of it, are or will be: by content."""
        part = f"+{segment[0]}-{segment[1]}" if segment else ""
        return self.folder / digest[:2] / f"{_utterance(digest, start, end, channel)}{part}.npy"

    @staticmethod
    def holds(path: Path) -> bool:
        """Whether features are there, and whole."""
        try:
            np.load(path, mmap_mode="r")
        except (OSError, ValueError, EOFError):
            return False
        return True

    def write(self, path: Path, features: Features) -> None:
        """Write one utterance's features, whole or not at all.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        partial = path.with_name(f"{path.stem}-{uuid.uuid4().hex}.partial")
        try:
            path.parent.mkdir(exist_ok=True)
            content = io.BytesIO()
            np.save(content, features)
            partial.write_bytes(content.getvalue())
            partial.replace(path)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


def _identity(settings: BaseModel) -> str:
    """What decides about the features; a frontend with an encoder tells which of its settings do."""
    identity = getattr(settings, "identity", None)
    return settings.model_dump_json() if identity is None else json.dumps(identity(), sort_keys=True)


def _utterance(digest: str, start: float, end: float, channel: int | None) -> str:
    """A name for an utterance: its file's digest, and its segment and channel if it is one."""
    part = "" if np.isnan(start) and np.isnan(end) else f"-{start}-{end}"
    return f"{digest}{part}{'' if channel is None else f'-channel-{channel}'}"


def _audio(database: sqlite3.Connection, utterance: str) -> str | None:
    row = database.execute("SELECT audio FROM audio WHERE digest = ?", (utterance,)).fetchone()
    return row[0] if row else None
