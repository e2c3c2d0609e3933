"""Standard output as it is: any encoding, a pipe, a full disk."""

import errno
import json
import os
import sys
from typing import TYPE_CHECKING, Any

from didan.errors import UserError, reason

if TYPE_CHECKING:
    from rich.table import Table

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def prepare_streams() -> None:
    """Let any text be printed: names of files as they are, and what an encoding lacks as escapes."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8", errors="replace"))  # noqa: SIM115, PTH123
        elif hasattr(stream, "reconfigure"):
            is_utf8 = stream.encoding.lower().replace("-", "") == "utf8"
            stream.reconfigure(errors="surrogateescape" if is_utf8 else "backslashreplace")


def flush_output() -> None:
    """Write what is waiting; standard output of a full disk fails here at the latest."""
    sys.stdout.flush()


def refuse_full_disk(error: OSError) -> UserError | None:
    """What to say where standard output cannot be written, or None if that is not what went wrong."""
    if error.errno not in _FULL or error.filename is not None:
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
