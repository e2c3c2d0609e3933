"""What is in recordings: digests of their bytes and samples, and their segments, remembered in a cache folder."""

import hashlib
import json
import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from didan.audio import Utterance
from didan.errors import AudioError, reason
from didan.features.cache import database, made, matching
from didan.parallel import processors
from didan.typing import Samples

SegmentRow = tuple[float, float, float, bool]
"""First second, last second, seconds of speech, and whether that is enough for an emotion."""

# Rename when recordings begin to fall into other segments.
_SEGMENTS = "segments_2"


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


def utterance_name(digest: str, utterance: Utterance, segment: tuple[float, float] | None = None) -> str:
    """A name for an utterance, or a segment of it, by content: whatever the file is called and wherever it is.

    Args:
        digest: of the file.
        utterance: which part of it; the file's own name plays no part.
        segment: its first and last second.

    >>> utterance_name("ab12", Utterance(Path("a.wav"), 1, 2, channel=1))
    'ab12-1-2-channel-1'
    """
    _, start, end, channel, _ = utterance
    part = "" if math.isnan(start) and math.isnan(end) else f"-{start}-{end}"
    own = "" if segment is None else f"+{segment[0]}-{segment[1]}"
    return f"{digest}{part}{'' if channel is None else f'-channel-{channel}'}{own}"


class Fingerprints:
    """What is in files, remembered in a cache folder.

    Args:
        cache: the folder, made if need be.

    Raises:
        UserError: the folder cannot be written.
    """

    def __init__(self, cache: Path) -> None:
        self._fingerprints = made(cache) / "fingerprints.sqlite"
        with database(self._fingerprints) as known:
            known.execute("CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size, changed, digest TEXT)")
            known.execute("CREATE TABLE IF NOT EXISTS audio (digest TEXT PRIMARY KEY, audio TEXT)")
            known.execute(f"CREATE TABLE IF NOT EXISTS {_SEGMENTS} (digest TEXT PRIMARY KEY, segments TEXT)")

    def contents(self, utterances: Sequence[Utterance]) -> list[Contents | AudioError]:
        """Digests of each utterance's file and, where known, of its samples; or why the file cannot be read.

        A file's bytes are read again unless it is the same file on disk, unchanged since last time.

        Raises:
            UserError: the cache cannot be written.
        """
        digests = self._digests(list({utterance.file for utterance in utterances}))
        found = [digests[utterance.file] for utterance in utterances]
        names = [
            None if isinstance(digest, AudioError) else utterance_name(digest, utterance)
            for digest, utterance in zip(found, utterances, strict=True)
        ]
        with database(self._fingerprints) as known:
            query = "SELECT digest, audio FROM wanted CROSS JOIN audio ON digest = key"
            audio = dict(matching(known, query, filter(None, names)))
        return [
            digest if isinstance(digest, AudioError) else Contents(digest, audio.get(name))
            for digest, name in zip(found, names, strict=True)
        ]

    def contents_of(self, utterance: Utterance) -> Contents:
        """The same of one utterance.

        Raises:
            AudioError: the file cannot be read.
            UserError: the cache cannot be written.
        """
        (contents,) = self.contents([utterance])
        if isinstance(contents, AudioError):
            raise contents
        return contents

    def _digests(self, files: Sequence[Path]) -> dict[Path, str | AudioError]:
        states = {file: _state(file) for file in files}
        with database(self._fingerprints) as known:
            query = "SELECT path, size, changed, digest FROM wanted CROSS JOIN files ON path = key"
            rows = {row[0]: row[1:] for row in matching(known, query, map(os.fsencode, files))}
        digests: dict[Path, str | AudioError] = {}
        new: dict[Path, tuple[int, str]] = {}
        for file, state in states.items():
            *before, digest = rows.get(os.fsencode(file), (None,))
            if isinstance(state, AudioError):
                digests[file] = state
            elif tuple(before) == state:
                digests[file] = digest
            else:
                new[file] = state
        digests |= zip(new, _read(list(new)), strict=True)
        if new:
            with database(self._fingerprints) as known:
                known.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
                    (
                        (os.fsencode(file), *state, digests[file])
                        for file, state in new.items()
                        if not isinstance(digests[file], AudioError)
                    ),
                )
        return digests

    def remember_audio(self, audio: Iterable[tuple[str, str]]) -> None:
        """Keep the digests of the samples of utterances, given the name of each."""
        with database(self._fingerprints) as known:
            known.executemany("INSERT OR REPLACE INTO audio VALUES (?, ?)", audio)

    def remember_segments(self, name: str, segments: Sequence[SegmentRow]) -> None:
        """Keep which segments an utterance falls into."""
        with database(self._fingerprints) as known:
            known.execute(f"INSERT OR REPLACE INTO {_SEGMENTS} VALUES (?, ?)", (name, json.dumps(segments)))

    def segments(self, name: str) -> list[SegmentRow] | None:
        """The segments of an utterance, or None if they are not known yet."""
        with database(self._fingerprints) as known:
            row = known.execute(f"SELECT segments FROM {_SEGMENTS} WHERE digest = ?", (name,)).fetchone()
        return [tuple(segment) for segment in json.loads(row[0])] if row else None


def _state(file: Path) -> tuple[int, str] | AudioError:
    """What tells that a file is as it was; or why it cannot be read."""
    try:
        state = file.stat()
    except OSError as error:
        return AudioError(f"{file}: {reason(error)}")
    # Archives restore times of change, and a renamed file keeps its own: inode and time of status tell.
    return state.st_size, f"{state.st_mtime_ns} {state.st_ctime_ns} {state.st_ino}"


def _read(files: Sequence[Path]) -> list[str | AudioError]:
    """The digest of each file's bytes, several at a time, since disks far away take their time."""
    if len(files) < 2:
        return list(map(_digest, files))
    threads = ThreadPoolExecutor(processors())
    try:
        return list(threads.map(_digest, files))
    finally:
        threads.shutdown(cancel_futures=True)


def _digest(file: Path) -> str | AudioError:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        return AudioError(f"{file}: {reason(error)}")
