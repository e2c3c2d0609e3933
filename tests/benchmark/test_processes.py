"""Work that is sent to real processes, some of which die."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from didan.benchmark.processes import in_processes
from didan.benchmark.run import Run
from didan.errors import UserError


def runs(n: int) -> list[Run]:
    return [
        Run(
            sources=("a",),
            target="b",
            features="spectrogram",
            name=f"method{number}",
            method="didan",
            seed=number,
            settings={},
        )
        for number in range(n)
    ]


def work(run: Run, folder: Path) -> dict[str, Any]:
    marks = folder / f"{run.seed}"
    with marks.open("a") as file:
        file.write("x")
    if run.name == "method1":
        raise UserError("the user is to blame")
    if run.name == "method2":
        raise ZeroDivisionError("the programmer is to blame")
    if run.name == "method3" and marks.stat().st_size < 2:
        os.kill(os.getpid(), signal.SIGKILL)
    if run.name == "method4":
        os.kill(os.getpid(), signal.SIGKILL)
    return {"seed": run.seed, "process": os.getpid()}


def test_every_run_has_an_outcome_whatever_becomes_of_its_process(tmp_path: Path) -> None:
    outcomes = {o.run.seed: o for o in in_processes(partial(work, folder=tmp_path), runs(6), workers=2)}
    assert set(outcomes) == set(range(6))
    assert outcomes[0].record is not None
    assert outcomes[1].error == "the user is to blame"
    assert "ZeroDivisionError: the programmer is to blame" in outcomes[2].error
    # Killed once, it is done again; killed twice, it has failed.
    assert outcomes[3].record is not None
    assert (tmp_path / "3").stat().st_size == 2
    assert outcomes[4].record is None
    assert "ended with code -9" in outcomes[4].error
    assert (tmp_path / "4").stat().st_size == 2
    processes = [o.record["process"] for o in outcomes.values() if o.record is not None]
    assert len(set(processes)) == len(processes)
    assert os.getpid() not in processes


def slow(run: Run, folder: Path) -> dict[str, Any]:
    (folder / f"{run.seed}-begun").touch()
    time.sleep(60)
    return {}


def test_processes_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    """Even if it is killed and can tell them nothing."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from functools import partial; from pathlib import Path\n"
        "from didan.benchmark.processes import in_processes; import orphans\n"
        "if __name__ == '__main__':\n"
        "    next(in_processes(partial(orphans.sleep, folder=Path(sys.argv[1])), orphans.RUNS, workers=1))\n"
    )
    (tmp_path / "main.py").write_text(code)
    (tmp_path / "orphans.py").write_text(
        "import os, time\n"
        "from didan.benchmark.run import Run\n"
        "names = {'features': 'spectrogram', 'name': 'm', 'method': 'didan'}\n"
        "RUNS = [Run(sources=('a',), target='b', seed=0, settings={}, **names)]\n"
        "def sleep(run, folder):\n"
        "    (folder / 'pid').write_text(str(os.getpid()))\n"
        "    time.sleep(120)\n"
    )
    parent = subprocess.Popen([sys.executable, str(tmp_path / "main.py"), str(tmp_path)])
    pid_file = tmp_path / "pid"
    wait_until(lambda: pid_file.exists() and pid_file.read_text() != "")
    child = int(pid_file.read_text())
    parent.kill()
    parent.wait()
    wait_until(lambda: not alive(child))


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_interruption_ends_the_processes(tmp_path: Path) -> None:
    outcomes = in_processes(partial(slow, folder=tmp_path), runs(1), workers=1)

    def alarm(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, alarm)
    try:
        signal.setitimer(signal.ITIMER_REAL, 3)
        with pytest.raises(KeyboardInterrupt):
            next(outcomes)
    finally:
        signal.signal(signal.SIGALRM, before)
    outcomes.close()  # type: ignore[attr-defined]
