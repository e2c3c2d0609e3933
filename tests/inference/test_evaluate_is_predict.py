"""What is evaluated is what is predicted: the same probabilities, to the last bit, however one arrives at them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import soundfile

from didan import metrics
from didan.audio import RATE, Utterance, read_audio
from didan.cli.predict import utterances_named
from didan.corpora import Corpus, read_corpus
from didan.evaluation import evaluate
from didan.features import NormalisationSettings
from didan.inference.export import export
from didan.inference.onnx import OnnxRecogniser
from didan.inference.predict import predict, utterances_in
from didan.inference.recogniser import Recogniser
from didan.model.config import make_config
from didan.model.directory import load, save
from didan.model.trained import TrainedModel
from didan.training.adapt import adapt, adapting_config
from models import untrained_model
from speech.talk import talk

NAN = float("nan")
FRONTENDS = ("functionals", "spectrogram")
GROUPS = ("speaker", "file", "folder", "none", "room")
Probabilities = npt.NDArray[np.float64]

every_group = pytest.mark.parametrize("group", GROUPS)


@pytest.fixture(autouse=True)
def few_bootstraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_BOOTSTRAPS", 2)


@pytest.fixture(scope="module")
def table(tiny_corpora: tuple[Corpus, Corpus], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of whole files, of parts of a long one, and of a long one as it is, some by nobody known."""
    folder = tmp_path_factory.mktemp("table")
    corpus = tiny_corpora[1].table
    files = [str(file) for file in corpus["file"]]
    clips = [read_audio(file) for file in files[:12:2]]
    soundfile.write(folder / "session.wav", np.concatenate(clips), RATE)
    ends = np.cumsum([len(clip) for clip in clips]) / RATE
    soundfile.write(folder / "long.wav", np.concatenate([talk(9), np.zeros(2 * RATE), talk(9)]), RATE)
    parts = pd.DataFrame({"file": str(folder / "session.wav"), "start": [0.0, *ends[:-1]], "end": ends})
    long = pd.DataFrame({"file": [str(folder / "long.wav")], "start": [NAN], "end": [NAN]})
    whole = corpus[["file", "start", "end", "speaker"]]
    rows = pd.concat([whole, parts.assign(speaker="gamma-02"), long.assign(speaker="gamma-01")], ignore_index=True)
    rows["emotion"] = [*corpus["emotion"], *corpus["emotion"][:12:2], "anger"]
    rows.loc[[5, 20], "speaker"] = None
    rows["room"] = [("hall", "cell", None)[number % 3] for number in range(len(rows))]
    rows.to_csv(folder / "calls.csv", index=False)
    return folder / "calls.csv"


def _model(frontend: str, corpora: tuple[Corpus, Corpus], cache: Path) -> TrainedModel:
    return untrained_model(corpora, cache, make_config(frontend=frontend))


@pytest.fixture(scope="module", params=FRONTENDS)
def trained(
    request: pytest.FixtureRequest, tiny_corpora: tuple[Corpus, Corpus], session_cache: Path
) -> TrainedModel:
    return _model(request.param, tiny_corpora, session_cache)


@pytest.fixture(scope="module", params=["trained", "adapted"])
def model(
    request: pytest.FixtureRequest,
    trained: TrainedModel,
    tiny_corpora: tuple[Corpus, Corpus],
    session_cache: Path,
) -> TrainedModel:
    """A model as training leaves it, and one re-adapted to other recordings."""
    if request.param == "adapted":
        target = tiny_corpora[1]
        part = replace(target, table=target.table.iloc[::-1].iloc[:24])
        few = [f"optimisation.{setting}" for setting in ("steps=20", "batch_size=8", "learning_rate=1e-5")]
        config = adapting_config(trained, assignments=few)
        return adapt(trained, part.unlabelled(), config=config, cache=session_cache)[0]
    return trained


def predicted(recogniser: Recogniser[Any], utterances: Sequence[Utterance]) -> Probabilities:
    """The probabilities of every utterance, NaN without an emotion."""
    nothing = [NAN] * len(recogniser.emotions)
    rows = [
        nothing if one.probabilities is None else list(one.probabilities.values())
        for one in predict(recogniser, utterances)
    ]
    return np.array(rows)


def evaluated(
    model: TrainedModel, corpus: Corpus, group: str | None, cache: Path
) -> tuple[Probabilities, list[str]]:
    """The probabilities of every utterance, and its file."""
    utterances = evaluate(model, corpus, group=group, cache=cache).utterances
    return utterances[list(model.emotions)].to_numpy(dtype=np.float64), utterances["file"].tolist()


@every_group
def test_a_table_is_predicted_as_it_is_evaluated(
    model: TrainedModel, table: Path, group: str, session_cache: Path
) -> None:
    expected, _ = evaluated(model, read_corpus(str(table)), group, session_cache)
    utterances = utterances_named([str(table)], model.group, group)
    assert len(expected) == len(utterances) == 43
    assert len(np.unique(expected, axis=0)) > 30  # parts are copies of whole files, and some in one group
    np.testing.assert_array_equal(predicted(model, utterances), expected)


