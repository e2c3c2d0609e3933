"""Two ways measured in turn on a machine that others use too, and the machine's own limits."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import torch

Work = Callable[[], object]


@dataclass(frozen=True)
class Ratio:
    """How long one way takes in units of another.

    Attributes:
        median: of the ratios of all pairs.
        low: the lowest.
        high: the highest.
        seconds: the shortest time of the first way.
    """

    median: float
    low: float
    high: float
    seconds: float


def processor_seconds(work: Work) -> float:
    """Time that this process had a processor for one call: others do not count, as they would on the clock."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


def clock_seconds(work: Work) -> float:
    """Time of one call by the clock, for work of several threads or processes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def command_seconds(command: Sequence[str]) -> float:
    """Time that a command had a processor.

    Raises:
        RuntimeError: it failed.
    """
    started = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(started.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return used.ru_utime + used.ru_stime


def in_pairs(ours: Callable[[], float], other: Callable[[], float], pairs: int) -> Ratio:
    """Measure two ways alternately, after one pair that does not count.

    Args:
        ours: does the work and returns the seconds that it took.
        other: the same for what it is compared with.
        pairs: how many count.
    """
    times = [(ours(), other()) for _ in range(pairs + 1)][1:]
    ratios = [one / another for one, another in times]
    return Ratio(median(ratios), min(ratios), max(ratios), min(one for one, _ in times))


def peak_rate(size: int = 1024, rounds: int = 10) -> float:
    """Operations in a second of one thread in a large product of single precision, where it does nothing else."""
    one, other = torch.rand(size, size), torch.rand(size, size)
    return 2 * size**3 / min(processor_seconds(lambda: one @ other) for _ in range(rounds))
