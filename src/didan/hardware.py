"""What a result was computed on and with."""

import platform
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
