"""Predictions are compared with the network run by hand, on recordings of which is known when somebody speaks."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy
import soundfile
import torch

from didan.audio import RATE, read_audio
from didan.corpora import Corpus
from didan.errors import AudioError, UserError
from didan.evaluation import evaluate
from didan.features import Normalisation, Spectrogram, SpectrogramSettings, extract_features
from didan.inference import Prediction, predict
from didan.model.trained import Model
from didan.typing import Samples


@pytest.fixture
def files(target: Corpus) -> list[Path]:
    """36 files, which makes more than one batch."""
    return [Path(file) for file in target.table["file"]]


def frame(model: Model, found: list[Prediction]) -> pd.DataFrame:
    return pd.DataFrame([one.probabilities for one in found], columns=list(model.emotions))


def test_one_prediction_per_file_in_the_order_given(untrained: Model, files: list[Path]) -> None:
    found = list(predict(untrained, files[::-1]))
    assert [one.file for one in found] == [str(file) for file in files[::-1]]
    assert [str(one.emotion) for one in found] == [str(best) for best in frame(untrained, found).idxmax(axis=1)]
    assert len({one.emotion for one in found}) == 3
    for one, file in zip(found, files[::-1], strict=True):
        assert (one.start, one.end) == (0, len(read_audio(file)) / RATE)
        assert 0.3 < one.speech <= 1


def test_probabilities_sum_to_1(untrained: Model, files: list[Path]) -> None:
    values = frame(untrained, list(predict(untrained, files))).to_numpy()
    np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-5)
    assert (values >= 0).all()


def test_a_higher_temperature_is_less_sure_of_the_same(untrained: Model, files: list[Path]) -> None:
    cool, warm = (list(predict(replace(untrained, temperature=t), files[:5])) for t in (0.1, 1.0))
    assert [one.emotion for one in cool] == [one.emotion for one in warm]
    assert (frame(untrained, cool).max(axis=1) > frame(untrained, warm).max(axis=1)).all()


@pytest.mark.parametrize("normalisation", ["corpus", "utterance"])
def test_a_file_is_predicted_alone_as_among_others(
    untrained: Model, files: list[Path], normalisation: Normalisation
) -> None:
    model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
    together = frame(model, list(predict(model, files)))
    for index in (0, 17, 35):
        alone = frame(model, list(predict(model, [files[index]])))
        np.testing.assert_allclose(alone.iloc[0], together.iloc[index], atol=1e-4)


def test_target_is_predicted_as_it_is_evaluated(
    untrained: Model, target: Corpus, files: list[Path], session_cache: Path
) -> None:
    evaluated = evaluate(untrained, target, session_cache).utterances
    predicted = untrained.predict(*files)
    assert predicted["emotion"].tolist() == evaluated["predicted"].tolist()
    emotions = list(untrained.emotions)
    np.testing.assert_allclose(predicted[emotions], evaluated[emotions], atol=1e-4)


@pytest.mark.parametrize("normalisation", ["none", "utterance", "corpus", "speaker"])
def test_normalisation_of_single_files(untrained: Model, files: list[Path], normalisation: Normalisation) -> None:
    model = replace(untrained, config=untrained.config.model_copy(update={"normalisation": normalisation}))
    features = torch.from_numpy(extract_features(Spectrogram(SpectrogramSettings()), read_audio(files[3])))
    if normalisation == "utterance":
        features = (features - features.mean(dim=0)) / features.std(dim=0, correction=0)
    elif normalisation != "none":
        mean, deviation = map(torch.from_numpy, (model.statistics.mean, model.statistics.deviation))
        features = (features - mean) / deviation
    with torch.inference_mode():
        scores = model.network(features[None], torch.tensor([len(features)])).scores
    expected = scipy.special.softmax(scores.numpy().astype(np.float64) / untrained.temperature, axis=1)
    np.testing.assert_allclose(frame(model, list(predict(model, [files[3]]))), expected, atol=1e-4)


def test_folders_and_files(untrained: Model, files: list[Path]) -> None:
    folder = files[0].parent  # one speaker's
    found = predict(untrained, [files[-1], folder])
    expected = [files[-1], *sorted(file for file in files if file.parent == folder)]
    assert [one.file for one in found] == [str(file) for file in expected]


def test_nothing_to_predict(untrained: Model) -> None:
    assert list(predict(untrained, [])) == []
    found = untrained.predict()
    assert list(found.columns) == ["file", "emotion", *untrained.emotions]
    assert found.empty


def test_folder_without_audio(untrained: Model, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no audio"):
        list(predict(untrained, [tmp_path]))


def test_damaged_file_is_an_error(untrained: Model, files: list[Path], tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing.wav", "no such file"), (tmp_path / "empty.wav", "is empty")):
        if reason == "is empty":
            path.touch()
        with pytest.raises(AudioError, match=rf"{path.name}: {reason}"):
            list(predict(untrained, [files[0], path]))


@pytest.mark.parametrize("window", [None, 0.5])
def test_damaged_files_are_left_out_if_somebody_is_told(
    untrained: Model, files: list[Path], tmp_path: Path, window: float | None
) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "whole.flac", call(files)[: 30 * RATE], RATE)
    content = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "half.flac").write_bytes(content[: len(content) // 2])  # shows only once half of it has been heard
    reasons: list[str] = []
    given = [tmp_path / "text.wav", files[0], tmp_path / "half.flac", tmp_path / "missing.wav", files[1]]
    found = list(predict(untrained, given, window, on_damaged=lambda error: reasons.append(str(error))))
    whole = list(predict(untrained, files[:2], window))
    assert [(one.file, one.start, one.emotion) for one in found] == [(o.file, o.start, o.emotion) for o in whole]
    assert [Path(reason.split(":")[0]).name for reason in reasons] == ["text.wav", "half.flac", "missing.wav"]


def call(files: list[Path]) -> Samples:
    """Utterances with a second of silence after each, 20 s at least."""
    pause = np.zeros(RATE, dtype=np.float32)
    return np.concatenate([part for file in files for part in (read_audio(file), pause)])


def test_a_long_recording_is_the_weighted_mean_of_its_utterances(
    untrained: Model, files: list[Path], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "call.wav", call(files[:10]), RATE, subtype="FLOAT")
    (found,) = predict(untrained, [tmp_path / "call.wav"])
    lengths = [len(read_audio(file)) for file in files[:10]]
    assert found.end == pytest.approx(sum(lengths) / RATE + 10, abs=1e-3)
    assert 0 < found.speech < 1 - 10 * 0.5 / found.end
    single = frame(untrained, list(predict(untrained, files[:10]))).to_numpy()
    mixed = frame(untrained, [found]).to_numpy()[0]
    assert mixed.sum() == pytest.approx(1, abs=1e-5)
    # Trimmed of silence by the frontend the pieces are the files again, but for a frame or two at the edges.
    np.testing.assert_allclose(mixed, np.average(single, axis=0, weights=lengths), atol=0.1)


def test_a_timeline_has_a_row_per_window(untrained: Model, files: list[Path], tmp_path: Path) -> None:
    samples = call(files[:15])[: 20 * RATE]
    soundfile.write(tmp_path / "call.wav", samples, RATE, subtype="FLOAT")
    found = list(predict(untrained, [tmp_path / "call.wav"], 1.5, 0.6))
    np.testing.assert_allclose([one.start for one in found], 0.6 * np.arange(len(found)), atol=1e-6)
    np.testing.assert_allclose([one.end - one.start for one in found[:-1]], 1.5)
    assert found[-1].end == pytest.approx(20)
    one = next(one for one in found if one.emotion is not None)
    soundfile.write(
        tmp_path / "part.wav", samples[round(one.start * RATE) : round(one.end * RATE)], RATE, subtype="FLOAT"
    )
    (part,) = predict(untrained, [tmp_path / "part.wav"])
    np.testing.assert_allclose(frame(untrained, [one]), frame(untrained, [part]), atol=1e-4)


@pytest.mark.parametrize("window", [None, 2.0])
@pytest.mark.parametrize("seconds", [5, 40])
def test_silence_and_noise_get_no_emotion(
    untrained: Model, tmp_path: Path, window: float | None, seconds: int
) -> None:
    rng = np.random.default_rng(0)
    for number, level in enumerate((0.0, 1e-3, 1e-2)):
        noise = level * rng.normal(size=seconds * RATE)
        soundfile.write(tmp_path / f"{number}.wav", noise, RATE, subtype="FLOAT")
    found = list(predict(untrained, [tmp_path], window))
    assert len({one.file for one in found}) == 3
    assert {one.emotion for one in found} == {None}
    assert {one.probabilities for one in found} == {None}
    assert max(one.end for one in found) == pytest.approx(seconds)


def test_silent_windows_of_speech_get_no_emotion(untrained: Model, files: list[Path], tmp_path: Path) -> None:
    speech = np.concatenate([read_audio(file) for file in files[:3]])
    silence = np.zeros(6 * RATE, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", np.concatenate([silence, speech, silence]), RATE, subtype="FLOAT")
    for one in predict(untrained, [tmp_path / "a.wav"], 1.0, 0.5):
        if one.end < 6 or one.start > 6.5 + len(speech) / RATE:
            assert one.emotion is None
        elif one.start > 6.2 and one.end < 5.8 + len(speech) / RATE:
            assert one.emotion is not None


@pytest.mark.parametrize(
    ("window", "hop", "reason"),
    [(None, 1.0, "say with --window"), (0.1, None, "too short"), (2.0, 3.0, "does not suit"), (2.0, 0.0, "suit")],
)
def test_windows_that_make_no_sense_are_refused(
    untrained: Model, window: float | None, hop: float | None, reason: str
) -> None:
    with pytest.raises(UserError, match=reason):
        list(predict(untrained, [], window, hop))
