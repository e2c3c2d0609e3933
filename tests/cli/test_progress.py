"""Where standard error is no terminal, long work is told of in lines, by a clock that the test turns."""

import time

import pytest

from didan.cli import run
from didan.cli.output import Level, say, say_from, warn
from didan.cli.progress import ProgressLines, progress_bars


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def told(steps: list[tuple[float, str, int, int]]) -> list[tuple[float, str]]:
    """What is told when: seconds that pass, then the hook's call."""
    clock, lines = Clock(), list[tuple[float, str]]()
    hook = ProgressLines(clock, lambda text: lines.append((clock.now - 1000, text)))
    for seconds, what, done, total in steps:
        clock.now += seconds
        hook(what, done, total)
    return lines


def test_short_work_is_not_told_of() -> None:
    assert told([(0.04, "reading", done, 100) for done in range(1, 101)]) == []


def test_long_work_is_told_of_at_first_now_and_then_and_at_the_end() -> None:
    lines = told([(1.0, "reading", done, 100) for done in range(1, 101)])
    assert lines == [
        (5, "reading: 5 of 100, about 1 min 35 s left"),
        (35, "reading: 35 of 100, about 1 min 5 s left"),
        (65, "reading: 65 of 100, about 35 s left"),
        (95, "reading: 95 of 100, about 5 s left"),
        (100, "reading: 100 of 100, took 1 min 40 s"),
    ]


def test_a_single_long_step_is_told_of_when_it_has_ended() -> None:
    assert told([(4000.0, "predicting", 1, 1)]) == [(4000, "predicting: 1 of 1, took 1 h 6 min")]


def test_work_begins_when_the_one_before_has_ended() -> None:
    steps = [(20.0, "first", 1, 1), (6.0, "second", 1, 2), (1.0, "second", 2, 2), (1.0, "second", 2, 2)]
    assert told(steps) == [
        (20, "first: 1 of 1, took 20 s"),
        (26, "second: 1 of 2, about 6 s left"),
        (27, "second: 2 of 2, took 7 s"),
    ]


def test_the_same_work_again_is_work_anew() -> None:
    again = [(1.0, "reading", done, 4) for done in (1, 2, 3, 4)] * 2
    assert told(again) == []


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    say_from(Level.info)
    with progress_bars() as hook:
        assert isinstance(hook, ProgressLines)
        hook("work", 1, 2)
    monkeypatch.setattr(hook, "_clock", lambda: time.monotonic() + 1000)
    hook("work", 2, 2)
    assert capsys.readouterr() == ("", "work: 2 of 2, took 16 min 40 s\n")


def told_at(level: Level, capsys: pytest.CaptureFixture[str]) -> str:
    try:
        say_from(level)
        with progress_bars() as hook:
            hook("work", 1, 1)
            assert isinstance(hook, ProgressLines) == (level in (Level.debug, Level.info))
        say("done")
        warn("beware")
    finally:
        say_from(Level.info)
    out, err = capsys.readouterr()
    assert out == ""
    return err


def test_what_is_said_at_each_level(capsys: pytest.CaptureFixture[str]) -> None:
    assert told_at(Level.error, capsys) == ""
    assert told_at(Level.warning, capsys) == "note: beware\n"
    assert told_at(Level.info, capsys) == told_at(Level.debug, capsys) == "done\nnote: beware\n"


@pytest.mark.parametrize(("options", "where"), [([], False), (["--log-level", "debug"], True)])
def test_where_an_error_comes_from(options: list[str], where: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*options, "explain", "nowhere", "nothing.wav"]) == 2
    err = capsys.readouterr().err
    assert ("Traceback" in err) == where
    assert err.splitlines()[-1].startswith("didan: model nowhere does not exist")


def test_quiet_is_for_one_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--quiet", "predict", "nowhere", "nothing.wav"]) == 2
    assert capsys.readouterr().err.startswith("didan: ")  # errors are said
    assert run(["predict", "nowhere", "nothing.wav"]) == 2
    say("something")
    assert capsys.readouterr().err.endswith("something\n")


def test_exit_codes_are_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for code in ("0 done", "1 a fault", "2 what was given", "130 interrupted"):
        assert code in text
