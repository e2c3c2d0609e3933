"""Overlapping windows become stretches that do not overlap; what counts when is known by brute force."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from didan.audio import Utterance
from didan.inference.stretches import by_recording, in_recordings, nearest, stretches
from inference.timelines import EMOTIONS, Said, timeline, window

SAID = st.one_of(st.none(), st.tuples(st.sampled_from(EMOTIONS), st.floats(0.4, 1.0)))


def spans(said: list[Said], length: float = 3.0, hop: float = 1.0) -> list[tuple[float, float, str]]:
    return [(one.start, one.end, one.emotion) for one in stretches(timeline(said, length, hop))]


@given(
    said=st.lists(SAID, min_size=1, max_size=12),
    hop=st.floats(0.1, 3.0),
    ends_early=st.floats(0.0, 0.9),
)
def test_each_moment_has_the_emotion_of_the_window_with_the_nearest_middle(
    said: list[Said], hop: float, ends_early: float
) -> None:
    windows = timeline(said, 3.0, hop, end=hop * (len(said) - 1) + 3.0 - min(ends_early * hop, 2.9))
    found = stretches(windows)
    middles = np.array([(one.start + one.end) / 2 for one in windows])
    for time in np.random.default_rng(0).uniform(0, windows[-1].end, 200):
        distances = np.sort(abs(middles - time))
        if len(distances) > 1 and distances[1] - distances[0] < 1e-6:
            continue
        expected = windows[int(abs(middles - time).argmin())].emotion
        assert [one.emotion for one in found if one.start <= time < one.end] == ([expected] if expected else [])


def test_neighbours_with_one_emotion_are_one_stretch() -> None:
    angry, sad = ("anger", 0.8), ("sadness", 0.7)
    assert spans([angry, angry, sad, sad, angry]) == [(0, 3, "anger"), (3, 5, "sadness"), (5, 7, "anger")]
    assert spans([angry, None, angry]) == [(0, 2, "anger"), (3, 5, "anger")]
    assert spans([None, None]) == []


def test_windows_that_do_not_overlap_are_their_own_labels() -> None:
    said: list[Said] = [("anger", 0.8), ("sadness", 0.8), ("anger", 0.8)]
    assert spans(said, length=2.0, hop=2.0) == [(0, 2, "anger"), (2, 4, "sadness"), (4, 6, "anger")]
    assert nearest([(1.5, 4.0)]) == [(1.5, 4.0)]


def test_a_stretch_knows_where_it_is_surest() -> None:
    (one,) = stretches(timeline([("anger", 0.5), ("anger", 0.9), ("anger", 0.7)], speech=0.5))
    assert (one.peak, one.confidence) == ((1, 4), 0.9)
    assert one.speech == pytest.approx(0.5 * 5)


def test_utterances_of_a_recording_are_stretches_of_their_own() -> None:
    parts = [window(("anger", 0.8), 1, 2, row=0), window(("anger", 0.8), 2, 3.5, row=1)]
    assert [(one.start, one.end) for one in stretches(parts)] == [(1, 2), (2, 3.5)]


def test_channels_have_stretches_of_their_own() -> None:
    both = [*timeline([("anger", 0.8)] * 2, channel=1), *timeline([("sadness", 0.8)] * 2, channel=2)]
    found = stretches(both)
    assert [(one.start, one.end, one.emotion, one.channel) for one in found] == [
        (0, 4, "anger", 1),
        (0, 4, "sadness", 2),
    ]
    assert [len(own) for own in by_recording(both, by_channel=True)] == [2, 2]
    assert [len(own) for own in by_recording(both, by_channel=False)] == [4]


def test_recordings_come_once_and_together() -> None:
    a, b = Utterance(Path("a.wav")), Utterance(Path("b.wav"))
    parts = [a._replace(start=1.0, end=2.0), a._replace(start=0.0, end=1.0)]
    assert in_recordings([b, parts[0], b, parts[1]]) == [b, *parts]
    assert in_recordings([a._replace(channel=2), b, a._replace(channel=1)]) == [
        a._replace(channel=1),
        a._replace(channel=2),
        b,
    ]
