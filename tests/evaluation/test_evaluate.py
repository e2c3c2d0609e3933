"""The truth: features normalised by numpy, the network one utterance at a time, figures by scikit-learn."""

import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, recall_score

from didan import metrics
from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.errors import UserError
from didan.evaluation import Evaluation, evaluate
from didan.evaluation.evaluate import compare
from didan.features import NormalisationSettings, Spectrogram, SpectrogramSettings, extract_features
from didan.inference.adapt_outputs import adapt_outputs
from didan.inference.predict import predict
from didan.model.trained import TrainedModel
from didan.networks import averaged

NAN = float("nan")


@pytest.fixture
def evaluation(untrained: TrainedModel, target: Corpus, session_cache: Path) -> Evaluation:
    return evaluate(untrained, target, cache=session_cache)


def probabilities_by_hand(
    model: TrainedModel, corpus: Corpus, groups: Sequence[str | None], shrinkage: float
) -> torch.Tensor:
    """Those of each utterance alone, its vector normalised by those of its group, drawn to the domain's."""
    frontend, (domain,) = Spectrogram(SpectrogramSettings()), model.normaliser.domain
    vectors = []
    for file in corpus.table["file"]:
        features = torch.from_numpy(extract_features(frontend, read_audio(file)))[None]
        with torch.inference_mode():
            vectors.append(model.network.backbone(features, torch.tensor([features.shape[1]]))[0].double().numpy())
    scores = []
    for own, vector in zip(groups, vectors, strict=True):
        mean, variance = domain.mean, domain.variance
        if own is not None:
            members = np.stack([x for x, group in zip(vectors, groups, strict=True) if group == own])
            weight = len(members) / (len(members) + shrinkage)
            mean = weight * members.mean(axis=0) + (1 - weight) * mean
            variance = weight * members.var(axis=0) + (1 - weight) * variance
        normal = torch.from_numpy((vector - mean) / np.sqrt(variance)).float()
        with torch.inference_mode():
            scores.append(averaged(model.network.head(normal[None])).scores[0])
    return (torch.stack(scores) / model.temperature).softmax(dim=1)


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


@pytest.mark.parametrize("group", ["none", "speaker", "file", "folder", "room"])
def test_probabilities_are_those_of_the_network(
    untrained: TrainedModel, target: Corpus, session_cache: Path, group: str
) -> None:
    rooms = [("hall", "cell", None)[number % 3] for number in range(len(target))]
    corpus = replace(target, table=target.table.assign(room=pd.Series(rooms)))
    files = [str(file) for file in target.table["file"]]
    groups: dict[str, list[str | None]] = {
        "none": [None] * len(target),
        "speaker": [str(speaker) for speaker in target.table["speaker"]],
        "file": [*files],
        "folder": [str(Path(file).parent) for file in files],
        "room": [*rooms],
    }
    expected = probabilities_by_hand(untrained, target, groups[group], untrained.normaliser.shrinkage)
    evaluation = evaluate(untrained, corpus, group=group, cache=session_cache)
    best = [untrained.emotions[index] for index in expected.argmax(dim=1)]
    assert evaluation.utterances["predicted"].tolist() == best
    np.testing.assert_allclose(probabilities(evaluation), expected, atol=1e-4)
    assert evaluation.normalised_by == "as predicted"


