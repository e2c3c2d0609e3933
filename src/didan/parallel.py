"""Work on many files at a time, with progress, ending early on an error or Ctrl-C."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from didan.typing import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int | None = None,
    progress: Progress | None = None,
    stage: str = "files",
) -> list[Result]:
    """Apply a function to every item; threads suffice, since decoding and arithmetic happen outside Python.

    Args:
        function: what to do with an item.
        items: the items.
        workers: threads; as many as there are processors if None.
        progress: called after every item.
        stage: what the progress is of.

    Returns:
        The results, in the order of the items.

    >>> in_threads(abs, [-2, 1])
    [2, 1]
    """
    pool = ThreadPoolExecutor(workers or processors())
    try:
        jobs = [pool.submit(function, item) for item in items]
        for done, job in enumerate(as_completed(jobs), start=1):
            job.result()
            if progress:
                progress(stage, done, len(jobs))
        return [job.result() for job in jobs]
    finally:
        # After an error or Ctrl-C, what has not begun is not begun any more.
        pool.shutdown(cancel_futures=True)


def processors() -> int:
    """How many processors this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
