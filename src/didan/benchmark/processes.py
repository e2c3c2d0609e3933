"""Runs side by side on one machine, each in a process of its own."""

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from didan.benchmark.run import Run
from didan.errors import UserError
from didan.records import Record


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended: with a record, or with an error."""

    run: Run
    record: Record | None
    error: str = ""


Work = Callable[[Run], Record]


def in_processes(work: Work, runs: Sequence[Run], workers: int, attempts: int = 2) -> Iterator[Outcome]:
    """Do runs in parallel, each in a fresh process, so that its peak of memory is its own.

    A process that dies without an answer, such as one that the system kills for want of memory, costs its run one
    attempt.

    Args:
        work: what to do with a run; it is sent to the processes, so it must be picklable.
        runs: the runs.
        workers: how many at a time.
        attempts: after how many deaths a run counts as failed.

    Yields:
        Outcomes, as they come.
    """
    context: Any = multiprocessing.get_context()
    if "forkserver" in multiprocessing.get_all_start_methods():  # not on Windows
        context = multiprocessing.get_context("forkserver")
        # Imports happen once, in the server that the processes are forked from.
        context.set_forkserver_preload(["didan.benchmark.execute"])
    waiting = [(run, 1) for run in reversed(runs)]
    busy: dict[Connection, tuple[Run, int, BaseProcess]] = {}
    try:
        while waiting or busy:
            while waiting and len(busy) < workers:
                run, attempt = waiting.pop()
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_work, args=(work, run, sender), daemon=True)
                process.start()
                sender.close()
                busy[receiver] = (run, attempt, process)
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                run, attempt, process = busy.pop(ready)
                try:
                    record, error = ready.recv()
                except EOFError:
                    process.join()
                    record, error = None, f"the process ended with code {process.exitcode}"
                    if attempt < attempts:
                        waiting.append((run, attempt + 1))
                        continue
                process.join()
                yield Outcome(run=run, record=record, error=error)
    finally:
        for _, _, process in busy.values():
            process.terminate()


def _work(work: Work, run: Run, sender: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sender.send(attempt(work, run))


def _end_with_parent() -> None:
    """End this process when its parent is gone, even killed: nobody would keep the record."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def attempt(work: Work, run: Run) -> tuple[Record | None, str]:
    """The record of a run and no error, or None and the error."""
    try:
        return work(run), ""
    except UserError as error:
        return None, str(error)
    except Exception:
        return None, traceback.format_exc()
