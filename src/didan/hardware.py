"""What a result was computed on and with."""

import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import torch


def hardware() -> dict[str, str | int | None]:
    """Processor, threads that torch uses, and the accelerator if there is one."""
    return {
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def versions(*packages: str) -> dict[str, str]:
    """The installed version of each package.

    >>> list(versions("torch"))
    ['torch']
    """
    return {name: version(name) for name in packages}


@contextmanager
def one_thread() -> Iterator[None]:
    """torch with one thread while the context lasts: of little work more threads mostly wait for one another."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)
