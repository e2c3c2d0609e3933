"""What the user can put right, said in one line."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """A mistake in what the user gave: what is wrong, where, and what to do, in one line.

    The command line prints the message and ends with exit code 2; every other exception is a
    fault of ours and ends with exit code 1.
    """


class AudioError(UserError):
    """A recording that cannot be used, with the reason."""


class DidanWarning(UserWarning):
    """Something the user should know, though work goes on; the command line shows it as a note."""


def reason(error: Exception) -> str:
    """Why an operation on a file failed, in the system's words and without its numbers.

    >>> reason(OSError(28, "No space left on device"))
    'no space left on device'
    """
    return (getattr(error, "strerror", None) or str(error)).lower()


def suggest(name: str, valid: Iterable[str]) -> str:
    """Say which valid name was probably meant, or list them all.

    >>> suggest("emobd", ["casia", "emodb"])
    "did you mean 'emodb'?"
    >>> suggest("x", ["casia", "emodb"])
    'known: casia, emodb'
    """
    names = list(valid)
    close = difflib.get_close_matches(name.lower(), names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(names)}"
