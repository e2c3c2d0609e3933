"""What a result was computed on and with."""

import os
import platform
import re
import sys
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import torch

try:
    import resource
except ModuleNotFoundError:  # on Windows
    resource = None  # type: ignore[assignment]

from didan import __version__


def hardware(varying: Collection[str] | None = None) -> dict[str, str | int | None]:
    """Processor, threads that torch uses, and the accelerator if there is one.

    Args:
        varying: operations on the accelerator that may give other numbers each time, see :func:`deterministic`;
            None where nobody has looked.
    """
    found: dict[str, str | int | None] = {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": None,
    }
    if accelerator() != "cpu":
        found["gpu"] = torch.cuda.get_device_name()
        if varying is not None:
            found["not_deterministic"] = ", ".join(sorted(varying)) or "nothing"
    return found


def versions(*packages: str) -> dict[str, str]:
    """The version of each package: of didan that of the code which runs, of others the installed one.

    >>> list(versions("torch"))
    ['torch']
    """
    return {name: __version__ if name == "didan" else version(name) for name in packages}


def accelerator() -> str:
    """``cuda`` or ``cpu``; not Apple's, which has no float64 as solvers and marginals need it."""
    return "cuda" if torch.cuda.is_available() else "cpu"


_VARIES = re.compile(r"(.*?) (?:does not have a |defaults to a non-)deterministic (?:implementation|algorithm)")


@contextmanager
def deterministic() -> Iterator[set[str]]:
    """The same numbers each time on a GPU, wherever torch has operations that give them.

    Yields:
        A set that in the end holds the operations that may have given others; always empty without a GPU.
    """
    varying: set[str] = set()
    if accelerator() == "cpu":
        yield varying
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # or else matrix products vary
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    try:
        torch.use_deterministic_algorithms(True, warn_only=True)
        with warnings.catch_warnings(record=True) as caught:
            warnings.filterwarnings("always", message=_VARIES.pattern)
            yield varying
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
    for one in caught:
        if named := _VARIES.match(str(one.message)):
            varying.add(named[1])
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)


@contextmanager
def one_thread() -> Iterator[None]:
    """torch with one thread while the context lasts: of little work more threads mostly wait for one another."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)


def peak_memory() -> int | None:
    """The most MB that this process has held so far, None where the system does not tell."""
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10))


def free_memory() -> int | None:
    """Bytes that this process can still take, None where the system does not tell."""
    limits = [_available(), _left_of_address_space(), _left_of_container()]
    return min((limit for limit in limits if limit is not None), default=None)


def _available() -> int | None:
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return None


def _left_of_address_space() -> int | None:
    """What a limit set with ``ulimit -v`` leaves."""
    if resource is None:
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return None
    with suppress(OSError, ValueError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return max(soft - pages * resource.getpagesize(), 0)
    return None


def _left_of_container() -> int | None:
    """What the limit of a control group leaves."""
    with suppress(OSError, ValueError):
        limit, used = (
            int(Path(f"/sys/fs/cgroup/memory.{name}").read_text(encoding="ascii")) for name in ("max", "current")
        )
        return max(limit - used, 0)
    return None
