"""The corpora that didan can read by name: every module here holds one, as ``READER``."""

import importlib
import pkgutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from didan.corpora.reader import Reader
from didan.errors import UserError, suggest


def known_readers() -> dict[str, Reader]:
    """All readers, by name, in alphabetical order.

    >>> known_readers()["emodb"].language
    'German'
    """
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    readers: list[Reader] = [module.READER for module in modules]
    return {reader.name: reader for reader in sorted(readers, key=lambda reader: reader.name)}


def known_reader(name: str) -> Reader:
    """The reader of that name.

    Raises:
        UserError: there is none; the nearest is suggested.
    """
    readers = known_readers()
    if name.lower() not in readers:
        raise UserError(f"unknown corpus {name!r}: {suggest(name, readers)}")
    return readers[name.lower()]


def looks_like(files: Sequence[Path], folder: Path) -> str | None:
    """Say which known corpus names its files like these, if one fits more than half of them.

    Args:
        files: the audio files of a folder.
        folder: that folder, for the advice.

    Returns:
        Half a sentence for an error message, or None.

    >>> looks_like([Path("wav/03a01Fa.wav")], Path("data"))
    'it looks like EmoDB, 1 of 1 audio files are named like it: use emodb=data'
    """
    paths = [PurePosixPath(file.as_posix()) for file in files]
    n_fitting, best = max(
        ((sum(reader.parse(path) is not None for path in paths), reader) for reader in known_readers().values()),
        key=lambda pair: pair[0],
    )
    if n_fitting * 2 <= len(paths):
        return None
    return (
        f"it looks like {best.title}, {n_fitting} of {len(paths)} audio files are named like it: "
        f"use {best.name}={folder}"
    )
