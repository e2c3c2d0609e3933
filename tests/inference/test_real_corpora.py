"""On real recordings too, what is evaluated is what is predicted, by table and by folder, in torch and exported.

``DIDAN_CORPORA`` names a folder with the corpora, each in a folder of its name.
"""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from didan import metrics
from didan.cli.predict import utterances_named
from didan.corpora import Corpus, load_corpus, read_corpus
from didan.evaluation import evaluate
from didan.inference.export import export
from didan.inference.onnx import OnnxRecogniser
from didan.inference.predict import predict, utterances_in
from didan.model.config import make_config
from didan.model.trained import TrainedModel
from didan.training.train import train

CORPORA = os.environ.get("DIDAN_CORPORA")
EMOTIONS = ("anger", "happiness", "neutral", "sadness")

pytestmark = [
    pytest.mark.skipif(CORPORA is None, reason="DIDAN_CORPORA names no folder of corpora"),
    pytest.mark.filterwarnings("ignore::didan.errors.DidanWarning"),
]


def some_of(name: str, n_speakers: int, n_each: int, folder: Path) -> Corpus:
    """A few utterances of every emotion by a few speakers, linked into a folder and written as a table."""
    corpus = load_corpus(name, Path(str(CORPORA)) / name).only(EMOTIONS)
    speakers = sorted(corpus.table["speaker"].unique())[:n_speakers]
    table = corpus.table[corpus.table["speaker"].isin(speakers)]
    table = table.groupby(["speaker", "emotion"]).head(n_each).reset_index(drop=True)
    (folder / "audio").mkdir(parents=True)
    links = []
    for number, file in enumerate(table["file"]):
        links.append(folder / "audio" / f"{number:03d}{Path(file).suffix}")
        links[-1].symlink_to(file)
    chosen = replace(corpus, table=table.assign(file=[str(link) for link in links]))
    chosen.table.to_csv(folder / f"{name}.csv", index=False)
    return chosen


@pytest.fixture(scope="module")
def emodb(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return some_of("emodb", 4, 3, tmp_path_factory.mktemp("emodb"))


@pytest.fixture(scope="module", params=["casia", "ravdess"])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return some_of(request.param, 3, 3, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module", params=["functionals", "spectrogram"])
def trained(request: pytest.FixtureRequest, emodb: Corpus, target: Corpus, session_cache: Path) -> TrainedModel:
    config = make_config(frontend=request.param, assignments=["optimisation.steps=20"])
    return train(emodb, target, config=config, cache=session_cache)


@pytest.fixture(scope="module")
def exported(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> OnnxRecogniser:
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(trained, file)
    return OnnxRecogniser(file, threads=1)


@pytest.mark.parametrize("group", ["speaker", "file", "none"])
def test_a_table_is_predicted_as_it_is_evaluated(
    trained: TrainedModel,
    exported: OnnxRecogniser,
    target: Corpus,
    group: str,
    session_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "_BOOTSTRAPS", 2)
    table = str(Path(target.table["file"].iloc[0]).parents[1] / f"{target.name}.csv")
    evaluation = evaluate(trained, read_corpus(table), group=group, cache=session_cache)
    expected = evaluation.utterances[list(trained.emotions)].to_numpy()
    assert len(expected) >= 24
    utterances = utterances_named([table], trained.group, group)
    by_torch = [list((one.probabilities or {}).values()) for one in predict(trained, utterances)]
    np.testing.assert_array_equal(np.array(by_torch), expected)
    by_onnx = [list((one.probabilities or {}).values()) for one in predict(exported, utterances)]
    np.testing.assert_allclose(np.array(by_onnx), expected, atol=1e-4)


@pytest.mark.parametrize("group", ["file", "folder", "none"])
def test_a_folder_is_predicted_as_it_is_evaluated(
    trained: TrainedModel,
    exported: OnnxRecogniser,
    target: Corpus,
    group: str,
    session_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "_BOOTSTRAPS", 2)
    evaluation = evaluate(trained, target, group=group, cache=session_cache)
    expected = evaluation.utterances.set_index("file")[list(trained.emotions)]
    utterances = utterances_in([Path(target.table["file"].iloc[0]).parent], group)
    assert len(utterances) == len(expected)
    by_torch, by_onnx = (list(predict(recogniser, utterances)) for recogniser in (trained, exported))
    for one, other in zip(by_torch, by_onnx, strict=True):
        evaluated = expected.loc[one.file].to_numpy()
        assert one.probabilities is not None
        assert other.probabilities is not None
        np.testing.assert_array_equal(list(one.probabilities.values()), evaluated)
        np.testing.assert_allclose(list(other.probabilities.values()), evaluated, atol=1e-4)