def test_own_statistics_are_those_of_the_group_alone_and_said_so(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    speakers = [str(speaker) for speaker in target.table["speaker"]]
    expected = probabilities_by_hand(untrained, target, speakers, 0)
    evaluation = evaluate(untrained, target, own_statistics=True, cache=session_cache)
    np.testing.assert_allclose(probabilities(evaluation), expected, atol=1e-4)
    assert evaluation.as_dict()["normalised_by"] == (
        "statistics of the evaluated speakers alone, not as predicted"
    )


@pytest.mark.parametrize("trained", ["none", "speaker", "room"])
def test_utterances_are_grouped_as_the_model_was_trained_unless_somebody_says_otherwise(
    untrained: TrainedModel, target: Corpus, session_cache: Path, trained: str
) -> None:
    config = untrained.config.model_copy(update={"normalisation": NormalisationSettings(group=trained)})
    model = replace(untrained, config=config)
    rooms = replace(target, table=target.table.assign(room=["hall", "cell"] * 18))
    for corpus, group in ((rooms, trained), (target, "speaker" if trained == "room" else trained)):
        expected = evaluate(untrained, corpus, group=group, cache=session_cache)
        pd.testing.assert_frame_equal(
            probabilities(evaluate(model, corpus, cache=session_cache)), probabilities(expected)
        )


def test_a_column_that_is_not_there_is_refused(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    with pytest.raises(UserError, match="gamma has no column 'spaker' to group by: did you mean 'speaker'"):
        evaluate(untrained, target, group="spaker", cache=session_cache)
    with pytest.raises(UserError, match="cannot be grouped by their emotion"):
        evaluate(untrained, target, group="emotion", cache=session_cache)


def test_utterances_in_which_nobody_speaks_count_as_errors(
    untrained: TrainedModel, target: Corpus, session_cache: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 1e-2, 2 * RATE), RATE)
    table = target.table.copy()
    table.loc[7, "file"] = str(tmp_path / "noise.wav")
    evaluation = evaluate(untrained, replace(target, table=table), group="none", cache=session_cache)
    assert evaluation.n_speechless == 1
    assert evaluation.utterances["predicted"].isna().tolist() == [number == 7 for number in range(36)]
    predicted = evaluation.utterances["predicted"].astype(object).where(lambda column: column.notna(), "nothing")
    true, labels = evaluation.utterances["emotion"], list(evaluation.emotions)
    expected = recall_score(true, predicted, labels=labels, average=None)
    assert evaluation.recall == pytest.approx(dict(zip(labels, expected, strict=True)))
    assert sum(map(sum, evaluation.confusion)) == evaluation.n - 1
    assert any(remark.startswith("1 utterances hold too little speech") for remark in evaluation.remarks())


def test_each_label_stays_with_its_file(evaluation: Evaluation) -> None:
    names = [Path(file).stem.split("_")[0] for file in evaluation.utterances["file"]]
    assert evaluation.utterances["emotion"].tolist() == names


def test_labels_have_no_influence_on_predictions(
    untrained: TrainedModel, target: Corpus, session_cache: Path, evaluation: Evaluation
) -> None:
    shuffled = target.table.assign(emotion=target.table["emotion"].sample(frac=1, random_state=0).to_numpy())
    other = evaluate(untrained, replace(target, table=shuffled), cache=session_cache)
    pd.testing.assert_frame_equal(probabilities(other), probabilities(evaluation))
    assert other.confusion != evaluation.confusion


def test_emotions_that_do_not_occur(untrained: TrainedModel, target: Corpus, session_cache: Path) -> None:
    evaluated = evaluate(untrained, target.only(("anger", "neutral")), cache=session_cache)
    true, predicted = evaluated.utterances["emotion"], evaluated.utterances["predicted"]
    assert "sadness" in set(predicted)
    present = recall_score(true, predicted, labels=["anger", "neutral"], average=None)
    assert evaluated.recall["sadness"] is None
    assert evaluated.uar == pytest.approx(present.mean())
    assert evaluated.confusion[2] == [0, 0, 0]
    assert "gamma has no sadness; UAR is over the other emotions" in evaluated.remarks()


def test_utterances_of_unknown_emotions_are_left_out(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    emotion = target.table["emotion"].mask(target.table["speaker"] == "gamma-01", "boredom")
    evaluated = evaluate(
        untrained, replace(target, table=target.table.assign(emotion=emotion)), cache=session_cache
    )
    assert evaluated.n == 24
    assert set(evaluated.utterances["speaker"]) == {"gamma-02", "gamma-03"}
    rest = replace(target, table=target.table[target.table["speaker"] != "gamma-01"])
    assert evaluated.confusion == evaluate(untrained, rest, cache=session_cache).confusion


def test_corpus_without_any_of_the_emotions(untrained: TrainedModel, target: Corpus, session_cache: Path) -> None:
    bored = replace(target, table=target.table.assign(emotion="boredom"))
    with pytest.raises(UserError, match=r"gamma has no utterance with any of anger, neutral, sadness"):
        evaluate(untrained, bored, cache=session_cache)


@pytest.mark.parametrize("favourite", [0, 2, None])
def test_confusion_of_a_model_that_says_one_thing(
    favourite: int | None, untrained: TrainedModel, target: Corpus
) -> None:
    known = target.only(untrained.emotions)
    scores = np.full((len(known), 3), NAN) if favourite is None else np.tile(np.eye(3)[favourite], (len(known), 1))
    leakage: dict[str, Any] = {"labels_read": {}}
    compared = compare(known, untrained.emotions, scores, selection="", leakage=leakage)
    counts = known.table["emotion"].value_counts()
    expected = np.zeros((3, 3), dtype=int)
    if favourite is not None:
        expected[:, favourite] = [counts[emotion] for emotion in untrained.emotions]
    assert compared.confusion == expected.tolist()
    assert compared.n_damaged == 0
    assert compared.n_speechless == (len(known) if favourite is None else 0)


def test_few_are_fewer_than_ten_speakers(evaluation: Evaluation) -> None:
    for count, said in ((9, True), (10, False), (40, False)):
        remarks = replace(evaluation, n_speakers=count).remarks()
        assert any("so the interval is rough" in remark for remark in remarks) == said


def test_adapted_outputs_are_those_of_prediction(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    adapted = evaluate(untrained, target, adapted_by="lame", cache=session_cache)
    predictions = list(predict(untrained, target.unlabelled().utterances()))
    wanted = [one.probabilities for one in adapt_outputs(predictions, "lame")]
    assert probabilities(adapted).to_dict("records") == wanted
    assert wanted != [one.probabilities for one in predictions]
    assert adapted.normalised_by.endswith("outputs adapted by lame")


def test_what_cannot_be_read_is_counted_and_left_out(
    untrained: TrainedModel, target: Corpus, tmp_path: Path, session_cache: Path
) -> None:
    (tmp_path / "no.wav").write_bytes(b"nothing")
    table = target.table.copy()
    table.loc[[1, 4], "file"] = str(tmp_path / "no.wav")
    said: list[Exception] = []
    evaluated = evaluate(untrained, replace(target, table=table), cache=session_cache, on_damaged=said.append)
    assert evaluated.n_damaged == len(said) == 2
    assert evaluated.n == len(target.table) - 2
    assert "left out, since they cannot be read: 2 utterances" in evaluated.remarks()
    assert evaluate(untrained, target, cache=session_cache).n_damaged == 0


def test_an_encoder_that_was_trained_on_the_corpus_is_remarked(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    encoders = [{"model": "models/wav2vec2-large-emotion-detection-german"}]
    model = replace(untrained, record={**untrained.record, "encoders": encoders})
    evaluated = evaluate(model, replace(target, name="emodb"), cache=session_cache)
    (phrase,) = evaluated.leakage["encoder_trained_on"]
    assert any(remark.startswith(phrase) for remark in evaluated.remarks())
    assert evaluate(model, target, cache=session_cache).leakage["encoder_trained_on"] == []


def test_unknown_speakers_make_the_interval_one_by_utterance(
    untrained: TrainedModel, target: Corpus, session_cache: Path, evaluation: Evaluation
) -> None:
    assert (evaluation.resampled, evaluation.n_speakers) == ("speaker", 3)
    assert "only 3 speakers, so the interval is rough" in evaluation.remarks()
    for speakers, count in ((NAN, None), ("the only one", 1)):
        changed = replace(target, table=target.table.assign(speaker=speakers))
        evaluated = evaluate(untrained, changed, cache=session_cache)
        assert (evaluated.resampled, evaluated.n_speakers) == ("utterance", count)
        assert any("resamples utterances" in remark for remark in evaluated.remarks())
        indices = [evaluated.utterances[name].map(evaluated.emotions.index) for name in ("emotion", "predicted")]
        labels, predicted = (index.to_numpy() for index in indices)
        assert evaluated.uar_ci95 == metrics.uar_interval(labels, predicted, None)


def test_recordings_of_the_source_are_found(
    untrained: TrainedModel,
    source: Corpus,
    target: Corpus,
    tmp_path: Path,
    session_cache: Path,
    evaluation: Evaluation,
) -> None:
    assert evaluation.leakage["evaluated_in_source"] == []
    first, second = source.table["file"].iloc[:2]
    samples, rate = soundfile.read(first, dtype="int16")
    soundfile.write(tmp_path / "other format.flac", samples, rate)
    shutil.copy(second, tmp_path / "copy.wav")
    copies = [str(tmp_path / "other format.flac"), str(tmp_path / "copy.wav")]
    table = target.table.copy()
    table.loc[[3, 5], "file"] = copies
    evaluated = evaluate(untrained, replace(target, table=table), cache=session_cache)
    assert evaluated.leakage["evaluated_in_source"] == sorted(copies)
    assert any(remark.startswith("2 of the recordings were trained on") for remark in evaluated.remarks())


def test_shared_speakers_are_remarked(untrained: TrainedModel, target: Corpus, session_cache: Path) -> None:
    assert evaluate(untrained, target, cache=session_cache).leakage["shared_speakers"] == []
    table = untrained.source_index.table.copy()
    table.loc[:2, "speaker"] = "gamma-02"
    known = replace(untrained.source_index, table=table)
    evaluated = evaluate(replace(untrained, source_index=known), target, cache=session_cache)
    assert evaluated.leakage["shared_speakers"] == ["gamma-02"]
    assert "the source has some of the speakers too: gamma-02" in evaluated.remarks()


def test_labels_read_are_recorded_and_the_model_stays_as_it_was(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    before = deepcopy(untrained.record)
    evaluated = evaluate(untrained, target, cache=session_cache)
    assert untrained.record == before
    assert evaluated.leakage["labels_read"] == {"training": "none", "evaluation": "labels of the corpus evaluated"}
    assert evaluated.selection == "none, it is untrained"


def test_defaults_chosen_with_labels_of_a_corpus_are_no_discovery_on_it(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    fixed = {"selection": "last step; settings fixed beforehand, without target labels"}
    model = replace(untrained, record=untrained.record | fixed)
    for name, expected in (("casia", "the defaults with target labels"), ("calls", "without target labels")):
        result = evaluate(model, replace(target, name=name), cache=session_cache)
        assert result.selection == f"last step; settings fixed beforehand, {expected}"
        assert any("chosen on casia, with its labels" in line for line in result.remarks()) == (name == "casia")


def test_json_holds_what_is_promised(evaluation: Evaluation, tmp_path: Path) -> None:
    evaluation.write(tmp_path / "a.json")
    evaluated = json.loads((tmp_path / "a.json").read_text())
    promised = {"uar", "war", "n", "emotions", "recall", "confusion", "uar_ci95", "selection", "leakage"}
    assert promised <= set(evaluated)
    assert evaluated == evaluation.as_dict()
    assert evaluated["uar"] == evaluation.uar
    assert evaluated["recall"] == evaluation.recall
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


def test_progress_counts_utterances(untrained: TrainedModel, target: Corpus, session_cache: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    evaluate(
        untrained,
        target,
        cache=session_cache,
        progress=lambda stage, done, total: calls.append((stage, done, total)),
    )
    assert calls == [("features of gamma", number, 36) for number in range(1, 37)]
