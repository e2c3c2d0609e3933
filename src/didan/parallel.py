"""Work on many files at a time, with progress, ending early on an error or Ctrl-C."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from typing import Any, TypeVar

from didan.typing import Progress

_WORTH_A_PROCESS = 4.0  # seconds of work: another process takes two to start
_CHUNK_SECONDS = 0.25
_SECONDS_TO_NOTICE = 1.0

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_processes(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    progress: Progress | None = None,
    stage: str = "files",
) -> list[Result]:
    """Apply a function to every item; see :func:`completed`.

    Args:
        function: what to do with an item; it is sent to other processes.
        items: the items.
        workers: processes in all; as many as there are processors if None.
        progress: called after every item.
        stage: what the progress is of.

    Returns:
        The results, in the order of the items.

    >>> in_processes(abs, [-2, 1])
    [2, 1]
    """
    done: dict[int, Result] = {}
    with closing(completed(function, items, workers)) as results:
        for row, result in results:
            done[row] = result
            if progress:
                progress(stage, len(done), len(items))
    return [done[row] for row in range(len(items))]


def completed(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None
) -> Generator[tuple[int, Result]]:
    """Apply a function to every item, in this process and, where enough work is left, in others beside it.

    For work that holds Python up, so that threads would hold up one another. This process begins at once; others
    join once the first items tell that it pays, and live on for the next such work.

    Args:
        function: what to do with an item; it is sent to other processes.
        items: the items.
        workers: processes in all; as many as there are processors if None.

    Yields:
        Number of an item and its result, as they come. To be closed, so that after an error or Ctrl-C what has not
        begun does not begin any more.
    """
    helpers = min(workers or processors(), len(items)) - 1
    running: dict[Future[list[Result]], range] = {}
    begun, own, left = time.perf_counter(), 0, len(items)  # rows from ``left`` on are done or under way
    try:
        while left > 0 or running:
            if left > 0:
                left -= 1
                own += 1
                yield left, function(items[left])
            else:
                wait(running, return_when=FIRST_COMPLETED)
            for future in [future for future in running if future.done()]:
                rows = running.pop(future)
                yield from zip(rows, _result(future, function, [items[row] for row in rows]), strict=True)
            pace = (time.perf_counter() - begun) / own
            if helpers > 0 and (running or left * pace > _WORTH_A_PROCESS):
                executor = _executor(helpers)
                chunk = max(int(_CHUNK_SECONDS / pace), 1)
                while executor is not None and left > 0 and len(running) < 2 * helpers:
                    rows = range(max(left - chunk, 0), left)
                    running[executor.submit(_each, function, [items[row] for row in rows])] = rows
                    left = rows.start
    finally:
        for future in running:
            future.cancel()


def _executor(helpers: int) -> Any:
    """Helping processes, or None where the system has none to offer, as some platforms of functions.

    A run of a benchmark, which is one of several processes already, has none either.
    """
    if multiprocessing.current_process().daemon:
        return None
    from loky import get_reusable_executor  # type: ignore[import-untyped]  # a service does without it

    try:
        return get_reusable_executor(
            max_workers=helpers, timeout=60, initializer=_end_with, initargs=(os.getpid(),)
        )
    except OSError:
        return None


def _end_with(parent: int) -> None:
    """Let this process end soon after the one that it helps has gone, even killed: nobody takes its results."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_SECONDS_TO_NOTICE)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _result(
    future: "Future[list[Result]]", function: Callable[[Item], Result], items: Sequence[Item]
) -> list[Result]:
    """What a helper has done; if it was killed, for want of memory for instance, the same from this process."""
    try:
        return future.result()
    except BrokenProcessPool:
        return _each(function, items)


def _each(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [function(item) for item in items]


def processors() -> int:
    """How many processors this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
