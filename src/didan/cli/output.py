"""Standard output as it is: any encoding, a pipe, a full disk."""

import errno
import json
import logging
import os
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from didan.errors import UserError, reason

if TYPE_CHECKING:
    from rich.table import Table

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
_OF_FILES = {
    *_FULL,
    *(errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ENODEV, errno.ENXIO),
}
"""What the system says of a file or disk that cannot be used; the user can do something about it."""


class Level(StrEnum):
    """How much is said on standard error, from everything to errors alone."""

    debug = "debug"
    info = "info"
    warning = "warning"
    error = "error"


_REMARKS = logging.getLogger("didan")


def say_from(level: Level) -> None:
    """Leave out from now on what matters less; errors are always said."""
    _REMARKS.setLevel(level.upper())


def is_said(level: Level) -> bool:
    """Whether what matters so much is said."""
    return _REMARKS.level <= logging.getLevelNamesMapping()[level.upper()]


def say(text: str) -> None:
    """Tell the user what is done, on standard error, unless nobody wants to know."""
    if is_said(Level.info):
        complain(text)


def warn(text: str) -> None:
    """Tell the user what is easily overlooked, and matters."""
    if is_said(Level.warning):
        complain(f"note: {text}")


def complain(text: str) -> None:
    """Say on standard error what is wrong."""
    print(text, file=sys.stderr)


def prepare_streams() -> None:
    """Let any names of files be read and printed as they are; what an encoding lacks is printed as escapes."""
    if sys.stdin is not None and hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="surrogateescape")
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8", errors="replace"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):
            is_utf8 = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")


def refused_by_the_system(error: Exception) -> UserError | None:
    """What to say where standard output or a file cannot be used, or None if that is not what went wrong."""
    if not isinstance(error, OSError) or error.errno not in _OF_FILES:
        return None
    if error.filename is not None:
        return UserError(f"{os.fsdecode(error.filename)}: {reason(error)}")
    if error.errno not in _FULL:
        return None
    give_up_output()
    return UserError(f"cannot write to standard output ({reason(error)})")


def give_up_output() -> None:
    """Drop what is waiting for a reader who has gone, or for a full disk; Python would complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def json_text(value: Any, indent: int | None = None) -> str:
    """JSON that standard output can express, with escapes where it must."""
    from didan.files import as_json

    text = as_json(value, indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:  # a name in bytes that are no UTF-8, or an encoding of few letters
        return json.dumps(json.loads(text), indent=indent)
    return text


def print_table(table: "Table") -> None:
    """Print a table: in a terminal to its width, in a pipe or file to the table's, where nothing is cut off."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 10_000).print(table)
