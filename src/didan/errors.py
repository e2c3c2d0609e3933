"""What the user can put right, said in one line."""

import difflib
import warnings
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

_SHOWN = 200  # letters of a value in a message
_LISTED = 1000  # letters of a list of names


class UserError(Exception):
    """A mistake in what the user gave: what is wrong, where, and what to do, in one line.

    The command line prints the message and ends with exit code 2; every other exception is a
    fault of ours and ends with exit code 1.
    """


class AudioError(UserError):
    """A recording that cannot be used, with the reason."""


class SilentError(AudioError):
    """A recording in which every sample is zero: it can be read, and there is nothing in it."""


OnDamaged = Callable[[AudioError], None]
"""What is called with the reason for a recording that is left out."""


class DidanWarning(UserWarning):
    """Something the user should know, though work goes on; the command line shows it as a note."""


def note(text: str) -> None:
    """Tell the user something though work goes on."""
    warnings.warn(text, DidanWarning, stacklevel=3)


def reason(error: Exception) -> str:
    """Why an operation on a file failed, in the system's words and without its numbers.

    >>> reason(OSError(28, "No space left on device"))
    'no space left on device'
    """
    return (getattr(error, "strerror", None) or str(error)).lower()


def shortened(value: object) -> str:
    """How a value of the user's is shown in a message, on one line and not for ever.

    >>> shortened("x" * 1000)[-10:]
    'xxxxxx ...'
    """
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} ..."


def report_damaged(damaged: Sequence[AudioError], n: int, on_damaged: OnDamaged | None) -> None:
    """Report each of some unusable recordings.

    Args:
        damaged: the reasons.
        n: how many recordings there are in all.
        on_damaged: called with each reason.

    Raises:
        AudioError: there are any, and ``on_damaged`` is None.
    """
    ordered = sorted(damaged, key=str)
    if ordered and on_damaged is None:
        more = f" (and {len(ordered) - 1} more of {n} recordings)" if len(ordered) > 1 else ""
        raise AudioError(f"{ordered[0]}{more}")
    for error in ordered:
        if on_damaged is not None:
            on_damaged(error)


def suggest(name: str, valid: Iterable[str], similarity: float = 0.6) -> str:
    """Say which valid name was probably meant, or list them all.

    >>> suggest("emobd", ["casia", "emodb"])
    "did you mean 'emodb'?"
    >>> suggest("x", ["casia", "emodb"])
    'known: casia, emodb'
    """
    names = [one for one in valid if len(one) <= _SHOWN]
    close = difflib.get_close_matches(name[:_SHOWN].lower(), names, n=1, cutoff=similarity)
    if close:
        return f"did you mean {close[0]!r}?"
    ends = accumulate(len(one) + 2 for one in names)
    listed = [one for one, end in zip(names, ends, strict=True) if end <= _LISTED]
    return f"known: {', '.join([*listed, '...'] if len(listed) < len(names) else names)}"
