"""Which trainings the study of targets makes, and of which draw each has its target."""

import argparse
from pathlib import Path
from typing import Any

import pytest
from benchmarks.targets import measure, runs

from benchmarks import targets
from didan.corpora import Corpus


class DrawnError(Exception):
    """Ends a run once its target is drawn."""


def draws_of(
    every: list[dict[str, Any]], corpora: dict[str, Corpus], monkeypatch: pytest.MonkeyPatch
) -> list[int]:
    drawn = []

    def derive(corpus: Corpus, condition: str, draw: int, audio: Path) -> None:
        drawn.append(draw)
        raise DrawnError

    monkeypatch.setattr(targets, "derive", derive)
    for run in every:
        with pytest.raises(DrawnError):
            measure(run, corpora, argparse.Namespace(audio=Path("audio")))
    return drawn


def test_each_seed_has_its_own_draw_or_all_have_one(
    source: Corpus, target: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora = {"a": source, "b": target}
    own, shared = (list(runs(list(corpora), 3, ["didan"], ["half"], draw)) for draw in (None, 1))
    assert draws_of(own, corpora, monkeypatch) == [run["seed"] for run in own]
    assert set(draws_of(shared, corpora, monkeypatch)) == {1}
    # Where all have one draw, records of runs with draws of their own do not count.
    assert not any(run.items() <= other.items() for run in shared for other in own)
    assert [run["seed"] for run in shared] == [run["seed"] for run in own] == [0] * 4 + [1] * 4 + [2] * 4


def test_callers_in_one_mood_are_always_known() -> None:
    every = list(runs(["a", "b"], 1, ["didan"], ["moody", "even"]))
    assert {(run["condition"], run["group"]) for run in every} == {
        ("moody", "speaker"),
        ("even", "speaker"),
        ("even", "none"),
    }
