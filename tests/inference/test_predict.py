"""Predictions are compared with the network run by hand, on recordings of which is known when somebody speaks."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import scipy
import soundfile
import torch

from didan.api import Model
from didan.audio import RATE, Utterance, read_audio
from didan.corpora import Corpus
from didan.errors import AudioError, UserError
from didan.evaluation import evaluate
from didan.features import Spectrogram, SpectrogramSettings, extract_features
from didan.inference.predict import Prediction, predict, utterances_in
from didan.inference.segments import StreamedSegments
from didan.model.trained import TrainedModel
from didan.networks import averaged
from didan.speech import Segment, split_at_pauses
from didan.typing import Features, Samples

Floats = npt.NDArray[np.float64]


@pytest.fixture
def files(target: Corpus) -> list[Path]:
    """36 files, which makes more than one batch."""
    return [Path(file) for file in target.table["file"]]


def predicted(
    model: TrainedModel, paths: list[Path], *, groups: list[str] | None = None, **options: Any
) -> list[Prediction]:
    """Predictions for files and folders, each file of no group or of the one named."""
    utterances = utterances_in(paths)
    if groups is not None:
        utterances = [one._replace(group=group) for one, group in zip(utterances, groups, strict=True)]
    return list(predict(model, utterances, **options))


def frame(model: TrainedModel, predictions: list[Prediction]) -> pd.DataFrame:
    return pd.DataFrame([one.probabilities for one in predictions], columns=list(model.emotions))


def spectrogram(file: Path) -> Features:
    return extract_features(Spectrogram(SpectrogramSettings()), read_audio(file))


def vector(model: TrainedModel, features: Features) -> Floats:
    """What the network's backbone makes of an utterance, which is what is normalised."""
    with torch.inference_mode():
        made = model.network.backbone(torch.from_numpy(features)[None], torch.tensor([len(features)]))
    values: Floats = made[0].double().numpy()
    return values


def probabilities_by_hand(model: TrainedModel, features: Features, mean: Floats, variance: Floats) -> Floats:
    """The vector of one utterance normalised by numpy, and the network's softmax by scipy."""
    std = np.sqrt(variance)
    std[std <= 1e-6 * np.maximum(np.abs(mean), 1)] = 1
    normal = torch.from_numpy(((vector(model, features) - mean) / std).astype(np.float32))
    with torch.inference_mode():
        scores = averaged(model.network.head(normal[None])).scores[0]
    softmax: Floats = scipy.special.softmax(scores.numpy().astype(np.float64) / model.temperature)
    return softmax


def with_shrinkage(model: TrainedModel, shrinkage: float) -> TrainedModel:
    return replace(model, normaliser=replace(model.normaliser, shrinkage=shrinkage))


def test_one_prediction_per_file_in_the_order_given(untrained: TrainedModel, files: list[Path]) -> None:
    predictions = predicted(untrained, files[::-1])
    assert [one.file for one in predictions] == [str(file) for file in files[::-1]]
    assert [one.row for one in predictions] == list(range(36))
    best = frame(untrained, predictions).idxmax(axis=1)
    assert [str(one.emotion) for one in predictions] == [str(emotion) for emotion in best]
    assert len({one.emotion for one in predictions}) == 3
    for one, file in zip(predictions, files[::-1], strict=True):
        assert (one.start, one.end) == (0, len(read_audio(file)) / RATE)
        assert 0.3 < one.speech <= 1


def test_a_part_of_a_file_is_predicted_as_a_file_of_its_own(
    untrained: TrainedModel, files: list[Path], tmp_path: Path
) -> None:
    clips = [read_audio(file) for file in files[:3]]
    soundfile.write(tmp_path / "all.wav", np.concatenate(clips), RATE, subtype="FLOAT")
    ends = np.cumsum([len(clip) for clip in clips]) / RATE
    parts = [Utterance(tmp_path / "all.wav", *span) for span in zip([0.0, *ends[:-1]], ends, strict=True)]
    predictions = list(predict(untrained, parts))
    np.testing.assert_allclose([one.end for one in predictions], ends)
    np.testing.assert_allclose([one.start for one in predictions], [0.0, *ends[:-1]])
    whole = frame(untrained, predicted(untrained, files[:3]))
    np.testing.assert_allclose(frame(untrained, predictions), whole, atol=1e-4)


