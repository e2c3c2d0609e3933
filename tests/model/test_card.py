"""What a reader of the card must find in it."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from didan.corpora import Corpus
from didan.corpora.known import known_reader
from didan.evaluation import evaluate
from didan.model.card import model_card
from didan.model.directory import load, note_evaluation
from didan.model.trained import TrainedModel


@pytest.fixture
def held_out(untrained: TrainedModel) -> TrainedModel:
    """The model as if every third source utterance had been held out, and the source were EmoDB."""
    table = untrained.source_index.table
    marked = table.assign(validation=np.arange(len(table)) % 3 == 0, corpus="emodb")
    return replace(untrained, source_index=replace(untrained.source_index, table=marked))


def test_held_out_source_utterances_are_stated(held_out: TrainedModel) -> None:
    reference = held_out.source_index
    chosen = reference.table["validation"].to_numpy()
    predicted = np.array(held_out.emotions)[reference.embeddings["output"].numpy()[chosen].argmax(axis=1)]
    expected = 100 * balanced_accuracy_score(reference.table["emotion"][chosen], predicted)
    card = model_card(held_out)
    (line,) = [line for line in card.splitlines() if line.startswith("| source utterances held out")]
    found, low, high = (float(number) for number in re.findall(r"(\d+\.\d)", line))
    assert found == pytest.approx(expected, abs=0.051)
    assert low <= found <= high
    assert f"| {chosen.sum()} |" in line


def test_licences_of_known_corpora_are_named(held_out: TrainedModel, untrained: TrainedModel) -> None:
    assert known_reader("emodb").licence in model_card(held_out)
    assert "ask whoever made the corpus" in model_card(untrained)


def test_without_an_evaluation_the_card_says_that_nothing_is_known(untrained: TrainedModel) -> None:
    card = model_card(untrained)
    assert "Nothing is known" in card
    assert "not calibrated" in card
    assert "Do not use it to judge single persons" in card


def test_a_noted_evaluation_stays_with_the_model(
    untrained: TrainedModel, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    save(untrained, tmp_path / "model")
    model = load(tmp_path / "model")
    evaluation = evaluate(model, target, session_cache)
    note_evaluation(model, tmp_path / "model", evaluation)
    card = (tmp_path / "model" / "model-card.md").read_text()
    low, high = (100 * bound for bound in evaluation.uar_ci95)
    assert f"| gamma | {100 * evaluation.uar:.1f} % | {low:.1f} to {high:.1f} % (over speakers) | 36 |" in card
    assert "Nothing is known" not in card
    again = load(tmp_path / "model")
    assert again.record["evaluations"]["gamma"]["uar"] == evaluation.uar
    assert "evaluations" not in untrained.record


def test_a_model_that_carries_features_says_so(untrained: TrainedModel, tmp_path: Path) -> None:
    from didan.features import PackedFeatures

    packed = PackedFeatures.pack([np.full((n, 64), n, dtype=np.float32) for n in range(1, 37)])
    carrying = replace(untrained, source_index=replace(untrained.source_index, features=packed))
    assert "speech can be rebuilt" in model_card(carrying)
    assert "speech can be rebuilt" not in model_card(untrained)
    save(carrying, tmp_path / "model")
    features = load(tmp_path / "model").source_index.features
    assert features is not None
    assert len(features) == 36
    np.testing.assert_array_equal(features[4], np.full((5, 64), 5, dtype=np.float32))
