"""What a model rests on is said by what really happened in training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from didan.corpora import Corpus
from didan.errors import DidanWarning
from didan.model.account import account
from didan.model.config import make_config
from didan.model.trained import TrainedModel
from didan.training.train import train


def trained(source: Corpus, target: Corpus, cache: Path, *assignments: str) -> TrainedModel:
    assignments = ("optimisation.steps=4", "network.members=3", *assignments)
    config = make_config(None, "functionals", 0, assignments=assignments)
    return train(source, target.unlabelled(), config=config, cache=cache)


def said(model: TrainedModel, word: str) -> list[str]:
    return [line for line in account(model) if line.startswith(f"{word}: ")]


def test_known_speakers(source: Corpus, target: Corpus, session_cache: Path) -> None:
    model = trained(source, target, session_cache)
    speakers = target.table["speaker"].nunique()
    assert any(f"for {speakers} groups (by speaker)" in line for line in said(model, "estimated"))
    assert any("do not differ in mood" in line for line in said(model, "estimated"))
    assert said(model, "expect") == []
    assert "a third of the ensemble assumes" in said(model, "assumed")[1]
    assert said(model, "chosen") == [f"chosen: method didan; {model.record['selection']}"]


def test_unknown_speakers(source: Corpus, target: Corpus, session_cache: Path) -> None:
    unknown = replace(target, table=target.table.assign(speaker=np.nan))
    model = trained(source, unknown, session_cache)
    assert any(line.endswith(f"for all of {target.name} together") for line in said(model, "estimated"))
    assert "telephone calls" in said(model, "expect")[0]
    assert "Name the speakers only where each shows several emotions" in said(model, "expect")[0]
    low, high = model.normaliser.domain
    share = 100 * low.n_frames / (low.n_frames + high.n_frames)
    assert f"{share:.0f} % of {target.name} are low" in said(model, "estimated")[0]


def test_callers_in_one_mood_each(source: Corpus, target: Corpus, session_cache: Path) -> None:
    moody = replace(target, table=target.table.assign(speaker="caller " + target.table["emotion"]))
    with pytest.warns(DidanWarning, match="differ in mood"):
        model = trained(source, moody, session_cache)
    assert any(
        f"since its groups differ in mood ({model.record['mood']:.2f})" in line
        for line in said(model, "estimated")
    )


def test_what_is_known_of_neutral_is_no_guess(source: Corpus, target: Corpus, session_cache: Path) -> None:
    unknown = replace(target, table=target.table.assign(speaker=np.nan))
    model = trained(source, unknown, session_cache, "class_prior.neutral=0.6")
    assert said(model, "assumed")[1] == f"assumed: class prior of {target.name}: neutral 0.6"
    assert said(model, "expect") == []


def test_kinds_of_voice_are_named_only_where_they_are_told(
    source: Corpus, target: Corpus, session_cache: Path
) -> None:
    model = trained(source, target, session_cache, "normalisation.voices=false")
    assert not any("kinds of voice" in line for line in account(model))
