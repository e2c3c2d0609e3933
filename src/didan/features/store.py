"""Features on disk: computed once, found again by the content of the audio and the settings, in a few files.

A shard holds numbers in single precision, one utterance after the other. One process at a time appends to it,
and nobody changes what is there. An index says where the features of a name are, with a checksum. They enter it
when they are on disk, so what a killed process has not finished is nowhere in it, and the next that appends cuts
it off. A shard that is not on disk as it was left is compared with its checksums, and what is damaged leaves the
index: it is made again as if it had never been.
"""

import hashlib
import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from didan.features.cache import database, made, matching, unwritable
from didan.features.fingerprints import Fingerprints
from didan.typing import Features

# Raise when the same settings begin to mean other numbers, or are kept otherwise: features are then made again.
_VERSION = 5

SHARD_BYTES = 4 << 30
"""From here on another shard is begun."""

_BUFFER_BYTES = 64 << 20
_BUFFER_SECONDS = 2.0  # of work that a killed process loses
_ITEM = 4


class Place(NamedTuple):
    """Where features are: number of the shard, number of the first value in it, shape."""

    shard: int
    first: int
    frames: int
    bands: int


class StoredFeatures:
    """Features before normalisation, as they are on disk; no more of them is in memory than is being read.

    Args:
        folder: of the shards.
        places: of each utterance.
        mapped: shards that are open already, to which those that are needed are added.
    """

    def __init__(
        self, folder: Path, places: Sequence[Place], mapped: dict[int, npt.NDArray[np.float32]] | None = None
    ) -> None:
        self._folder = folder
        self._places = np.array(places, dtype=np.int64).reshape(-1, len(Place._fields))
        self._shards = {} if mapped is None else mapped
        ends = self._places[:, 1] + self._places[:, 2] * self._places[:, 3]
        for shard in np.unique(self._places[:, 0]).tolist():
            if shard not in self._shards or len(self._shards[shard]) < ends[self._places[:, 0] == shard].max():
                self._shards[shard] = _values(_file(folder, shard))  # a shard may have grown since

    def __reduce__(self) -> tuple[type["StoredFeatures"], tuple[Path, npt.NDArray[np.int64]]]:
        """Another process opens the shards itself."""
        return type(self), (self._folder, self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Features:
        shard, first, frames, bands = self._places[index].tolist()
        return self._shards[shard][first : first + frames * bands].reshape(frames, bands).copy()

    @property
    def frames(self) -> npt.NDArray[np.int64]:
        """How many frames each utterance has, shape (n,)."""
        return self._places[:, 2]


class FeatureStore:
    """The features under one set of settings, in a cache folder. Several processes may write at once.

    Args:
        cache: the folder, made if need be.
        settings: of the frontend; other settings never share features.
        line: that utterances are carried by first, if any.

    Attributes:
        folder: of the shards.
        fingerprints: what is known of recordings, whatever the settings.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, cache: Path, settings: BaseModel, line: BaseModel | None = None) -> None:
        # How loud speech arrives follows from the recordings, and is no part of what the line does to one.
        carried = "" if line is None else f" {line.model_dump_json(exclude={'over_noise'})}"
        key = hashlib.blake2b(f"{_VERSION} {_identity(settings)}{carried}".encode(), digest_size=8).hexdigest()
        self.folder = made(cache / f"{settings.model_dump().get('kind', 'features')}-{key}")
        self.fingerprints = Fingerprints(cache)
        self._index = self.folder / "index.sqlite"
        # The system has room for some thousands of mappings, and there are more utterances than that.
        self._mapped: dict[int, npt.NDArray[np.float32]] = {}
        with database(self._index) as index:
            index.execute("CREATE TABLE IF NOT EXISTS shards (shard INTEGER PRIMARY KEY, state TEXT)")
            index.execute(
                "CREATE TABLE IF NOT EXISTS features (name TEXT PRIMARY KEY, shard INTEGER, first INTEGER, "
                "frames INTEGER, bands INTEGER, checksum INTEGER) WITHOUT ROWID"
            )
            index.execute("CREATE INDEX IF NOT EXISTS by_shard ON features (shard, first)")

    def __getstate__(self) -> dict[str, object]:
        """Another process opens the shards itself."""
        return self.__dict__ | {"_mapped": {}}

    def find(self, names: Sequence[str]) -> dict[str, Place]:
        """Where features are, for those of some names that are there and whole.

        Raises:
            UserError: the index cannot be read.
        """
        with database(self._index) as index:
            found = _places(index, names)
            states = dict(index.execute("SELECT shard, state FROM shards"))
        changed = {place.shard for place in found.values()}
        changed = {shard for shard in changed if _state(_file(self.folder, shard)) != states[shard]}
        checked = [self._check(shard) for shard in changed]
        for shard in changed & self._mapped.keys():  # it may be another file
            self._mapped[shard] = _values(_file(self.folder, shard))
        return self.find(names) if any(checked) else found

    def _check(self, shard: int) -> bool:
        """Forget what is damaged in a shard; says whether there was anything.

        One that another process is appending to is as that has found it.
        """
        with _locked(_file(self.folder, shard)) as stream:
            if stream is None and _file(self.folder, shard).exists():
                return False
            return self._forget_damaged(shard)

    def _forget_damaged(self, shard: int) -> bool:
        file = _file(self.folder, shard)
        with database(self._index) as index:
            index.execute("BEGIN IMMEDIATE")
            (state,) = index.execute("SELECT state FROM shards WHERE shard = ?", (shard,)).fetchone()
            if state == _state(file):
                return False
            values = _values(file)
            rows = index.execute(
                "SELECT name, first, frames, bands, checksum FROM features WHERE shard = ?", (shard,)
            )
            damaged = [
                (name,)
                for name, first, frames, bands, checksum in rows
                if len(own := values[first : first + frames * bands]) < frames * bands
                or zlib.crc32(own.data) != checksum
            ]
            index.executemany("DELETE FROM features WHERE name = ?", damaged)
            index.execute("UPDATE shards SET state = ? WHERE shard = ?", (_state(file), shard))
        return bool(damaged)

    @contextmanager
    def appending(self) -> Iterator["Appending"]:
        """Append features; what has been appended is kept however the block ends.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        appending = Appending(self)
        try:
            yield appending
        finally:
            appending.keep()

    @contextmanager
    def _open(self) -> Iterator[tuple[int, FileIO]]:
        """A shard that nobody else appends to, cut off behind what the index knows of it."""
        with database(self._index) as index:
            known = [shard for (shard,) in index.execute("SELECT shard FROM shards ORDER BY shard DESC")]
        for shard in known:
            file = _file(self.folder, shard)
            with _locked(file) as stream:
                if stream is not None and os.fstat(stream.fileno()).st_size < SHARD_BYTES:
                    self._forget_damaged(shard)
                    self._cut(shard, stream)
                    yield shard, stream
                    return
        with database(self._index) as index:
            shard = index.execute("INSERT INTO shards (state) VALUES ('')").lastrowid or 0
        _file(self.folder, shard).touch()
        with _locked(_file(self.folder, shard)) as stream:
            if stream is None:  # another process was quicker
                with self._open() as other:
                    yield other
            else:
                yield shard, stream

    def _cut(self, shard: int, stream: FileIO) -> None:
        """Cut off what a killed process has left, or one that wrote what another had written before."""
        with database(self._index) as index:
            last = index.execute(
                "SELECT first + frames * bands FROM features WHERE shard = ? ORDER BY first DESC LIMIT 1", (shard,)
            ).fetchone()
        end = last[0] * _ITEM if last else 0
        if os.fstat(stream.fileno()).st_size > end:  # else it would look changed to those who read
            stream.truncate(end)

    def write(self, features: Mapping[str, Features]) -> dict[str, Place]:
        """Append features at once, whole or not at all; where those of each name are, be they another process'.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        if not features:
            return {}
        try:
            with self._open() as (shard, stream):
                first = stream.seek(0, os.SEEK_END) // _ITEM
                rows, values = [], [np.ascontiguousarray(own, dtype="<f4") for own in features.values()]
                for name, own in zip(features, values, strict=True):
                    rows.append((name, shard, first, *own.shape, zlib.crc32(own.data)))
                    first += own.size
                _append(stream, np.concatenate([own.ravel() for own in values]))
                with database(self._index) as index:
                    index.executemany("INSERT OR IGNORE INTO features VALUES (?, ?, ?, ?, ?, ?)", rows)
                    state = _state(_file(self.folder, shard))
                    index.execute("UPDATE shards SET state = ? WHERE shard = ?", (state, shard))
                    return _places(index, features)
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def read(self, places: Sequence[Place]) -> StoredFeatures:
        """Features, from where they are."""
        return StoredFeatures(self.folder, places, self._mapped)


class Appending:
    """Features on their way to a shard; they wait in memory until there are enough, or a moment is over.

    Attributes:
        places: of those that are on disk, by name.
    """

    def __init__(self, store: FeatureStore) -> None:
        self.places: dict[str, Place] = {}
        self._store = store
        self._waiting: dict[str, Features] = {}
        self._audio: dict[str, str] = {}
        self._bytes, self._kept = 0, time.monotonic()

    def add(self, name: str, features: Features, audio: str | None = None) -> None:
        """Append the features of a name, shape (frames, bands); the digest of its samples is kept before them."""
        self._waiting[name] = features
        if audio is not None:
            self._audio[name] = audio
        self._bytes += features.nbytes
        if self._bytes > _BUFFER_BYTES or time.monotonic() - self._kept > _BUFFER_SECONDS:
            self.keep()

    def keep(self) -> None:
        """Put on disk what waits."""
        waiting, audio = self._waiting, self._audio
        self._waiting, self._audio, self._bytes = {}, {}, 0
        if audio:
            self._store.fingerprints.remember_audio(audio.items())
        if waiting:
            self.places |= self._store.write(waiting)
        self._kept = time.monotonic()


def _identity(settings: BaseModel) -> str:
    """What decides about the features; a frontend with an encoder tells which of its settings do."""
    identity = getattr(settings, "identity", None)
    return settings.model_dump_json() if identity is None else json.dumps(identity(), sort_keys=True)


def _places(index: sqlite3.Connection, names: Iterable[str]) -> dict[str, Place]:
    query = "SELECT name, shard, first, frames, bands FROM wanted CROSS JOIN features ON name = key"
    return {name: Place(*place) for name, *place in matching(index, query, names)}


def _append(stream: FileIO, values: npt.NDArray[np.float32]) -> None:
    """Write to the end and wait for the disk; if there is no room, nothing is left."""
    end, left = stream.tell(), values.data.cast("B")
    try:
        while left:
            left = left[stream.write(left) :]
        os.fsync(stream.fileno())
    except OSError:
        stream.truncate(end)
        raise


def _file(folder: Path, shard: int) -> Path:
    return folder / f"{int(shard):04}.f32"


def _state(file: Path) -> str:
    """What tells that a shard is on disk as it was left."""
    try:
        state = file.stat()
    except OSError:
        return "gone"
    return f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}"


def _values(file: Path) -> npt.NDArray[np.float32]:
    """What is in a shard, mapped."""
    while n := _size(file) // _ITEM:
        with suppress(ValueError):  # another process has cut off its end since: what no index knows
            values: npt.NDArray[np.float32] = np.memmap(file, dtype="<f4", mode="r", shape=(n,)).view(np.ndarray)
            return values
    return np.empty(0, dtype=np.float32)  # which cannot be mapped


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _locked(file: Path) -> Iterator[FileIO | None]:
    """A file open for changes while nobody else has it so; None if somebody has, or it is not there."""
    from filelock import FileLock, Timeout  # a service, which keeps no features, does without it

    lock = FileLock(file.with_suffix(".lock"), is_singleton=False)
    try:
        lock.acquire(blocking=False)
    except (Timeout, OSError):  # the system lets go of the lock of a process that ends
        yield None
        return
    stream = None
    try:
        with suppress(OSError):
            stream = file.open("r+b", buffering=0)
        yield stream
    finally:
        if stream is not None:
            stream.close()
        lock.release()
