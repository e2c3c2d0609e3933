"""The reference: features by numpy, the network one utterance at a time, figures by scikit-learn."""

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score

from didan import metrics
from didan.audio import read_audio
from didan.corpora import Corpus
from didan.errors import UserError
from didan.evaluation import Evaluation, evaluate
from didan.features import Normalisation, Spectrogram, SpectrogramSettings, extract_features
from didan.model.trained import Model

NAN = float("nan")


@pytest.fixture
def evaluation(untrained: Model, target: Corpus, session_cache: Path) -> Evaluation:
    return evaluate(untrained, target, session_cache)


def scores_by_hand(model: Model, corpus: Corpus, groups: list[str]) -> torch.Tensor:
    """Scores of each utterance alone, its features normalised over the frames of its group."""
    frontend = Spectrogram(SpectrogramSettings())
    raw = [torch.from_numpy(extract_features(frontend, read_audio(file))) for file in corpus.table["file"]]
    scores = []
    for own, features in zip(groups, raw, strict=True):
        frames = torch.cat([x for x, group in zip(raw, groups, strict=True) if group == own])
        normal = (features - frames.mean(dim=0)) / frames.std(dim=0, correction=0)
        with torch.inference_mode():
            scores.append(model.network(normal[None], torch.tensor([len(normal)])).scores[0])
    return torch.stack(scores)


def probabilities(evaluation: Evaluation) -> pd.DataFrame:
    return evaluation.utterances[list(evaluation.emotions)]


def test_figures_are_those_of_scikit_learn(evaluation: Evaluation) -> None:
    true, predicted = evaluation.utterances["emotion"], evaluation.utterances["predicted"]
    labels = list(evaluation.emotions)
    assert set(predicted) == set(labels)  # or this test would show little
    assert evaluation.uar == pytest.approx(balanced_accuracy_score(true, predicted))
    assert evaluation.war == pytest.approx(accuracy_score(true, predicted))
    assert list(evaluation.recall) == labels
    expected = recall_score(true, predicted, labels=labels, average=None)
    assert evaluation.recall == pytest.approx(dict(zip(labels, expected, strict=True)))
    np.testing.assert_array_equal(evaluation.confusion, confusion_matrix(true, predicted, labels=labels))
    assert evaluation.n == len(true) == 36
    low, high = evaluation.uar_ci95
    assert low < evaluation.uar < high


@pytest.mark.parametrize("normalisation", ["corpus", "speaker", "utterance"])
def test_predictions_are_those_of_the_network(
    untrained: Model, target: Corpus, session_cache: Path, normalisation: Normalisation
) -> None:
    model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
    groups = {
        "corpus": ["all"] * len(target),
        "speaker": target.table["speaker"].tolist(),
        "utterance": target.table["file"].tolist(),
    }
    scores = scores_by_hand(model, target, groups[normalisation])
    found = evaluate(model, target, session_cache)
    best = [model.emotions[index] for index in scores.argmax(dim=1)]
    assert found.utterances["predicted"].tolist() == best
    np.testing.assert_allclose(probabilities(found), model.probabilities(scores), atol=1e-4)


def test_each_label_stays_with_its_file(evaluation: Evaluation) -> None:
    names = [Path(file).stem.split("_")[0] for file in evaluation.utterances["file"]]
    assert evaluation.utterances["emotion"].tolist() == names


def test_labels_have_no_influence_on_predictions(
    untrained: Model, target: Corpus, session_cache: Path, evaluation: Evaluation
) -> None:
    shuffled = target.table.assign(emotion=target.table["emotion"].sample(frac=1, random_state=0).to_numpy())
    other = evaluate(untrained, replace(target, table=shuffled), session_cache)
    pd.testing.assert_frame_equal(probabilities(other), probabilities(evaluation))
    assert other.confusion != evaluation.confusion


def test_emotions_that_do_not_occur(untrained: Model, target: Corpus, session_cache: Path) -> None:
    found = evaluate(untrained, target.only(("anger", "neutral")), session_cache)
    true, predicted = found.utterances["emotion"], found.utterances["predicted"]
    assert "sadness" in set(predicted)
    present = recall_score(true, predicted, labels=["anger", "neutral"], average=None)
    assert found.recall["sadness"] is None
    assert found.uar == pytest.approx(present.mean())
    assert found.confusion[2] == [0, 0, 0]
    assert "gamma has no sadness; UAR is over the other emotions" in found.remarks()


