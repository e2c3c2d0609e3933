"""The readers are given damaged files, a few of those that `python -m benchmarks.fuzz` makes."""

from pathlib import Path

import pytest
from benchmarks.fuzz import cases
from benchmarks.fuzz.cases import make_case, run_case
from benchmarks.fuzz.kinds import Kind, kinds
from benchmarks.fuzz.processes import outcomes

from didan.errors import UserError

CASES = 300
FOUND = [3340, 4248, 4635, 7547, 28036, 39120, 57323, 78820]
"""Numbers of cases that once ended in a traceback, or took gigabytes."""


def files_of(number: int, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    make_case(number, folder)
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_number_is_a_case(tmp_path: Path) -> None:
    made = [files_of(number, tmp_path / f"{number}-{time}") for time in range(2) for number in range(5)]
    assert made[:5] == made[5:]
    assert len({str(one) for one in made}) == 5


def test_damaged_files_are_read_or_refused() -> None:
    made = list(outcomes(0, CASES))
    assert [one for one in made if one.outcome == "fault"] == []
    assert [one.number for one in made] == list(range(CASES))
    assert {one.kind for one in made} == set(kinds())
    assert {one.outcome for one in made} == {"read", "refused"}


def test_what_was_once_a_fault_is_none() -> None:
    assert [one for one in map(run_case, FOUND) if one.outcome == "fault"] == []


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ZeroDivisionError(), "fault"), (UserError("x" * 3000), "fault"), (UserError("x"), "refused")],
)
def test_a_fault_is_seen(error: Exception, outcome: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(place: Path) -> None:
        raise error

    broken = {"audio": Kind(kinds()["audio"].seeds, read, 1)}
    monkeypatch.setattr(cases, "kinds", lambda: broken)
    assert run_case(0).outcome == outcome
