"""A network that began as Whisper, which is gone: from training to a shared folder and an exported file."""

from pathlib import Path

import numpy as np
import pytest

from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.model.config import make_config
from didan.model.directory import load, save
from didan.model.hub import PretrainedModel
from didan.model.trained import TrainedModel
from didan.training.adapt import adapt, adapting_config
from didan.training.train import train
from models import as_exported, predictions
from tiny_encoders import make_encoder


@pytest.fixture(scope="module")
def model(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> TrainedModel:
    """Trained and saved where the encoder was, and loaded where it is not."""
    folder = tmp_path_factory.mktemp("whisper")
    encoder = make_encoder("whisper", folder / "owner-tiny")
    settings = ["optimisation.steps=12", "optimisation.batch_size=8", "optimisation.crop=0.5"]
    config = make_config("didan", "spectrogram", assignments=[f"network.whisper.model={encoder}", *settings])
    trained = train(*tiny_corpora, config=config, cache=session_cache, include_source_features=True)
    save(trained, folder / "model")
    whisper = config.network.whisper
    assert whisper is not None
    begun = whisper.build().model
    weights = {name.removeprefix("backbone.encoder.model."): w for name, w in trained.network.state_dict().items()}
    assert not np.array_equal(begun.conv1.weight, weights["conv1.weight"])
    np.testing.assert_array_equal(begun.embed_positions.weight, weights["embed_positions.weight"])
    encoder.rename(folder / "gone")
    return load(folder / "model")


def test_it_evaluates_as_it_predicts(
    model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    evaluated = evaluate(model, tiny_corpora[1], cache=session_cache).utterances[list(model.emotions)].to_numpy()
    np.testing.assert_array_equal(predictions(model, tiny_corpora[1]).astype(evaluated.dtype), evaluated)
    assert np.ptp(evaluated, axis=0).max() > 0.01


def test_exported_it_answers_the_same(
    model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], tmp_path: Path
) -> None:
    exported = predictions(as_exported(model, tmp_path), tiny_corpora[1])
    np.testing.assert_allclose(exported, predictions(model, tiny_corpora[1]), atol=1e-4)


def test_it_is_adapted_without_the_encoder(
    model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path
) -> None:
    config = adapting_config(model)
    adapted, _ = adapt(model, tiny_corpora[1].unlabelled(), config=config, cache=session_cache, out=tmp_path / "m")
    again = load(tmp_path / "m")
    np.testing.assert_array_equal(predictions(again, tiny_corpora[1]), predictions(adapted, tiny_corpora[1]))
    assert adapted.config.network == model.config.network


def test_what_is_shared_names_it_and_no_folder(model: TrainedModel, tmp_path: Path) -> None:
    PretrainedModel(model).save_pretrained(tmp_path / "shared")
    settings = (tmp_path / "shared" / "config.yaml").read_text(encoding="utf-8")
    assert "model: owner-tiny" in settings
    whisper = model.config.network.whisper
    assert whisper is not None
    assert str(Path(whisper.model).parent) not in settings
    card = (tmp_path / "shared" / "README.md").read_text(encoding="utf-8")
    assert f"owner-tiny, weights SHA-256 {whisper.sha256}; its first layers are in the network" in card
