"""What a result was computed on and with."""

import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import torch

try:
    import resource
except ModuleNotFoundError:  # on Windows
    resource = None  # type: ignore[assignment]

from didan import __version__


def hardware() -> dict[str, str | int | None]:
    """Processor, threads that torch uses, and the accelerator if there is one."""
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def versions(*packages: str) -> dict[str, str]:
    """The version of each package: of didan that of the code which runs, of others the installed one.

    >>> list(versions("torch"))
    ['torch']
    """
    return {name: __version__ if name == "didan" else version(name) for name in packages}


def accelerator() -> str:
    """``cuda`` or ``cpu``; not Apple's, which has no float64 as solvers and marginals need it."""
    return "cuda" if torch.cuda.is_available() else "cpu"


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
