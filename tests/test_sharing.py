"""A trained and adapted model is passed on: what it says of its maker, and what can be done with it."""

import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from didan import Model
from didan.corpora import Corpus
from didan.errors import DidanWarning
from didan.evaluation import evaluate
from didan.model.config import make_config
from didan.model.directory import load, note_evaluation, save
from didan.model.hub import PretrainedModel
from didan.model.trained import TrainedModel
from didan.training.adapt import adapt, adapting_config
from didan.training.train import train


@pytest.fixture(scope="module")
def adapted(
    tiny_corpora: tuple[Corpus, Corpus], session_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> TrainedModel:
    """Trained, re-adapted to recordings of which some were in the source, and evaluated."""
    source, target = tiny_corpora
    config = make_config(assignments=["optimisation.steps=30", "optimisation.batch_size=4"])
    trained = train(source, target, config=config, cache=session_cache, include_source_features=True)
    mixed = Corpus("mixed", pd.concat([target.table, source.table[:2]], ignore_index=True))
    config = adapting_config(trained, assignments=["optimisation.steps=2"])
    with pytest.warns(DidanWarning, match="2 target recordings are in the source too"):
        model, _ = adapt(trained, mixed.unlabelled(), config=config, cache=session_cache)
    folder = tmp_path_factory.mktemp("models") / "m"
    save(model, folder)
    evaluation = evaluate(model, target, cache=session_cache)
    note_evaluation(model, folder, evaluation.corpus, evaluation.as_dict())
    return model


@pytest.fixture(scope="module")
def hub(adapted: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "shared"
    PretrainedModel(adapted).save_pretrained(folder)
    return folder


def test_nothing_in_it_tells_of_the_machine(adapted: TrainedModel, hub: Path) -> None:
    assert adapted.record["leakage"]["identical_files"]  # or there would be nothing to hide
    own = {str(Path.home()), str(Path.cwd()), socket.gethostname(), *adapted.source_index.table["file"]}
    own |= {str(folder) for file in adapted.source_index.table["file"] for folder in Path(file).parents[:-1]}
    for file in hub.iterdir():
        if file.suffix != ".safetensors":
            text = file.read_text()
            assert not [word for word in own if len(word) > 5 and word in text], file.name


def test_the_card_begins_with_what_the_hub_reads(hub: Path) -> None:
    begin, header, text = (hub / "README.md").read_text().split("---\n", 2)
    assert begin == ""
    about = yaml.safe_load(header)
    assert about["library_name"] == "didan"
    assert about["pipeline_tag"] == "audio-classification"
    assert {"speech-emotion-recognition"} <= set(about["tags"])
    assert text.lstrip().startswith("# ")
    assert "| re-adapted | to 38 recordings of mixed;" in text
    assert "| gamma |" in text
    for row in (line for line in text.splitlines() if line.startswith("|")):
        assert row.count("|") in (3, 5, 6)  # tables of two, four and five columns


def test_who_gets_it_can_use_and_adapt_it(
    adapted: TrainedModel, hub: Path, target: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = PretrainedModel.from_pretrained(str(hub)).model
    files = target.table["file"].tolist()
    pd.testing.assert_frame_equal(Model(model).predict(*files), Model(adapted).predict(*files), check_exact=True)
    assert Model(model).explain(files[0]).weights == Model(adapted).explain(files[0]).weights
    monkeypatch.chdir(tmp_path)  # where names cut short lead nowhere
    config = adapting_config(model, assignments=["optimisation.steps=2", "optimisation.learning_rate=1e-9"])
    again, _ = adapt(model, target.unlabelled(), config=config, cache=tmp_path / "cache", out=tmp_path / "m")
    assert again.record["adapted_from"]["target"] == "mixed"
    PretrainedModel(load(tmp_path / "m")).save_pretrained(tmp_path / "hub")
    once_more = PretrainedModel.from_pretrained(str(tmp_path / "hub")).model
    assert once_more.source_index.table["file"].tolist() == model.source_index.table["file"].tolist()
    assert once_more.source_index.features is not None
    assert adapted.source_index.features is not None
    np.testing.assert_array_equal(once_more.source_index.features.frames, adapted.source_index.features.frames)


def test_without_features_it_can_be_adapted_where_the_recordings_are(
    adapted: TrainedModel, source: Corpus, target: Corpus, tmp_path: Path
) -> None:
    bare = replace(adapted, source_index=replace(adapted.source_index, features=None))
    PretrainedModel(bare).save_pretrained(tmp_path / "hub")
    model = PretrainedModel.from_pretrained(str(tmp_path / "hub")).model
    config = adapting_config(model, assignments=["optimisation.steps=2", "optimisation.learning_rate=1e-9"])
    search_paths = [Path(source.table["file"].iloc[0]).parents[1]]
    again, _ = adapt(
        model, target.unlabelled(), config=config, search_paths=search_paths, cache=tmp_path / "cache"
    )
    assert again.record["adapted_from"]["target"] == "mixed"
