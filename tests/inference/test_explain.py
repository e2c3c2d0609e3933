"""The mixture is compared with that of an independent solver."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy
import soundfile
import torch

from didan.audio import RATE, Utterance, read_audio
from didan.corpora import Corpus
from didan.errors import AudioError
from didan.inference.explain import Explanation, explain, to_dict
from didan.inference.predict import predict, utterances_in
from didan.model.trained import TrainedModel
from didan.networks import Output


@pytest.fixture(scope="module")
def explanation(untrained: TrainedModel, tiny_corpora: tuple[Corpus, Corpus]) -> Explanation:
    return explain(untrained, Path(tiny_corpora[1].table["file"].iloc[5]), n=36)


def outputs(model: TrainedModel, file: str | Path) -> Output:
    """Those of a recording on its own."""
    return model.forward(model.prepare(read_audio(file)), model.normaliser.statistics())


def test_weights_are_those_of_another_solver(untrained: TrainedModel, explanation: Explanation) -> None:
    h_s = untrained.source_index.embeddings["fc1"].numpy().astype(np.float64)
    h_t = outputs(untrained, explanation.file).embeddings["fc1"].numpy().astype(np.float64)
    centre = h_s.mean(axis=0)
    H_s, h = ((one - centre) / np.linalg.norm(one - centre, axis=1, keepdims=True) for one in (h_s, h_t))
    # Nonnegative least squares; a heavy row makes the weights sum to 1.
    heavy = 1e4
    weights, _ = scipy.optimize.nnls(np.vstack([H_s.T, heavy * np.ones(len(H_s))]), np.append(h[0], heavy))
    assert explanation.residual == pytest.approx(np.linalg.norm(h[0] - weights @ H_s), abs=2e-3)
    files = untrained.source_index.table["file"].tolist()
    ours = np.zeros(len(files))
    for row in explanation.examples.itertuples():
        ours[files.index(str(row.file))] = float(row.weight)  # type: ignore[arg-type]
    np.testing.assert_allclose(ours, weights, atol=0.03)


def test_weights_sum_to_1_and_come_in_order(untrained: TrainedModel, explanation: Explanation) -> None:
    assert sum(explanation.weights.values()) == pytest.approx(1, abs=1e-5)
    assert list(explanation.weights) == list(untrained.emotions)
    weights = explanation.examples["weight"].tolist()
    assert weights == sorted(weights, reverse=True)
    for emotion, part in explanation.examples.groupby("emotion"):
        assert part["weight"].sum() == pytest.approx(explanation.weights[str(emotion)], abs=0.01)


def test_a_recording_is_normalised_as_in_prediction(untrained: TrainedModel, target: Corpus) -> None:
    normalisation = untrained.config.normalisation.model_copy(update={"group": "file"})
    model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
    file = Path(target.table["file"].iloc[5])
    (predicted,) = predict(model, utterances_in([file], "file"))
    (elsewhere,) = predict(model, utterances_in([file]))
    assert explain(model, file).probabilities == predicted.probabilities != elsewhere.probabilities


def test_a_source_utterance_explains_itself(untrained: TrainedModel, source: Corpus) -> None:
    # As the target's statistics normalise it, the recording is not quite what the source index holds.
    file = source.table["file"].iloc[9]
    embeddings = {**untrained.source_index.embeddings}
    embeddings["fc1"] = embeddings["fc1"].clone()
    embeddings["fc1"][9] = outputs(untrained, file).embeddings["fc1"][0]
    model = replace(untrained, source_index=replace(untrained.source_index, embeddings=embeddings))
    explanation = explain(model, Path(file))
    assert explanation.examples["file"].iloc[0] == file
    assert explanation.weights[source.table["emotion"].iloc[9]] > 0.95
    assert explanation.residual < 0.05


def test_emotion_and_probabilities_are_those_predicted(untrained: TrainedModel, explanation: Explanation) -> None:
    (prediction,) = predict(untrained, [Utterance(Path(explanation.file))])
    assert explanation.emotion == prediction.emotion
    assert explanation.probabilities == pytest.approx(prediction.probabilities)


def test_as_many_examples_as_wanted(untrained: TrainedModel, explanation: Explanation) -> None:
    assert len(explain(untrained, Path(explanation.file), n=2).examples) == 2


def test_a_long_recording_is_explained_where_most_is_said(
    untrained: TrainedModel, target: Corpus, tmp_path: Path
) -> None:
    clips = [read_audio(file) for file in target.table["file"][:3]]
    silence = np.zeros(12 * RATE, dtype=np.float32)
    said = np.concatenate(clips)
    soundfile.write(tmp_path / "a.wav", np.concatenate([silence, said, silence, clips[0]]), RATE, subtype="FLOAT")
    explanation = explain(untrained, tmp_path / "a.wav")
    assert explanation.start == pytest.approx(12, abs=0.3)
    assert explanation.end == pytest.approx(12 + len(said) / RATE, abs=0.3)


def test_there_is_nothing_to_explain_in_noise(untrained: TrainedModel, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 1e-2, 3 * RATE), RATE)
    with pytest.raises(AudioError, match="no speech"):
        explain(untrained, tmp_path / "a.wav")


def test_it_can_be_written_down(untrained: TrainedModel, explanation: Explanation) -> None:
    table = untrained.source_index.table.assign(speaker=None)
    model = replace(untrained, source_index=replace(untrained.source_index, table=table))
    read = json.loads(json.dumps(to_dict(explain(model, Path(explanation.file))), allow_nan=False))
    assert {example["speaker"] for example in read["examples"]} == {None}
    assert read["residual"] == pytest.approx(explanation.residual)


def test_it_looks_at_the_layer_that_is_aligned(untrained: TrainedModel, explanation: Explanation) -> None:
    generator = torch.Generator().manual_seed(0)
    for layer, looks in (("fc1", True), ("fc2", False), ("output", False)):
        embeddings = {**untrained.source_index.embeddings}
        embeddings[layer] = torch.randn(embeddings[layer].shape, generator=generator)
        model = replace(untrained, source_index=replace(untrained.source_index, embeddings=embeddings))
        assert (explain(model, Path(explanation.file)).weights != explanation.weights) is looks