def test_utterances_of_unknown_emotions_are_left_out(
    untrained: Model, target: Corpus, session_cache: Path
) -> None:
    emotion = target.table["emotion"].mask(target.table["speaker"] == "gamma-01", "boredom")
    found = evaluate(untrained, replace(target, table=target.table.assign(emotion=emotion)), session_cache)
    assert found.n == 24
    assert set(found.utterances["speaker"]) == {"gamma-02", "gamma-03"}
    rest = replace(target, table=target.table[target.table["speaker"] != "gamma-01"])
    assert found.confusion == evaluate(untrained, rest, session_cache).confusion


def test_corpus_without_any_of_the_emotions(untrained: Model, target: Corpus, session_cache: Path) -> None:
    bored = replace(target, table=target.table.assign(emotion="boredom"))
    with pytest.raises(UserError, match=r"gamma has no utterance with any of anger, neutral, sadness"):
        evaluate(untrained, bored, session_cache)


def test_unknown_speakers_make_the_interval_one_by_utterance(
    untrained: Model, target: Corpus, session_cache: Path, evaluation: Evaluation
) -> None:
    assert (evaluation.resampled, evaluation.n_speakers) == ("speaker", 3)
    assert "only 3 speakers, so the interval is rough" in evaluation.remarks()
    for speakers, count in ((NAN, None), ("the only one", 1)):
        changed = replace(target, table=target.table.assign(speaker=speakers))
        found = evaluate(untrained, changed, session_cache)
        assert (found.resampled, found.n_speakers) == ("utterance", count)
        assert any("resamples utterances" in remark for remark in found.remarks())
        indices = [found.utterances[name].map(found.emotions.index) for name in ("emotion", "predicted")]
        labels, predicted = (index.to_numpy() for index in indices)
        assert found.uar_ci95 == metrics.uar_interval(labels, predicted, None)


def test_recordings_of_the_source_are_found(
    untrained: Model, source: Corpus, target: Corpus, tmp_path: Path, session_cache: Path, evaluation: Evaluation
) -> None:
    assert evaluation.leakage["evaluated_in_source"] == []
    first, second = source.table["file"].iloc[:2]
    samples, rate = soundfile.read(first, dtype="int16")
    soundfile.write(tmp_path / "other format.flac", samples, rate)
    shutil.copy(second, tmp_path / "copy.wav")
    copies = [str(tmp_path / "other format.flac"), str(tmp_path / "copy.wav")]
    table = target.table.copy()
    table.loc[[3, 5], "file"] = copies
    found = evaluate(untrained, replace(target, table=table), session_cache)
    assert found.leakage["evaluated_in_source"] == sorted(copies)
    assert any(remark.startswith("2 of the recordings were trained on") for remark in found.remarks())


def test_shared_speakers_are_remarked(untrained: Model, target: Corpus, session_cache: Path) -> None:
    assert evaluate(untrained, target, session_cache).leakage["shared_speakers"] == []
    table = untrained.reference.table.copy()
    table.loc[:2, "speaker"] = "gamma-02"
    known = replace(untrained.reference, table=table)
    found = evaluate(replace(untrained, reference=known), target, session_cache)
    assert found.leakage["shared_speakers"] == ["gamma-02"]
    assert "the source has some of the speakers too: gamma-02" in found.remarks()


def test_labels_read_are_recorded_and_the_model_stays_as_it_was(
    untrained: Model, target: Corpus, session_cache: Path
) -> None:
    before = deepcopy(untrained.record)
    found = evaluate(untrained, target, session_cache)
    assert untrained.record == before
    assert found.leakage["labels_read"] == {"training": "none", "evaluation": "labels of the corpus evaluated"}
    assert found.selection == "none, it is untrained"


def test_json_holds_what_is_promised(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.write(tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())
    promised = {"uar", "war", "n", "emotions", "recall", "confusion", "uar_ci95", "selection", "leakage"}
    assert promised <= set(found)
    assert found == evaluation.as_dict()
    assert found["uar"] == evaluation.uar
    assert found["recall"] == evaluation.recall
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_json_is_written_whole_or_not_at_all(
    evaluation: Evaluation, tmp_path: Path, small_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    (tmp_path / "a.json").write_text("the old one")
    with small_disk(100), pytest.raises(UserError, match=r"cannot write .*a\.json \(file too large\)"):
        evaluation.write(tmp_path / "a.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "the old one"
    with pytest.raises(UserError, match="no such file or directory"):
        evaluation.write(tmp_path / "nowhere" / "a.json")


def test_progress_counts_utterances(untrained: Model, target: Corpus, session_cache: Path) -> None:
    calls: list[tuple[int, int]] = []
    evaluate(untrained, target, session_cache, lambda done, total: calls.append((done, total)))
    assert calls[-1] == (36, 36)
