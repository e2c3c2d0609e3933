"""Work on a Ray cluster: what a machine that dies has begun is done again on another."""

import socket
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from didan.errors import UserError
from didan.extras import require

_RETRIES = 3
_SECONDS_TO_ANSWER = 10
_AT_A_TIME = 1000

Item = TypeVar("Item")
Result = TypeVar("Result")


class LostError(Exception):
    """Work that ended with no result: an error that it did not return itself, or too many machines that died."""


class Cluster(Generic[Item, Result]):
    """A cluster that one is connected to; see :func:`connected`."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    def completed(
        self, function: Callable[[Item], Result], items: Sequence[Item], *, fresh: bool = False
    ) -> Generator[tuple[int, Result | LostError]]:
        """Apply a function to every item, one processor each.

        Args:
            function: what to do with an item. It returns errors that are not to be taken for lost work.
            items: the items.
            fresh: whether each has a process of its own.

        Yields:
            Number of an item and its result, as they come.
        """
        options = {"num_cpus": 1, "max_retries": _RETRIES} | ({"max_calls": 1} if fresh else {})
        remote: Any = self._ray.remote(**options)(_apply)
        work = self._ray.put(function)
        waiting = list(reversed(range(len(items))))
        pending: dict[Any, int] = {}
        try:
            while waiting or pending:
                while waiting and len(pending) < _AT_A_TIME:
                    row = waiting.pop()
                    pending[remote.remote(work, items[row])] = row
                ready, _ = self._ray.wait(list(pending), num_returns=1)
                for reference in ready:
                    row = pending.pop(reference)
                    result: Result | LostError
                    try:
                        result = self._ray.get(reference)
                    except self._ray.exceptions.RayError as problem:
                        result = LostError(f"lost on the cluster: {problem}")
                    yield row, result
        finally:
            for reference in pending:
                self._ray.cancel(reference)


def _apply(function: Callable[[Item], Result], item: Item) -> Result:
    return function(item)


@contextmanager
def connected(address: str) -> Iterator[Cluster[Any, Any]]:
    """The cluster at an address, while the block lasts. Every machine of it needs didan.

    Args:
        address: of the head node, ``HOST:PORT``, or ``auto``.

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
        yield Cluster(ray)
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Fail at once where nobody listens; Ray itself would go on trying for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "/" not in host:
        socket.create_connection((host, int(port)), _SECONDS_TO_ANSWER).close()
