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
from didan.evaluation.evaluate import OWN_STATISTICS
from didan.features import PackedFeatures
from didan.model.card import model_card
from didan.model.config import make_config
from didan.model.directory import load, note_evaluation, save
from didan.model.trained import TrainedModel


@pytest.fixture
def held_out(untrained: TrainedModel) -> TrainedModel:
    """The model as if every third source utterance had been held out, and the source were EmoDB."""
    table = untrained.source_index.table
    marked = table.assign(validation=np.arange(len(table)) % 3 == 0, corpus="emodb")
    return replace(untrained, source_index=replace(untrained.source_index, table=marked))


def test_held_out_source_utterances_are_stated(held_out: TrainedModel) -> None:
    index = held_out.source_index
    chosen = index.table["validation"].to_numpy()
    predicted = np.array(held_out.emotions)[index.embeddings["output"].numpy()[chosen].argmax(axis=1)]
    expected = 100 * balanced_accuracy_score(index.table["emotion"][chosen], predicted)
    card = model_card(held_out)
    (line,) = [line for line in card.splitlines() if line.startswith("| source utterances held out")]
    uar, low, high, guessing = (float(number) for number in re.findall(r"(\d+\.\d)", line))
    assert uar == pytest.approx(expected, abs=0.051)
    assert low <= uar <= high
    assert guessing == pytest.approx(100 / index.table["emotion"][chosen].nunique(), abs=0.051)
    assert f"| {chosen.sum()} |" in line


def test_licences_of_known_corpora_are_named(held_out: TrainedModel, untrained: TrainedModel) -> None:
    assert known_reader("emodb").licence in model_card(held_out)
    assert "ask whoever made the corpus" in model_card(untrained)


def test_without_an_evaluation_the_card_says_that_it_is_not_known(untrained: TrainedModel) -> None:
    card = model_card(untrained)
    assert "It is not known how well it does on gamma" in card
    assert "which suited other pairs of corpora" in card
    assert "Do not use it to judge single persons" in card


def test_a_noted_evaluation_stays_with_the_model(
    untrained: TrainedModel, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    save(untrained, tmp_path / "model")
    model = load(tmp_path / "model")
    evaluation = evaluate(model, target, cache=session_cache)
    note_evaluation(model, tmp_path / "model", evaluation.corpus, evaluation.as_dict())
    card = (tmp_path / "model" / "model-card.md").read_text()
    low, high = (100 * bound for bound in evaluation.uar_ci95)
    assert (
        f"| gamma | {100 * evaluation.uar:.1f} % | {low:.1f} to {high:.1f} % (over speakers) | 33.3 % | 36 |"
        in card
    )
    assert "It is not known how well" not in card
    again = load(tmp_path / "model")
    assert again.record["evaluations"]["gamma"]["uar"] == evaluation.uar
    assert "evaluations" not in untrained.record


def test_a_model_that_includes_features_says_so(untrained: TrainedModel, tmp_path: Path) -> None:
    packed = PackedFeatures.pack([np.full((n, 64), n, dtype=np.float32) for n in range(1, 37)])
    including = replace(untrained, source_index=replace(untrained.source_index, features=packed))
    assert "speech can be rebuilt" in model_card(including)
    assert "speech can be rebuilt" not in model_card(untrained)
    save(including, tmp_path / "model")
    features = load(tmp_path / "model").source_index.features
    assert features is not None
    assert len(features) == 36
    np.testing.assert_array_equal(features[4], np.full((5, 64), 5, dtype=np.float32))


@pytest.mark.parametrize(
    ("settings", "adapted", "row"),
    [
        (["method=source-only"], False, "| method | source-only |"),
        (
            ["method=source-only", "pseudo_labels.weight=1"],
            True,
            "| method | source-only, balanced pseudo-labels |",
        ),
        (["method=mcc"], True, "| method | mcc |"),
        (["pseudo_labels.kind=confident"], True, "| method | didan, confident pseudo-labels |"),
    ],
)
def test_the_card_says_whether_and_how_it_was_adapted(
    untrained: TrainedModel, settings: list[str], adapted: bool, row: str
) -> None:
    card = model_card(replace(untrained, config=make_config(frontend="spectrogram", assignments=settings)))
    assert ("utterances of gamma without labels" in card) == adapted
    assert row in card


@pytest.mark.parametrize(
    ("settings", "row"),
    [
        (["normalisation.group=none"], "| normalisation | by none |"),
        (
            ["normalisation.group=file", "normalisation.shrinkage=7"],
            "| normalisation | by file, drawn towards the statistics of gamma (k = 7 utterances) |",
        ),
    ],
)
def test_the_card_says_how_features_are_normalised(untrained: TrainedModel, settings: list[str], row: str) -> None:
    config = make_config(frontend="spectrogram", assignments=settings)
    assert row in model_card(replace(untrained, config=config))


def test_figures_that_prediction_does_not_reach_are_marked(
    untrained: TrainedModel, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    save(untrained, tmp_path / "model")
    model = load(tmp_path / "model")
    evaluation = evaluate(model, target, own_statistics=True, cache=session_cache)
    note_evaluation(model, tmp_path / "model", evaluation.corpus, evaluation.as_dict())
    card = (tmp_path / "model" / "model-card.md").read_text()
    assert f"| gamma ({OWN_STATISTICS}) | {100 * evaluation.uar:.1f} % |" in card
    assert "not as predicted" in OWN_STATISTICS


def test_the_card_says_what_the_labels_of_the_target_served_for(untrained: TrainedModel) -> None:
    read = {"task": "target labels, to keep the shared emotions"}
    record = {**untrained.record, "leakage": {**untrained.record["leakage"], "labels_read": read}}
    card = model_card(replace(untrained, record=record))
    assert "utterances of gamma, whose labels served to keep the shared emotions and for nothing else." in card