@every_group
def test_order_plays_no_part(model: TrainedModel, table: Path, group: str, session_cache: Path) -> None:
    expected, _ = evaluated(model, read_corpus(str(table)), group, session_cache)
    utterances = utterances_named([str(table)], model.group, group)
    order = np.random.default_rng(0).permutation(len(utterances))
    shuffled = predicted(model, [utterances[index] for index in order])
    np.testing.assert_array_equal(shuffled, expected[order])
    corpus = read_corpus(str(table))
    backwards = replace(corpus, table=corpus.table.iloc[::-1].reset_index(drop=True))
    np.testing.assert_array_equal(evaluated(model, backwards, group, session_cache)[0][::-1], expected)


def test_without_groups_the_others_play_no_part(model: TrainedModel, table: Path, session_cache: Path) -> None:
    expected, _ = evaluated(model, read_corpus(str(table)), "none", session_cache)
    utterances = utterances_named([str(table)], model.group, "none")
    alone = np.concatenate([predicted(model, [one]) for one in utterances])
    np.testing.assert_array_equal(alone, expected)


def test_utterances_of_unknown_groups_are_predicted_as_without_groups(
    model: TrainedModel, table: Path, session_cache: Path
) -> None:
    corpus = read_corpus(str(table))
    ungrouped, _ = evaluated(model, corpus, "none", session_cache)
    for group in ("speaker", "room"):
        unknown = corpus.table[group].isna().to_numpy()
        assert 1 < unknown.sum() < len(corpus)
        grouped, _ = evaluated(model, corpus, group, session_cache)
        np.testing.assert_array_equal(grouped[unknown], ungrouped[unknown])
        assert (grouped[~unknown] != ungrouped[~unknown]).any(axis=1).all()


@every_group
def test_the_store_plays_no_part(model: TrainedModel, table: Path, group: str, tmp_path: Path) -> None:
    corpus = read_corpus(str(table))
    corpus = replace(corpus, table=corpus.table.iloc[::3].reset_index(drop=True))
    new, again = (evaluated(model, corpus, group, tmp_path / "new")[0] for _ in range(2))
    np.testing.assert_array_equal(again, new)
    utterances = corpus.grouped(group).unlabelled().utterances()
    np.testing.assert_array_equal(predicted(model, utterances), new)


@pytest.mark.parametrize("group", ["none", "file", "folder"])
def test_a_folder_is_predicted_as_it_is_evaluated(
    model: TrainedModel, target: Corpus, group: str, session_cache: Path
) -> None:
    expected, files = evaluated(model, target, group, session_cache)
    folder = Path(files[0]).parents[1]
    utterances = utterances_in([folder], group)
    assert sorted(str(one.file) for one in utterances) == sorted(files)
    order = [files.index(str(one.file)) for one in utterances]
    np.testing.assert_array_equal(predicted(model, utterances), expected[order])
    # However the folder is named, and as separate arguments.
    apart = utterances_in([one.file for one in utterances[::-1]], group)
    np.testing.assert_array_equal(predicted(model, apart)[::-1], expected[order])


def test_by_default_both_group_as_the_model_was_trained(
    model: TrainedModel, table: Path, session_cache: Path
) -> None:
    settings = NormalisationSettings()
    assert (model.group, model.normaliser.shrinkage) == (settings.group, settings.shrinkage)
    expected, _ = evaluated(model, read_corpus(str(table)), None, session_cache)
    np.testing.assert_array_equal(predicted(model, utterances_named([str(table)], model.group)), expected)
    named, _ = evaluated(model, read_corpus(str(table)), settings.group, session_cache)
    np.testing.assert_array_equal(named, expected)


def test_a_model_read_from_its_directory_predicts_the_same(
    trained: TrainedModel, table: Path, session_cache: Path, tmp_path: Path
) -> None:
    save(trained, tmp_path / "model")
    read = load(tmp_path / "model")
    corpus = read_corpus(str(table))
    before, after = (evaluated(one, corpus, None, session_cache)[0] for one in (trained, read))
    np.testing.assert_array_equal(after, before)


@pytest.fixture(scope="module")
def exported(trained: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> OnnxRecogniser:
    file = tmp_path_factory.mktemp("onnx") / "model.onnx"
    export(trained, file)
    return OnnxRecogniser(file, threads=1)


@every_group
def test_an_exported_model_predicts_what_is_evaluated(
    trained: TrainedModel, exported: OnnxRecogniser, table: Path, group: str, session_cache: Path
) -> None:
    expected, _ = evaluated(trained, read_corpus(str(table)), group, session_cache)
    utterances = utterances_named([str(table)], exported.group, group)
    np.testing.assert_allclose(predicted(exported, utterances), expected, atol=1e-4)
