import os
import time
from pathlib import Path

import pytest

from didan import parallel
from didan.errors import UserError
from didan.parallel import in_processes


def slow_square(number: int) -> tuple[int, int]:
    time.sleep(0.02)
    return number * number, os.getpid()


def square(number: int) -> int:
    return number * number


def refuse(number: int) -> int:
    if number == 3:
        raise UserError("three is wrong")
    return number


def die_elsewhere(number: int, pid: int) -> int:
    if os.getpid() != pid:
        os._exit(9)
    time.sleep(0.02)
    return number


class DieElsewhere:
    def __init__(self) -> None:
        self.pid = os.getpid()

    def __call__(self, number: int) -> int:
        return die_elsewhere(number, self.pid)


@pytest.mark.parametrize("workers", [1, 2, None])
def test_results_are_in_the_order_of_the_items(workers: int | None) -> None:
    reported: list[tuple[str, int, int]] = []
    results = in_processes(square, list(range(20)), workers, lambda *at: reported.append(at), "squares")
    assert results == [number * number for number in range(20)]
    assert reported[-1] == ("squares", 20, 20)
    assert [done for _, done, _ in reported] == sorted(done for _, done, _ in reported)


def test_nothing_to_do() -> None:
    assert in_processes(square, []) == []


def test_errors_are_passed_on() -> None:
    with pytest.raises(UserError, match="three is wrong"):
        in_processes(refuse, list(range(9)), 2)


@pytest.mark.slow
def test_other_processes_join_where_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_WORTH_A_PROCESS", 0.5)
    results = in_processes(slow_square, list(range(300)), 2)
    assert [value for value, _ in results] == [number * number for number in range(300)]
    assert len({pid for _, pid in results}) == 2


def test_little_work_stays_in_this_process() -> None:
    assert {pid for _, pid in in_processes(slow_square, list(range(10)), 2)} == {os.getpid()}


@pytest.mark.slow
def test_what_a_killed_helper_left_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_WORTH_A_PROCESS", 0.1)
    assert in_processes(DieElsewhere(), list(range(40)), 2) == list(range(40))


@pytest.mark.slow
def test_a_script_without_a_main_guard_is_not_run_again(tmp_path: Path) -> None:
    """As processes that are spawned would; helpers import functions only."""
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        "import time\nfrom didan import parallel\nfrom didan.parallel import in_processes\n"
        "parallel._WORTH_A_PROCESS = 0.1\nprint('begun')\n"
        "print(len(in_processes(time.sleep, [0.01] * 60, 2)))\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["begun", "60"]
