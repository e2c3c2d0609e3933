"""The corpora that didan can read by name: every module here holds one, as ``READER``."""

import importlib
import pkgutil

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
