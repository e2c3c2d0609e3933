"""The mixture is compared with that of an independent solver."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy
import soundfile
import torch

from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.errors import AudioError
from didan.inference.explain import Explanation, explain, to_dict
from didan.model.trained import Model


@pytest.fixture(scope="module")
def found(untrained: Model, tiny_corpora: tuple[Corpus, Corpus]) -> Explanation:
    return explain(untrained, Path(tiny_corpora[1].table["file"].iloc[5]), n=36)


def test_weights_are_those_of_another_solver(untrained: Model, found: Explanation) -> None:
    h_s = untrained.reference.embeddings["fc1"].numpy().astype(np.float64)
    h_t = untrained.hear([read_audio(found.file)]).embeddings["fc1"].numpy().astype(np.float64)
    centre = h_s.mean(axis=0)
    H_s, h = ((one - centre) / np.linalg.norm(one - centre, axis=1, keepdims=True) for one in (h_s, h_t))
    # Nonnegative least squares; a heavy row makes the weights sum to 1.
    heavy = 1e4
    weights, _ = scipy.optimize.nnls(np.vstack([H_s.T, heavy * np.ones(len(H_s))]), np.append(h[0], heavy))
    assert found.residual == pytest.approx(np.linalg.norm(h[0] - weights @ H_s), abs=2e-3)
    files = untrained.reference.table["file"].tolist()
    ours = np.zeros(len(files))
    for row in found.examples.itertuples():
        ours[files.index(str(row.file))] = float(row.weight)  # type: ignore[arg-type]
    np.testing.assert_allclose(ours, weights, atol=0.03)


def test_weights_sum_to_1_and_come_in_order(untrained: Model, found: Explanation) -> None:
    assert sum(found.weights.values()) == pytest.approx(1, abs=1e-5)
    assert list(found.weights) == list(untrained.emotions)
    weights = found.examples["weight"].tolist()
    assert weights == sorted(weights, reverse=True)
    for emotion, part in found.examples.groupby("emotion"):
        assert part["weight"].sum() == pytest.approx(found.weights[str(emotion)], abs=0.01)


def test_a_source_utterance_explains_itself(untrained: Model, source: Corpus) -> None:
    # As the target's statistics normalise it, the recording is not quite what the reference holds.
    file = source.table["file"].iloc[9]
    embeddings = {**untrained.reference.embeddings}
    embeddings["fc1"] = embeddings["fc1"].clone()
    embeddings["fc1"][9] = untrained.hear([read_audio(file)]).embeddings["fc1"][0]
    model = replace(untrained, reference=replace(untrained.reference, embeddings=embeddings))
    found = explain(model, Path(file))
    assert found.examples["file"].iloc[0] == file
    assert found.weights[source.table["emotion"].iloc[9]] > 0.95
    assert found.residual < 0.05


def test_emotion_and_probabilities_are_those_predicted(untrained: Model, found: Explanation) -> None:
    predicted = untrained.predict(found.file)
    assert found.emotion == predicted["emotion"].iloc[0]
    np.testing.assert_allclose(list(found.probabilities.values()), predicted[list(untrained.emotions)].iloc[0])


def test_as_many_examples_as_wanted(untrained: Model, found: Explanation) -> None:
    assert len(explain(untrained, Path(found.file), n=2).examples) == 2


def test_a_long_recording_is_explained_where_most_is_said(
    untrained: Model, target: Corpus, tmp_path: Path
) -> None:
    clips = [read_audio(file) for file in target.table["file"][:3]]
    silence = np.zeros(12 * RATE, dtype=np.float32)
    said = np.concatenate(clips)
    soundfile.write(tmp_path / "a.wav", np.concatenate([silence, said, silence, clips[0]]), RATE, subtype="FLOAT")
    found = explain(untrained, tmp_path / "a.wav")
    assert found.start == pytest.approx(12, abs=0.3)
    assert found.end == pytest.approx(12 + len(said) / RATE, abs=0.3)


def test_there_is_nothing_to_explain_in_noise(untrained: Model, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).normal(0, 1e-2, 3 * RATE), RATE)
    with pytest.raises(AudioError, match="no speech"):
        explain(untrained, tmp_path / "a.wav")


def test_it_can_be_written_down(untrained: Model, found: Explanation) -> None:
    table = untrained.reference.table.assign(speaker=None)
    model = replace(untrained, reference=replace(untrained.reference, table=table))
    read = json.loads(json.dumps(to_dict(explain(model, Path(found.file))), allow_nan=False))
    assert {example["speaker"] for example in read["examples"]} == {None}
    assert read["residual"] == pytest.approx(found.residual)


def test_it_looks_at_the_layer_that_is_aligned(untrained: Model, found: Explanation) -> None:
    settings = untrained.config.method_settings.model_copy(update={"layer": "fc2"})
    model = replace(untrained, config=untrained.config.model_copy(update={"method_settings": settings}))
    noise = torch.randn(36, 256, generator=torch.Generator().manual_seed(0))
    embeddings = {**untrained.reference.embeddings, "fc1": noise}
    blind = replace(model, reference=replace(model.reference, embeddings=embeddings))
    assert explain(blind, Path(found.file)).weights == explain(model, Path(found.file)).weights
    assert explain(model, Path(found.file)).weights != found.weights
