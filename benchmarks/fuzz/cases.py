"""Cases: each is a number, and the number alone decides what is damaged and how."""

import os
import resource
import shutil
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fuzz.kinds import is_text, kinds
from benchmarks.fuzz.mutations import damaged
from didan.errors import UserError

MAX_BYTES = 2**30
"""What a case may take of memory, beyond what the process holds already."""


_LONGEST_REFUSAL = 2000


@dataclass(frozen=True)
class Outcome:
    """What a reader made of a case.

    Attributes:
        number: of the case.
        kind: of file.
        seed: the file that was damaged.
        outcome: ``read``, ``refused`` or ``fault``.
        detail: the refusal, or the traceback.
        seconds: that it took.
        megabytes: that the process grew by meanwhile, at its peak.
    """

    number: int
    kind: str
    seed: str
    outcome: str
    detail: str
    seconds: float
    megabytes: float


def make_case(number: int, folder: Path, seed: int = 0, only: str | None = None) -> tuple[str, str, Path]:
    """Write the files of a case into a folder; its kind, the name of its seed, and what to read."""
    random = np.random.default_rng([seed, number])
    shares = {name: kind.share for name, kind in kinds().items() if only in (None, name)}
    name = str(random.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))
    seeds = kinds()[name].seeds
    chosen = seeds[int(random.integers(len(seeds)))]
    place = folder / chosen.name
    if chosen.is_dir():
        files = sorted(file for file in chosen.rglob("*") if file.is_file())
        shutil.copytree(chosen, place, copy_function=os.link if _same_disk(chosen, folder) else shutil.copyfile)
        file = files[int(random.integers(len(files)))]
        target = place / file.relative_to(chosen)
        target.unlink()
    else:
        files, file, target = list(seeds), chosen, place
    others = [other.read_bytes() for other in files]
    target.write_bytes(damaged(file.read_bytes(), others, random, is_text=is_text(file)))
    return name, file.name, place


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def run_case(number: int, seed: int = 0, only: str | None = None) -> Outcome:
    """Make a case, and see what its reader makes of it."""
    with tempfile.TemporaryDirectory(prefix="didan-fuzz-") as folder:
        kind, name, place = make_case(number, Path(folder), seed, only)
        _forget_peak()
        before, begun = _memory("VmRSS"), time.perf_counter()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                kinds()[kind].read(place)
            outcome, detail = "read", ""
        except UserError as error:
            outcome, detail = "refused", str(error)
            if len(detail) > _LONGEST_REFUSAL:
                outcome, detail = "fault", f"a refusal of {len(detail)} letters: {detail[:200]!r}"
        except Exception:
            outcome, detail = "fault", traceback.format_exc()
        seconds, grown = time.perf_counter() - begun, (_memory("VmHWM") - before) / 2**20
    if grown > MAX_BYTES / 2**21:
        outcome, detail = "fault", f"{grown:.0f} MB\n{detail}"
    return Outcome(number, kind, name, outcome, detail, seconds, grown)


def warm_up(only: str | None = None) -> None:
    """Read every seed once, so that what is imported and kept is no case's, then bound memory."""
    for kind in (kind for name, kind in kinds().items() if only in (None, name)):
        for seed in kind.seeds:
            with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                place = Path(folder, seed.name)
                copy: Callable[..., object] = shutil.copytree if seed.is_dir() else shutil.copyfile
                copy(seed, place)
                kind.read(place)
    most = _memory("VmSize") + 2 * MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _memory(field: str) -> int:
    """Bytes of this process, as Linux counts them."""
    for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def _forget_peak() -> None:
    with suppress(OSError):  # where the system does not let us
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
