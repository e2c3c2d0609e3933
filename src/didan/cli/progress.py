"""Progress on standard error, fed by the hooks that long work takes: bars in a terminal, lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from didan.cli.output import Level, is_said, say

if TYPE_CHECKING:  # the help of commands must not wait for NumPy
    from didan.typing import Progress

_SHORT = 5.0  # seconds; of work that takes less no line is written
_BETWEEN = 30.0  # seconds from line to line


@contextmanager
def progress_bars() -> "Iterator[Progress]":
    """A hook for ``(what, done, total)`` that keeps one bar per kind of work while the context lasts.

    Where standard error is no terminal, such as a file or the log of a service, there are lines instead: now and
    then, and at the end of work that took long.
    """
    from rich.console import Console

    console = Console(stderr=True)
    if not is_said(Level.info):
        yield lambda what, done, total: None
    elif not console.is_terminal:
        yield ProgressLines()
    else:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(elapsed_when_finished=True),
        )
        # What is printed meanwhile goes to standard output and not, as by default, to where the bars are.
        with Progress(*columns, console=console, redirect_stdout=False) as bars:
            tasks: dict[str, object] = {}

            def hook(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(what, total=total)
                bars.update(tasks[what], completed=done, total=total)  # type: ignore[arg-type]

            yield hook


@dataclass
class _Work:
    begun: float
    done: int = 0
    told: float | None = None


class ProgressLines:
    """A hook that tells of long work in lines.

    Args:
        clock: gives seconds.
        tell: takes each line.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, tell: Callable[[str], None] = say) -> None:
        self._clock, self._tell = clock, tell
        self._before = clock()  # when the work that is told of next began: once the one before had ended
        self._works: dict[str, _Work] = {}

    def __call__(self, what: str, done: int, total: int) -> None:
        """Tell of work, if it is time."""
        now, work = self._clock(), self._works.get(what)
        if work is None or done < work.done:  # the same again
            work = self._works[what] = _Work(self._before)
        ended, seconds = done >= total > work.done, now - work.begun
        self._before, work.done = now, done
        if seconds < _SHORT:
            return
        if ended:
            self._tell(f"{what}: {done} of {total}, took {in_words(seconds)}")
        elif done < total and (work.told is None or now - work.told >= _BETWEEN):
            left = f", about {in_words(seconds / done * (total - done))} left" if done else ""
            self._tell(f"{what}: {done} of {total}{left}")
            work.told = now


def in_words(seconds: float) -> str:
    """A duration to the second, or from an hour on to the minute.

    >>> in_words(7.4), in_words(72), in_words(3900)
    ('7 s', '1 min 12 s', '1 h 5 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