def test_probabilities_sum_to_1(untrained: TrainedModel, files: list[Path]) -> None:
    values = frame(untrained, predicted(untrained, files)).to_numpy()
    np.testing.assert_allclose(values.sum(axis=1), 1, rtol=1e-5)
    assert (values >= 0).all()


def test_a_higher_temperature_is_less_sure_of_the_same(untrained: TrainedModel, files: list[Path]) -> None:
    cool, warm = (predicted(replace(untrained, temperature=t), files[:5]) for t in (0.1, 1.0))
    assert [one.emotion for one in cool] == [one.emotion for one in warm]
    assert (frame(untrained, cool).max(axis=1) > frame(untrained, warm).max(axis=1)).all()


def test_a_single_file_is_normalised_as_the_domain(untrained: TrainedModel, files: list[Path]) -> None:
    (domain,) = untrained.normaliser.domain
    expected = probabilities_by_hand(untrained, spectrogram(files[3]), domain.mean, domain.variance)
    np.testing.assert_allclose(frame(untrained, predicted(untrained, [files[3]])).iloc[0], expected, atol=1e-4)


@pytest.mark.parametrize("shrinkage", [0.0, 3.0, 20.0])
def test_a_group_is_normalised_by_its_own_statistics_drawn_to_the_domain(
    untrained: TrainedModel, files: list[Path], shrinkage: float
) -> None:
    model, (domain,) = with_shrinkage(untrained, shrinkage), untrained.normaliser.domain
    groups = ["ann", "bob", "ann", "ann", "bob"]
    features = [spectrogram(file) for file in files[:5]]
    rows = frame(model, predicted(model, files[:5], groups=groups)).to_numpy()
    for group in ("ann", "bob"):
        own = [index for index in range(5) if groups[index] == group]
        vectors = np.stack([vector(model, features[index]) for index in own])
        weight = len(own) / (len(own) + shrinkage)
        mean = weight * vectors.mean(axis=0) + (1 - weight) * domain.mean
        variance = weight * vectors.var(axis=0) + (1 - weight) * domain.variance
        for index in own:
            expected = probabilities_by_hand(model, features[index], mean, variance)
            np.testing.assert_allclose(rows[index], expected, atol=1e-4)


@pytest.mark.parametrize("group", ["none", "file"])
def test_a_file_of_no_group_with_others_is_predicted_alone_as_among_them(
    untrained: TrainedModel, files: list[Path], group: str
) -> None:
    together = frame(untrained, list(predict(untrained, utterances_in(files, group))))
    for index in (0, 17, 35):
        alone = frame(untrained, list(predict(untrained, utterances_in([files[index]], group))))
        np.testing.assert_array_equal(alone.iloc[0], together.iloc[index])


def test_a_group_matters_to_its_own_utterances_alone(untrained: TrainedModel, files: list[Path]) -> None:
    before = frame(untrained, predicted(untrained, files[:6], groups=[*"aabb", "c", "c"])).to_numpy()
    after = frame(untrained, predicted(untrained, files[:7], groups=[*"aabb", "c", "c", "b"])).to_numpy()
    same = (before == after[:6]).all(axis=1)
    assert same.tolist() == [True, True, False, False, True, True]


def test_segments_of_a_long_recording_are_one_group(
    untrained: TrainedModel, files: list[Path], tmp_path: Path
) -> None:
    """Its parts in a table are normalised like its segments, since these are the same utterances."""
    model = with_shrinkage(untrained, 5)
    soundfile.write(tmp_path / "call.wav", call(files[:10]), RATE, subtype="FLOAT")
    whole = Utterance(tmp_path / "call.wav", group="call")
    segments = [one for one in StreamedSegments(model.prepare)(whole) if one.prepared is not None]
    assert len(segments) > 5
    moments = model.moments([one.prepared for one in segments if one.prepared is not None])
    vectors = np.stack([vector(model, one.prepared) for one in segments if one.prepared is not None])
    np.testing.assert_allclose([one.mean for one in moments], vectors, rtol=1e-5)
    weight = len(segments) / (len(segments) + 5)
    (domain,) = model.normaliser.domain
    mean = weight * vectors.mean(axis=0) + (1 - weight) * domain.mean
    variance = weight * vectors.var(axis=0) + (1 - weight) * domain.variance
    rows = [
        probabilities_by_hand(model, one.prepared, mean, variance) for one in segments if one.prepared is not None
    ]
    expected = np.average(rows, axis=0, weights=[one.speech for one in segments])
    (prediction,) = predict(model, [whole])
    np.testing.assert_allclose(frame(model, [prediction]).iloc[0], expected, atol=1e-4)


