"""A model on hidden states of an encoder, from training to a shared folder."""

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from didan.corpora import Corpus
from didan.errors import UserError
from didan.evaluation import evaluate
from didan.features import encoders_of
from didan.features.encoders import trained_on
from didan.features.frontend import cached_frontend
from didan.inference.explain import explain
from didan.model.config import Config, make_config
from didan.model.directory import load, save
from didan.model.hub import PretrainedModel
from didan.model.trained import TrainedModel
from didan.training.adapt import adapt, adapting_config
from didan.training.train import train
from models import predictions
from tiny_encoders import make_encoder

QUICK = ["optimisation.steps=20", "optimisation.batch_size=8"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_encoder("wav2vec2", tmp_path_factory.mktemp("hub") / "owner-tiny")


@pytest.fixture(scope="module")
def config(encoder: Path) -> Config:
    with contextlib.chdir(encoder.parent):  # by a name that holds there alone
        return make_config(
            frontend="functionals+pretrained", assignments=[f"frontend.model={encoder.name}", *QUICK]
        )


@pytest.fixture(scope="module")
def model(config: Config, encoder: Path, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path) -> TrainedModel:
    source, target = tiny_corpora
    with contextlib.chdir(encoder.parent):
        return train(source, target, config=config, cache=session_cache, include_encoder=True)


def test_it_evaluates_as_it_predicts(
    model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    evaluated = evaluate(model, tiny_corpora[1], cache=session_cache).utterances[list(model.emotions)].to_numpy()
    np.testing.assert_array_equal(predictions(model, tiny_corpora[1]).astype(evaluated.dtype), evaluated)


def test_a_directory_without_the_encoder_names_it_and_needs_it(
    model: TrainedModel, encoder: Path, tiny_corpora: tuple[Corpus, Corpus], tmp_path: Path
) -> None:
    save(replace(model, includes_encoder=False), tmp_path / "model")
    assert not list((tmp_path / "model").rglob("preprocessor_config.json"))
    moved = encoder.rename(tmp_path / "away")
    try:
        cached_frontend.cache_clear()
        loaded = load(tmp_path / "model")  # an encoder is looked for when it is needed
        with pytest.raises(UserError, match="owner-tiny"):
            predictions(loaded, tiny_corpora[1])
    finally:
        moved.rename(encoder)
    np.testing.assert_array_equal(predictions(loaded, tiny_corpora[1]), predictions(model, tiny_corpora[1]))


def test_a_directory_with_the_encoder_is_complete(
    model: TrainedModel, encoder: Path, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path
) -> None:
    save(model, tmp_path / "first")
    shutil.move(tmp_path / "first", tmp_path / "model")
    expected = predictions(model, tiny_corpora[1])
    moved = encoder.rename(tmp_path / "away")
    try:
        loaded = load(tmp_path / "model")
        np.testing.assert_array_equal(predictions(loaded, tiny_corpora[1]), expected)
        adapted, _ = adapt(
            loaded, tiny_corpora[1].unlabelled(), config=adapting_config(loaded), cache=session_cache,
            out=tmp_path / "adapted",
        )  # fmt: skip
        assert adapted.record["encoders"] == model.record["encoders"]
        shutil.rmtree(tmp_path / "model")
        again = load(tmp_path / "adapted")
        np.testing.assert_array_equal(predictions(again, tiny_corpora[1]), predictions(adapted, tiny_corpora[1]))
    finally:
        moved.rename(encoder)


def test_other_weights_are_not_taken_for_the_encoder(
    model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], tmp_path: Path
) -> None:
    save(model, tmp_path / "model")
    (weights,) = (tmp_path / "model" / "encoders").rglob("model.safetensors")
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UserError, match=r"the weights of encoder .* are not those"):
        predictions(load(tmp_path / "model"), tiny_corpora[1])


def test_the_card_names_revision_and_digest(model: TrainedModel, encoder: Path, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    card = (tmp_path / "model" / "model-card.md").read_text(encoding="utf-8")
    (settings,) = encoders_of(model.config.frontend)
    assert str(settings.sha256) in card
    assert "included" in card
    assert model.record["encoders"][0]["model"] == str(encoder)


def test_what_is_shared_says_nothing_of_this_machine(model: TrainedModel, encoder: Path, tmp_path: Path) -> None:
    PretrainedModel(model).save_pretrained(tmp_path / "shared")
    for file in (tmp_path / "shared").glob("*.*"):
        if file.suffix in (".yaml", ".md", ".csv"):
            assert str(encoder.parent) not in file.read_text(encoding="utf-8"), file
    shared = PretrainedModel.from_pretrained(tmp_path / "shared").model
    (settings,) = encoders_of(shared.config.frontend)
    assert Path(settings.model).parent == tmp_path / "shared" / "encoders"


def test_an_explanation_is_of_the_same_features(model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus]) -> None:
    file = Path(tiny_corpora[1].table["file"].iloc[0])
    explanation = explain(model, file)
    assert sum(explanation.weights.values()) == pytest.approx(1, abs=1e-3)


def test_an_encoder_that_has_heard_the_corpus_is_named(
    model: TrainedModel,
    encoder: Path,
    tiny_corpora: tuple[Corpus, Corpus],
    session_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tiny_corpora[1]
    assert evaluate(model, target, cache=session_cache).leakage["encoder_trained_on"] == []
    monkeypatch.setitem(trained_on.TRAINED_ON, f"somebody/{encoder.name}", (target.name,))
    found = evaluate(model, target, cache=session_cache)
    assert found.leakage["encoder_trained_on"] == [f"{encoder} was trained on {target.name}"]
    assert any("was trained on" in line for line in found.remarks())
