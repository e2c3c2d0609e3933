"""Adaptation of a trained model without its source: nothing of the source is read, and it can be interrupted."""

import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from didan.corpora import Corpus
from didan.errors import UserError
from didan.features import PackedFeatures, load_features
from didan.inference.explain import explain
from didan.model.card import model_card
from didan.model.config import Config, make_config
from didan.model.directory import load, save
from didan.model.trained import TrainedModel
from didan.training import loop
from didan.training.adapt import adapt, adapting_config
from didan.training.loop import _schedule
from didan.training.module import Weights
from didan.training.train import train
from helpers import InterruptAt


@pytest.fixture(scope="module")
def trained(tiny_corpora: tuple[Corpus, Corpus], session_cache: Path) -> TrainedModel:
    few = ["optimisation.steps=40", "optimisation.batch_size=8", "normalisation.group=none"]
    return train(*tiny_corpora, config=make_config("source-only", assignments=few), cache=session_cache)


def without_source(model: TrainedModel, method: str | None = None) -> Config:
    return adapting_config(model, method, assignments=["optimisation.steps=24"], source_free=True)


def same_weights(first: TrainedModel, second: TrainedModel) -> bool:
    a, b = first.network.state_dict(), second.network.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_neither_recordings_nor_features_of_the_source_are_needed(
    trained: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path
) -> None:
    table = trained.source_index.table.assign(file="gone.wav")
    nowhere = replace(trained, source_index=replace(trained.source_index, table=table))
    target = tiny_corpora[1].unlabelled()
    new, change = adapt(nowhere, target, config=without_source(trained), cache=tmp_path / "c", out=tmp_path / "m")
    assert same_weights(new, load(tmp_path / "m"))
    assert change.n == len(target)
    with pytest.raises(UserError, match="neither where they were nor in the cache"):
        adapt(nowhere, target, config=adapting_config(nowhere), cache=tmp_path / "c")