def test_windows_are_normalised_as_segments_are(
    untrained: TrainedModel, files: list[Path], tmp_path: Path
) -> None:
    """The statistics of a group do not depend on how its recordings are then cut into windows."""
    model = with_shrinkage(untrained, 1)
    groups = ["ann", "bob", "ann"]
    whole = frame(model, predicted(model, files[:3], groups=groups)).to_numpy()
    windows = predicted(model, files[:3], groups=groups, window=10.0)  # longer than the files
    np.testing.assert_allclose(frame(model, windows), whole, atol=1e-5)


def test_a_group_in_which_nobody_speaks_gets_the_statistics_of_the_domain(
    untrained: TrainedModel, files: list[Path], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "noise.wav", np.random.default_rng(0).normal(0, 1e-2, 3 * RATE), RATE)
    silent, spoken = predicted(untrained, [tmp_path / "noise.wav", files[0]], groups=["nobody", "ann"])
    assert (silent.emotion, silent.probabilities) == (None, None)
    (alone,) = predicted(untrained, [files[0]], groups=["ann"])
    assert spoken.probabilities == alone.probabilities


@pytest.mark.parametrize("damage", ["half", "text", "missing"])
def test_a_damaged_file_has_no_part_in_the_statistics_of_its_group(
    untrained: TrainedModel, files: list[Path], tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "damaged.flac"
    if damage == "half":  # whose first segments can be read
        soundfile.write(tmp_path / "whole.flac", np.tile(call(files), 3), RATE)
        content = (tmp_path / "whole.flac").read_bytes()
        file.write_bytes(content[: len(content) // 2])
    elif damage == "text":
        file.write_text("no audio")
    reasons: list[AudioError] = []
    predictions = predicted(untrained, [*files[:3], file], groups=["ann"] * 4, on_damaged=reasons.append)
    assert len(reasons) == 1
    without = predicted(untrained, files[:3], groups=["ann"] * 3)
    pd.testing.assert_frame_equal(frame(untrained, predictions), frame(untrained, without))


def test_programs_predict_a_corpus_as_it_is_evaluated(
    untrained: TrainedModel, target: Corpus, session_cache: Path
) -> None:
    model = Model(untrained)
    emotions = list(model.emotions)
    for group in (None, "speaker", "none", "folder"):
        evaluated = evaluate(untrained, target, group=group, cache=session_cache).utterances
        rows = model.predict(recordings=target, group=group)
        assert rows["emotion"].tolist() == evaluated["predicted"].tolist()
        pd.testing.assert_frame_equal(rows[emotions], evaluated[emotions])
        unlabelled = model.predict(recordings=target.unlabelled(), group=group)
        pd.testing.assert_frame_equal(unlabelled, rows)
    alone = evaluate(untrained, target, group="none", cache=session_cache).utterances
    rows = model.predict(*target.table["file"])
    pd.testing.assert_frame_equal(rows[emotions], alone[emotions])


def test_folders_and_files(untrained: TrainedModel, files: list[Path]) -> None:
    folder = files[0].parent  # one speaker's
    predictions = predicted(untrained, [files[-1], folder])
    expected = [files[-1], *sorted(file for file in files if file.parent == folder)]
    assert [one.file for one in predictions] == [str(file) for file in expected]


def test_files_are_grouped_by_themselves_or_their_folder(files: list[Path]) -> None:
    for group in ("none", "speaker"):  # nobody has named the speakers
        assert {one.group for one in utterances_in(files, group)} == {None}
    by_file = utterances_in([files[0], files[-1], files[0]], "file")
    assert by_file[0].group == by_file[2].group != by_file[1].group
    groups = [one.group for one in utterances_in(files, "folder")]
    folders = [str(file.parent) for file in files]
    assert len(set(groups)) == len(set(folders)) == len(set(zip(groups, folders, strict=True))) == 3


def test_a_folder_is_one_group_however_it_is_named(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(files[0].parent)
    relative = utterances_in([Path(), Path(files[0].name)], "folder")
    assert {one.group for one in relative} == {one.group for one in utterances_in([files[0]], "folder")}


def test_files_have_no_columns_to_group_by(files: list[Path]) -> None:
    with pytest.raises(UserError, match="audio files have no 'fil' to group by: did you mean 'file'"):
        utterances_in(files, "fil")
    with pytest.raises(UserError, match=r"no 'room' to group by.*a table can have such a column"):
        utterances_in(files, "room")


def test_nothing_to_predict(untrained: TrainedModel) -> None:
    assert list(predict(untrained, [])) == []
    rows = Model(untrained).predict()
    assert list(rows.columns) == ["file", "emotion", *untrained.emotions]
    assert rows.empty


def test_folder_without_audio(untrained: TrainedModel, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no audio"):
        predicted(untrained, [tmp_path])


def test_damaged_file_is_an_error(untrained: TrainedModel, files: list[Path], tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing.wav", "no such file"), (tmp_path / "empty.wav", "is empty")):
        if reason == "is empty":
            path.touch()
        with pytest.raises(AudioError, match=rf"{path.name}: {reason}"):
            predicted(untrained, [files[0], path])


@pytest.mark.parametrize("window", [None, 0.5])
def test_damaged_files_are_left_out_where_there_is_a_hook(
    untrained: TrainedModel, files: list[Path], tmp_path: Path, window: float | None
) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    soundfile.write(tmp_path / "whole.flac", call(files)[: 30 * RATE], RATE)
    content = (tmp_path / "whole.flac").read_bytes()
    (tmp_path / "half.flac").write_bytes(content[: len(content) // 2])  # shows only once half of it has been read
    reasons: list[str] = []
    given = [tmp_path / "text.wav", files[0], tmp_path / "half.flac", tmp_path / "missing.wav", files[1]]

    def complain(error: AudioError) -> None:
        reasons.append(str(error))

    predictions = predicted(untrained, given, window=window, on_damaged=complain)
    whole = predicted(untrained, files[:2], window=window)
    assert [(one.file, one.start, one.emotion) for one in predictions] == [
        (one.file, one.start, one.emotion) for one in whole
    ]
    assert {one.row for one in predictions} == {1, 4}
    assert [Path(reason.split(":")[0]).name for reason in reasons] == ["text.wav", "half.flac", "missing.wav"]


def call(files: list[Path]) -> Samples:
    """Utterances with a second of silence after each, 20 s at least."""
    pause = np.zeros(RATE, dtype=np.float32)
    return np.concatenate([part for file in files for part in (read_audio(file), pause)])


def test_a_long_recording_is_the_weighted_mean_of_its_utterances(
    untrained: TrainedModel, files: list[Path], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "call.wav", call(files[:10]), RATE, subtype="FLOAT")
    (prediction,) = predicted(untrained, [tmp_path / "call.wav"])
    lengths = [len(read_audio(file)) for file in files[:10]]
    assert prediction.end == pytest.approx(sum(lengths) / RATE + 10, abs=1e-3)
    assert 0 < prediction.speech < 1 - 10 * 0.5 / prediction.end
    single = frame(untrained, predicted(untrained, files[:10])).to_numpy()
    mixed = frame(untrained, [prediction]).to_numpy()[0]
    assert mixed.sum() == pytest.approx(1, abs=1e-5)
    # Trimmed of silence by the frontend the segments are the files again, but for a frame or two at the edges.
    np.testing.assert_allclose(mixed, np.average(single, axis=0, weights=lengths), atol=0.1)


def test_a_timeline_has_a_row_per_window(untrained: TrainedModel, files: list[Path], tmp_path: Path) -> None:
    samples = call(files[:15])[: 20 * RATE]
    soundfile.write(tmp_path / "call.wav", samples, RATE, subtype="FLOAT")
    windows = predicted(untrained, [tmp_path / "call.wav"], window=1.5, hop=0.6)
    np.testing.assert_allclose([one.start for one in windows], 0.6 * np.arange(len(windows)), atol=1e-6)
    np.testing.assert_allclose([one.end - one.start for one in windows[:-1]], 1.5)
    assert windows[-1].end == pytest.approx(20)
    spoken = next(window for window in windows if window.emotion is not None)
    part = samples[round(spoken.start * RATE) : round(spoken.end * RATE)]
    soundfile.write(tmp_path / "part.wav", part, RATE, subtype="FLOAT")
    alone = predicted(untrained, [tmp_path / "part.wav"])
    np.testing.assert_allclose(frame(untrained, [spoken]), frame(untrained, alone), atol=1e-4)


def test_a_window_is_the_mean_of_what_is_spoken_in_it(
    untrained: TrainedModel, files: list[Path], tmp_path: Path
) -> None:
    pause, (one, *_), (other, *_) = np.zeros(RATE, dtype=np.float32), speech_of(files[0]), speech_of(files[4])
    samples = np.concatenate([pause, one.samples, pause, other.samples, *[pause] * 9])
    soundfile.write(tmp_path / "call.wav", samples, RATE, subtype="FLOAT")
    window = 9.0
    first, *_ = predicted(untrained, [tmp_path / "call.wav"], window=window)
    parts = list(split_at_pauses([samples[: round(window * RATE)]]))
    assert len(parts) == 2
    domain = untrained.normaliser.statistics()
    rows, _ = untrained.answer([untrained.prepare(part.samples) for part in parts], [domain] * 2)
    expected = np.average(rows, axis=0, weights=[part.speech for part in parts])
    np.testing.assert_allclose(frame(untrained, [first]).iloc[0], expected, atol=1e-5)
    assert first.speech == pytest.approx(sum(part.speech for part in parts) / window)


def speech_of(file: Path) -> list[Segment]:
    return list(split_at_pauses([read_audio(file)]))


@pytest.mark.parametrize("window", [None, 2.0])
@pytest.mark.parametrize("seconds", [5, 40])
def test_silence_and_noise_get_no_emotion(
    untrained: TrainedModel, tmp_path: Path, window: float | None, seconds: int
) -> None:
    rng = np.random.default_rng(0)
    for number, level in enumerate((0.0, 1e-3, 1e-2)):
        noise = level * rng.normal(size=seconds * RATE)
        soundfile.write(tmp_path / f"{number}.wav", noise, RATE, subtype="FLOAT")
    predictions = predicted(untrained, [tmp_path], window=window)
    assert len({one.file for one in predictions}) == 3
    assert {one.emotion for one in predictions} == {None}
    assert {one.probabilities for one in predictions} == {None}
    assert max(one.end for one in predictions) == pytest.approx(seconds)


def test_silent_windows_of_speech_get_no_emotion(
    untrained: TrainedModel, files: list[Path], tmp_path: Path
) -> None:
    speech = np.concatenate([read_audio(file) for file in files[:3]])
    silence = np.zeros(6 * RATE, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", np.concatenate([silence, speech, silence]), RATE, subtype="FLOAT")
    for one in predicted(untrained, [tmp_path / "a.wav"], window=1.0, hop=0.5):
        if one.end < 6 or one.start > 6.5 + len(speech) / RATE:
            assert one.emotion is None
        elif one.start > 6.2 and one.end < 5.8 + len(speech) / RATE:
            assert one.emotion is not None


@pytest.mark.parametrize(
    ("window", "hop", "reason"),
    [(None, 1.0, "say with --window"), (0.1, None, "too short"), (2.0, 3.0, "does not suit"), (2.0, 0.0, "suit")],
)
def test_windows_that_make_no_sense_are_refused(
    untrained: TrainedModel, window: float | None, hop: float | None, reason: str
) -> None:
    with pytest.raises(UserError, match=reason):
        predicted(untrained, [], window=window, hop=hop)
