"""Calls are what their turns say, and alarms are scored by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from benchmarks.calls import (
    ALARM,
    FRAMES,
    Remembering,
    frames_of,
    in_turns,
    make_calls,
    over_time,
    probabilities,
    score,
)

from didan.audio import read_audio
from didan.corpora import Corpus
from didan.inference.predict import predict, utterance_alone
from didan.model.trained import TrainedModel
from didan.typing import Features


def test_calls_are_what_their_turns_say(target: Corpus, tmp_path: Path) -> None:
    turns = make_calls(target, 0, tmp_path / "calls", n=10)
    assert turns["file"].nunique() == 10
    for number, (file, own) in enumerate(turns.groupby("file")):
        assert own["speaker"].nunique() == 2
        assert list(own["speaker"]) == [own["speaker"].iloc[turn % 2] for turn in range(len(own))]
        assert (ALARM in set(own["emotion"])) == (number < 4)
        assert set(own["emotion"].iloc[1::2]) <= {"neutral"}
        seconds = len(read_audio(str(file))) / 16000
        assert seconds == pytest.approx(own["end"].max(), abs=0.05)
        assert 30 <= seconds < 100
        pauses = own["start"].to_numpy()[1:] - own["end"].to_numpy()[:-1]
        assert (pauses > 0.19).all()
    angry = turns[turns["emotion"] == ALARM]
    for _, own in angry.groupby("file"):  # one stretch, the agent in between
        assert (np.diff(own.index) == 2).all()


def test_calls_are_drawn_by_their_number(target: Corpus, tmp_path: Path) -> None:
    one, again, other = (
        make_calls(target, draw, tmp_path / name, n=2) for draw, name in ((0, "a"), (0, "b"), (1, "c"))
    )
    columns = ["start", "end", "speaker", "emotion"]
    pd.testing.assert_frame_equal(one[columns], again[columns])
    assert not one[columns].equals(other[columns])
    pd.testing.assert_frame_equal(make_calls(target, 0, tmp_path / "a", n=2), one, rtol=1e-9)


TURNS = pd.DataFrame(
    [("a", 0.0, 0.02, "neutral"), ("a", 0.03, 0.05, ALARM), ("b", 0.01, 0.03, "neutral")],
    columns=["file", "start", "end", "emotion"],
)


def test_frames_of_turns_are_scored() -> None:
    assert FRAMES == 100
    assert frames_of(TURNS) == {"a": 5, "b": 3}
    heard = {"a": np.array([0.1, 0.2, 9.0, 0.8, 0.15]), "b": np.array([9.0, 0.3, 0.1])}
    labels, values = in_turns(TURNS, heard)
    assert list(labels) == ["neutral"] * 2 + [ALARM] * 2 + ["neutral"] * 2
    np.testing.assert_allclose(values, [0.1, 0.2, 0.8, 0.15, 0.3, 0.1])
    # Of the eight pairs of an angry and another frame, 0.8 wins its four, 0.15 those with 0.1.
    assert score(TURNS, heard)["auc"] == pytest.approx(6 / 8)
    # By call, what is highest counts, also between turns.
    assert score(TURNS, heard)["auc_calls"] == pytest.approx(0.5)
    assert score(TURNS, heard | {"b": np.zeros(3)})["auc_calls"] == 1


def test_windows_become_frames() -> None:
    over = over_time([(0.0, 0.02), (0.01, 0.03)], [[1.0, 0.0], [3.0, 2.0]], 4)
    np.testing.assert_allclose(over, [[1, 0], [2, 1], [3, 2], [0, 0]])


def test_what_is_remembered_is_what_is_predicted(untrained: TrainedModel, target: Corpus, tmp_path: Path) -> None:
    turns = make_calls(target, 0, tmp_path / "calls", n=1)
    (file,) = set(turns["file"])
    remembered: dict[bytes, Features] = {}
    utterances = utterance_alone(untrained, Path(file))
    for _ in range(2):
        ours = list(predict(Remembering.of(untrained, remembered), utterances, window=3.0, hop=1.0))
        theirs = list(predict(untrained, utterances, window=3.0, hop=1.0))
        assert ours == theirs
    over = probabilities(untrained, file, frames_of(turns)[file], remembered)
    spoken = over[over.sum(axis=1) > 0]
    assert len(spoken) > 0.5 * len(over)
    np.testing.assert_allclose(spoken.sum(axis=1), 1, atol=1e-5)
