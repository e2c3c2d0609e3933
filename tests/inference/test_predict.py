from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from didan.audio import read_audio
from didan.corpora import Corpus
from didan.errors import AudioError, UserError
from didan.evaluation import evaluate, metrics
from didan.frontends import Normalisation, Spectrogram, SpectrogramSettings
from didan.inference import predict
from didan.model import Model


@pytest.fixture
def files(target: Corpus) -> list[Path]:
    """36 files, which makes more than one batch."""
    return [Path(file) for file in target.table["file"]]


def test_one_row_per_file_in_the_order_given(untrained: Model, files: list[Path]) -> None:
    found = predict(untrained, files[::-1])
    assert list(found.columns) == ["file", "emotion", *untrained.emotions]
    assert found["file"].tolist() == [str(file) for file in files[::-1]]
    assert found["emotion"].tolist() == found[list(untrained.emotions)].idxmax(axis=1).tolist()
    assert found["emotion"].nunique() == 3


def test_probabilities_sum_to_1(untrained: Model, files: list[Path]) -> None:
    config = untrained.config.model_copy(
        update={"optimisation": untrained.config.optimisation.model_copy(update={"loss": "cross-entropy"})}
    )
    for model in (untrained, replace(untrained, config=config)):
        values = predict(model, files)[list(model.emotions)].to_numpy()
        np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-5)
        assert (values >= 0).all()


@pytest.mark.parametrize("normalisation", ["corpus", "utterance"])
def test_a_file_is_predicted_alone_as_among_others(
    untrained: Model, files: list[Path], normalisation: Normalisation
) -> None:
    model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
    together = predict(model, files)
    for index in (0, 17, 35):
        alone = predict(model, [files[index]])
        pd.testing.assert_frame_equal(alone, together.iloc[[index]].reset_index(drop=True), atol=1e-4, rtol=0)


def test_target_is_predicted_as_it_is_evaluated(
    untrained: Model, target: Corpus, files: list[Path], session_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_BOOTSTRAPS", 2)
    evaluated = evaluate(untrained, target, session_cache).utterances
    predicted = predict(untrained, files)
    assert predicted["emotion"].tolist() == evaluated["predicted"].tolist()
    emotions = list(untrained.emotions)
    np.testing.assert_allclose(predicted[emotions], evaluated[emotions], atol=1e-4)


@pytest.mark.parametrize("normalisation", ["none", "utterance", "corpus", "speaker"])
def test_normalisation_of_single_files(untrained: Model, files: list[Path], normalisation: Normalisation) -> None:
    model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
    features = Spectrogram(SpectrogramSettings())(torch.from_numpy(read_audio(files[3])))
    if normalisation == "utterance":
        features = (features - features.mean(dim=0)) / features.std(dim=0, correction=0)
    elif normalisation != "none":
        mean, deviation = map(torch.from_numpy, (model.statistics.mean, model.statistics.deviation))
        features = (features - mean) / deviation
    with torch.inference_mode():
        scores = model.network(features[None], torch.tensor([len(features)])).scores
    found = predict(model, [files[3]])[list(model.emotions)]
    np.testing.assert_allclose(found, model.probabilities(scores), atol=1e-4)


def test_folders_and_files(untrained: Model, files: list[Path]) -> None:
    folder = files[0].parent  # one speaker's
    found = predict(untrained, [files[-1], folder])
    expected = [files[-1], *sorted(file for file in files if file.parent == folder)]
    assert found["file"].tolist() == [str(file) for file in expected]


def test_nothing_to_predict(untrained: Model) -> None:
    found = predict(untrained, [])
    assert list(found.columns) == ["file", "emotion", *untrained.emotions]
    assert found.empty


def test_folder_without_audio(untrained: Model, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no audio"):
        predict(untrained, [tmp_path])


def test_damaged_file_is_an_error(untrained: Model, files: list[Path], tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing.wav", "no such file"), (tmp_path / "empty.wav", "is empty")):
        if reason == "is empty":
            path.touch()
        with pytest.raises(AudioError, match=rf"{path.name}: {reason}"):
            predict(untrained, [files[0], path])


def test_damaged_files_are_left_out_if_somebody_is_told(
    untrained: Model, files: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    reasons: list[str] = []

    def tell(error: AudioError) -> None:
        reasons.append(str(error))

    found = predict(untrained, [tmp_path / "text.wav", files[0], tmp_path / "missing.wav", files[1]], tell)
    pd.testing.assert_frame_equal(found, predict(untrained, files[:2]))
    assert [reason.split(":")[0] for reason in reasons] == [
        str(tmp_path / "text.wav"),
        str(tmp_path / "missing.wav"),
    ]
    assert predict(untrained, [tmp_path / "text.wav"], tell).empty
