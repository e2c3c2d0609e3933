"""Runs on a Ray cluster."""

import socket
from collections.abc import Iterator, Sequence
from typing import Any

from didan.benchmark.processes import Outcome, Work, attempt
from didan.benchmark.run import Run
from didan.errors import UserError
from didan.extras import require

_RETRIES = 3
_SECONDS_TO_ANSWER = 10
_AT_A_TIME = 1000


def on_cluster(work: Work, runs: Sequence[Run], address: str) -> Iterator[Outcome]:
    """Do runs on a cluster, one processor each; the run of a machine that dies is done again on another.

    Every machine needs didan, and the corpora under the same paths. Features are shared where the cache folder is.

    Args:
        work: what to do with a run.
        runs: the runs.
        address: of the head node, ``HOST:PORT``, or ``auto``.

    Yields:
        Outcomes, as they come.

    Raises:
        UserError: Ray is not installed, or there is no cluster at that address.
    """
    ray = require("ray", "ray", "--ray")
    try:
        _knock(address)
        ray.init(address=address, logging_level="ERROR", log_to_driver=False)
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"--ray {address}: no Ray cluster answers there ({reason})") from None
    try:
        # One process per run, as on one machine. Only the death of a worker is retried: errors are returned.
        remote: Any = ray.remote(num_cpus=1, max_calls=1, max_retries=_RETRIES)(attempt)
        waiting = list(reversed(runs))
        pending: dict[Any, Run] = {}
        while waiting or pending:
            while waiting and len(pending) < _AT_A_TIME:
                run = waiting.pop()
                pending[remote.remote(work, run)] = run
            ready, _ = ray.wait(list(pending), num_returns=1)
            for reference in ready:
                run = pending.pop(reference)
                try:
                    record, complaint = ray.get(reference)
                except ray.exceptions.RayError as problem:
                    record, complaint = None, f"lost on the cluster: {problem}"
                yield Outcome(run=run, record=record, error=complaint)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody listens; Ray itself would go on trying for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), _SECONDS_TO_ANSWER).close()
