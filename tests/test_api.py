"""The facade gives what the parts it stands for give."""

from pathlib import Path

import pandas as pd
import pytest

import didan
from didan.corpora import Corpus
from didan.evaluation import evaluate
from didan.model.trained import TrainedModel


@pytest.fixture
def model(untrained: TrainedModel) -> didan.Model:
    return didan.Model(untrained)


def test_predicts_recordings_with_their_speakers(model: didan.Model, target: Corpus, session_cache: Path) -> None:
    predicted = model.predict(recordings=target).set_index("file")
    evaluated = model.evaluate(target, cache=session_cache).utterances.set_index("file")
    pd.testing.assert_frame_equal(
        predicted[list(model.emotions)], evaluated[list(model.emotions)], check_exact=True, check_dtype=False
    )


def test_predicts_files_of_unknown_speakers(model: didan.Model, target: Corpus, session_cache: Path) -> None:
    files = list(target.table["file"])
    predicted = model.predict(*files)
    assert list(predicted["file"]) == files
    expected = evaluate(model.trained, target, group="none", cache=session_cache).utterances
    assert (predicted[list(model.emotions)].to_numpy() == expected[list(model.emotions)].to_numpy()).all()


def test_windows_have_times(model: didan.Model, target: Corpus) -> None:
    table = model.predict(target.table["file"][0], window=0.4, hop=0.2)
    assert list(table.columns) == ["file", "start", "end", "emotion", *model.emotions]
    assert (table["end"] > table["start"]).all()


def test_saved_and_loaded(model: didan.Model, target: Corpus, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = didan.load(tmp_path / "model")
    file = target.table["file"][0]
    pd.testing.assert_frame_equal(model.predict(file), again.predict(file), check_exact=True)
    assert again.emotions == model.emotions


def test_explains(model: didan.Model, target: Corpus) -> None:
    explanation = model.explain(target.table["file"][0], n=2)
    assert explanation.emotion in model.emotions
    assert len(explanation.examples) <= 2
