"""Cases in a process of their own, which may hang and die."""

import multiprocessing
import os
from collections.abc import Iterator
from multiprocessing.connection import Connection

from benchmarks.fuzz.cases import Outcome, run_case, warm_up

_SECONDS = 60.0
"""A case that takes longer hangs."""

_SECONDS_TO_START = 600.0

_CASES = 5000
"""After so many a process is replaced, so that what a case leaves behind does not add up."""


def _work(connection: Connection, seed: int, only: str | None) -> None:
    """Run the cases whose numbers come, until none does."""
    warm_up(only)
    connection.send(None)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    while (number := connection.recv()) is not None:
        connection.send(run_case(number, seed, only))


def outcomes(first: int, count: int, seed: int = 0, only: str | None = None) -> Iterator[Outcome]:
    """What became of each case."""
    context = multiprocessing.get_context("spawn")
    number = first
    while number < first + count:
        begun = number
        connection, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, seed, only), daemon=True)
        process.start()
        theirs.close()
        try:
            if not connection.poll(_SECONDS_TO_START) or connection.recv() is not None:
                raise RuntimeError("whole files cannot be read")
        except EOFError:
            raise RuntimeError("whole files cannot be read") from None
        try:
            for number in range(begun, min(begun + _CASES, first + count)):
                connection.send(number)
                if not connection.poll(_SECONDS):
                    yield Outcome(number, only or "?", "?", "fault", "hangs", _SECONDS, 0.0)
                    break
                yield connection.recv()
            else:
                connection.send(None)
        except (EOFError, ConnectionError):
            process.join()
            yield Outcome(number, only or "?", "?", "fault", f"the process died ({process.exitcode})", 0.0, 0.0)
        process.kill()
        process.join()
        number += 1