def test_what_an_emotion_is_stays_and_what_is_heard_changes(
    trained: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    new, _ = adapt(trained, tiny_corpora[1].unlabelled(), config=without_source(trained), cache=session_cache)
    before, after = trained.network.state_dict(), new.network.state_dict()
    for name, weights in before.items():
        assert torch.equal(weights, after[name]) == ("output" in name)
    assert "fit" not in new.history
    assert (new.history["weight"] == 1).all()
    assert new.history["pseudo_labels"].notna().all()
    assert new.temperature == trained.temperature
    assert "without the source" in model_card(new)


def test_nothing_is_said_of_a_source_that_it_has_not_heard(
    trained: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path
) -> None:
    """What the network made of the source before is another network's."""
    apart = replace(trained, source_index=replace(trained.source_index, features=None))
    file, target = Path(tiny_corpora[1].table["file"].iloc[0]), tiny_corpora[1].unlabelled()
    new, change = adapt(apart, target, config=without_source(apart), cache=session_cache, out=tmp_path / "m")
    compares = {"importance-weighted-validation", "deep-embedded-validation", "ida-residual"}
    assert {name for name, score in change.criteria_after.items() if math.isnan(score)} == compares
    for model in (new, load(tmp_path / "m")):
        assert "held out" not in model_card(model)
        with pytest.raises(UserError, match="has not heard since"):
            explain(model, file)
    assert new.record["n_source"] == trained.record["n_source"]


def test_a_source_whose_features_are_included_is_heard_again(
    trained: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    cached = load_features(
        tiny_corpora[0].grouped(trained.group).unlabelled(),
        trained.config.frontend,
        trained.config.normalisation,
        session_cache,
    )
    included = replace(
        trained, source_index=replace(trained.source_index, features=PackedFeatures.pack(cached.raw))
    )
    target = tiny_corpora[1].unlabelled()
    new, change = adapt(included, target, config=without_source(trained), cache=session_cache)
    expected = new.network.run(cached.told_apart(new.normaliser.voices)).embeddings
    for layer, embeddings in new.source_index.embeddings.items():
        torch.testing.assert_close(embeddings, expected[layer], rtol=0.02, atol=0.02)
        before = trained.source_index.embeddings[layer]
        assert (embeddings - before).abs().mean() > 3 * (embeddings - expected[layer]).abs().mean()
    assert math.isfinite(change.criteria_after["ida-residual"])


@pytest.mark.parametrize(("method", "step"), [("shot", 21), ("ecan", 4), ("ecan", 21)])
def test_a_resumed_one_equals_an_uninterrupted_one(
    trained: TrainedModel,
    tiny_corpora: tuple[Corpus, Corpus],
    session_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    step: int,
) -> None:
    """The bank of features is kept with the network."""
    monkeypatch.setattr(loop, "_SECONDS_BETWEEN_CHECKPOINTS", -1.0)
    target = tiny_corpora[1].unlabelled()
    arguments: dict[str, Any] = {"config": without_source(trained, method), "cache": session_cache}
    whole, expected = adapt(trained, target, **arguments)
    with pytest.raises(KeyboardInterrupt):
        adapt(trained, target, **arguments, out=tmp_path / "m", progress=InterruptAt("training", step))
    new, change = adapt(trained, target, **arguments, out=tmp_path / "m", resume=True)
    assert same_weights(new, whole)
    assert change == expected
    pd.testing.assert_frame_equal(new.history, whole.history)


def test_in_a_training_the_source_comes_first() -> None:
    schedule = _schedule(make_config("ecan", assignments=["method_settings.trade_off=0.3"]))
    first, second = Weights(1, 0, 1), Weights(0, 0.3, 0.1)
    assert [schedule(progress) for progress in (0, 0.49, 0.5, 1)] == [first, first, second, second]
    ramped = _schedule(make_config("ecan", assignments=["method_settings.ramp=0.5"]))
    assert [ramped(progress).alignment for progress in (0.5, 0.625, 0.75, 0.9)] == [0, 0.5, 1, 1]


def test_nothing_is_learnt_of_the_target_while_the_source_is_there(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    few = ["optimisation.steps=40", "optimisation.batch_size=8", "method_settings.pretraining=0.5"]
    history = train(*tiny_corpora, config=make_config("shot", assignments=few), cache=session_cache).history
    assert history["pseudo_labels"].notna().tolist() == [step >= 24 for step in range(40)]
    assert history["loss"][:20].tolist() == history["fit"][:20].tolist()


def test_without_source_from_the_beginning_there_must_be_a_model(
    tiny_corpora: tuple[Corpus, Corpus], tmp_path: Path
) -> None:
    config = make_config("ecan", assignments=["method_settings.pretraining=0"])
    with pytest.raises(UserError, match="begins with a trained network"):
        train(*tiny_corpora, config=config, cache=tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_method_is_one_that_can(trained: TrainedModel) -> None:
    config = adapting_config(trained, source_free=True)
    assert config.method == "shot"
    assert not config.needs_source
    with pytest.raises(UserError, match="method didan needs the source; without it: ecan, shot"):
        adapting_config(trained, "didan", source_free=True)
    with pytest.raises(UserError, match="method ecan needs the source"):
        adapting_config(trained, "ecan", assignments=["method_settings.pretraining=0.5"], source_free=True)


def test_a_saved_one_is_adapted_again(
    trained: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path
) -> None:
    target = tiny_corpora[1].unlabelled()
    new, _ = adapt(trained, target, config=without_source(trained), cache=session_cache)
    save(new, tmp_path / "m")
    shutil.copytree(tmp_path / "m", tmp_path / "copy")
    again = load(tmp_path / "copy")
    assert adapting_config(again).method == "shot"
    assert not adapting_config(again).needs_source
    twice, _ = adapt(again, target, config=without_source(again), cache=session_cache)
    assert twice.record["adapted_from"]["adapted_from"] is not None
