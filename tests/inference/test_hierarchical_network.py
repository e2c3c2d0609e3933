"""A network that looks at frames, of spectrograms and of hidden states: from training to an exported file."""

from pathlib import Path

import numpy as np
import pytest

from didan.corpora import Corpus
from didan.errors import UserError
from didan.evaluation import evaluate
from didan.model.config import make_config
from didan.model.directory import load, save
from didan.model.trained import TrainedModel
from didan.training.adapt import adapt, adapting_config
from didan.training.train import train
from models import as_exported, predictions
from tiny_encoders import make_encoder

SETTINGS = ["optimisation.steps=12", "optimisation.batch_size=8", "optimisation.crop=0.5", "network.members=2"]


@pytest.fixture(scope="module", params=["spectrogram", "wav2vec2"])
def model(
    request: pytest.FixtureRequest,
    tiny_corpora: tuple[Corpus, Corpus],
    session_cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> TrainedModel:
    """Trained, saved and loaded."""
    folder = tmp_path_factory.mktemp("hierarchical")
    kind, settings = request.param, SETTINGS
    if kind != "spectrogram":
        encoder = make_encoder(kind, folder / kind)
        kind, settings = "pretrained", [*settings, f"frontend.model={encoder}", "frontend.pooling=frames"]
    config = make_config("hda", kind, assignments=settings)
    trained = train(*tiny_corpora, config=config, cache=session_cache, include_source_features=True)
    assert {"frames", "segments", "utterances"} <= set(trained.history.columns)
    assert trained.history[["frames", "segments", "utterances"]].notna().all(axis=None)
    save(trained, folder / "model")
    return load(folder / "model")


def test_it_evaluates_as_it_predicts(
    model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    evaluated = evaluate(model, tiny_corpora[1], cache=session_cache).utterances[list(model.emotions)].to_numpy()
    np.testing.assert_allclose(predictions(model, tiny_corpora[1]), evaluated, atol=1e-6)
    assert np.ptp(evaluated, axis=0).max() > 1e-4  # a hundred times what is compared


def test_exported_it_answers_the_same(
    model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], tmp_path: Path
) -> None:
    exported = predictions(as_exported(model, tmp_path), tiny_corpora[1])
    np.testing.assert_allclose(exported, predictions(model, tiny_corpora[1]), atol=1e-4)


def test_it_is_adapted(model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path) -> None:
    config = adapting_config(model)
    adapted, _ = adapt(model, tiny_corpora[1].unlabelled(), config=config, cache=session_cache)
    assert predictions(adapted, tiny_corpora[1]).shape == (len(tiny_corpora[1]), len(model.emotions))


def test_another_method_keeps_the_network(
    model: TrainedModel, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path: Path
) -> None:
    config = adapting_config(model, "shot")
    adapted, _ = adapt(model, tiny_corpora[1].unlabelled(), config=config, cache=session_cache, out=tmp_path / "m")
    again = load(tmp_path / "m")
    np.testing.assert_array_equal(predictions(again, tiny_corpora[1]), predictions(adapted, tiny_corpora[1]))


def test_a_network_without_segments_is_not_aligned_by_them(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> None:
    config = make_config("source-only", "spectrogram", assignments=SETTINGS)
    trained = train(*tiny_corpora, config=config, cache=session_cache)
    with pytest.raises(UserError, match=r"method hda needs the hierarchical network"):
        adapting_config(trained, "hda")
    with pytest.raises(UserError, match=r"method hda is for frames, and functionals are one vector"):
        train(*tiny_corpora, method="hda", cache=session_cache)


def test_what_has_no_frames_is_refused(tmp_path: Path) -> None:
    encoder = make_encoder("wav2vec2", tmp_path / "encoder")
    hidden = [f"frontend.model={encoder}"]
    with pytest.raises(UserError, match=r"method hda is for frames, and functionals are one vector"):
        make_config("hda")
    with pytest.raises(UserError, match=r"pretrained are one vector per utterance: .* frontend\.pooling=frames"):
        make_config("hda", "pretrained", assignments=hidden)
    with pytest.raises(UserError, match=r"network\.hierarchical is for frames"):
        make_config("didan", assignments=["network.hierarchical=true"])
    with pytest.raises(UserError, match=r"method hda needs the hierarchical network"):
        make_config("hda", "spectrogram", assignments=["network.hierarchical=false"])
    frames = [*hidden, "frontend.pooling=frames"]
    with pytest.raises(UserError, match=r"frontend\.pooling=frames needs the hierarchical network"):
        make_config("didan", "pretrained", assignments=[*frames, "network.hierarchical=false"])
    with pytest.raises(UserError, match=r"only vectors can be fused"):
        make_config("didan", "functionals+pretrained", assignments=frames)
    whisper = make_encoder("whisper", tmp_path / "whisper")
    with pytest.raises(UserError, match=r"method hda brings a network of its own"):
        make_config("hda", "spectrogram", assignments=[f"network.whisper.model={whisper}"])
