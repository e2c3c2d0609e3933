"""Utterances are put into silence at known times; segments must be where they are."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import chain, islice, pairwise, repeat

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from didan.audio import RATE
from didan.speech import (
    FRAME_SECONDS,
    Segment,
    SpeechActivity,
    segment_at_pauses,
    sliding_windows,
    split_at_pauses,
)
from didan.typing import Samples
from speech.talk import blocks, conversation, noise, silence, talk, utterances, vowel

FRAME = round(FRAME_SECONDS * RATE)
LONGEST = 8.3
"""Seconds: 8 in whole frames, and a margin on either side."""


def assert_same(actual: list[Segment], expected: list[Segment]) -> None:
    assert [(x.start, x.end, x.speech) for x in actual] == [(x.start, x.end, x.speech) for x in expected]
    for first, second in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(first.samples, second.samples)


def spans(segments: list[Segment]) -> npt.NDArray[np.float64]:
    return np.array([(segment.start, segment.end) for segment in segments])


def frames_of(segments: list[Segment], n: int) -> npt.NDArray[np.int64]:
    """How many of the segments hold each frame of a recording of n frames."""
    middles = FRAME_SECONDS * (np.arange(n) + 0.5)
    counts = np.zeros(n, dtype=np.int64)
    for segment in segments:
        counts += (middles > segment.start) & (middles < segment.end)
    return counts


def assert_samples_are_those_of_the_recording(segments: list[Segment], samples: Samples) -> None:
    for segment in segments:
        first, last = round(segment.start * RATE), round(segment.end * RATE)
        np.testing.assert_array_equal(segment.samples, samples[first:last])


Cut = Callable[[Iterable[Samples]], Iterator[Segment]]

CUTS: tuple[Cut, ...] = (split_at_pauses, segment_at_pauses, lambda stream: sliding_windows(stream, 2.0, 0.7))


@cache
def recording(kind: str) -> Samples:
    if kind == "conversation":
        return conversation([0.6, 1.0, 0.3, 0.2, 2.5, 0.5, 0.46, 0.44, 1.0, 3.0])[0]
    if kind == "noisy":
        return np.concatenate([noise(8, 0.2), silence(1.2), noise(8, 0.2), talk(5), silence(0.31)])
    made: dict[str, Callable[[float], Samples]] = {"talk": talk, "vowel": vowel, "silence": silence}
    return made[kind](18.0)


@cache
def cut_at_once(kind: str) -> list[list[Segment]]:
    return [list(cut([recording(kind)])) for cut in CUTS]


@pytest.mark.parametrize("kind", ["conversation", "noisy", "talk", "vowel", "silence"])
@settings(deadline=None, max_examples=6)
@given(size=st.integers(100, 12 * RATE))
def test_a_stream_is_cut_as_all_at_once(kind: str, size: int) -> None:
    for cut, expected in zip(CUTS, cut_at_once(kind), strict=True):
        assert_same(list(cut(blocks(recording(kind), size))), expected)


def test_utterances_are_found_where_they_are() -> None:
    pauses = np.random.default_rng(0).uniform(0.75, 3.0, len(utterances())).tolist()
    samples, times = conversation(pauses)
    segments = list(split_at_pauses([samples]))
    assert len(segments) == len(times)
    # The detector lets go late; before and after is a margin of 0.12 s.
    np.testing.assert_allclose(spans(segments)[:, 0], np.array(times)[:, 0], atol=0.2)
    np.testing.assert_allclose(spans(segments)[:, 1], np.array(times)[:, 1], atol=0.3)
    assert_samples_are_those_of_the_recording(segments, samples)
    for segment, (start, end) in zip(segments, times, strict=True):
        assert 0.5 * (end - start) < segment.speech <= segment.end - segment.start + 1e-6


@pytest.mark.parametrize(("pause", "segments"), [(0.2, 1), (0.4, 1), (0.8, 3), (2.0, 3)])
def test_only_pauses_of_half_a_second_part_utterances(pause: float, segments: int) -> None:
    samples, _ = conversation([1.0, pause, pause])
    assert len(list(split_at_pauses([samples]))) == segments


def test_faint_noise_is_as_good_a_pause_as_silence() -> None:
    samples, times = conversation([1.5, 1.2, 2.0, 0.9])
    segments = list(split_at_pauses([samples + noise(len(samples) / RATE, 1e-4)]))
    np.testing.assert_allclose(spans(segments), times, atol=0.3)


@pytest.mark.parametrize("seconds", [16.0, 60.0])
@pytest.mark.parametrize("speech", [talk, vowel])
def test_speech_without_pauses_is_cut_all_the_same(speech: Callable[[float], Samples], seconds: float) -> None:
    samples = speech(seconds)
    segments = list(split_at_pauses([samples]))
    lengths = np.diff(spans(segments), axis=1)[:, 0]
    assert (lengths <= LONGEST).all()
    assert (lengths[:-1] >= 4).all()  # it is not cut to shreds either
    assert_samples_are_those_of_the_recording(segments, samples)
    # Nothing of what is spoken is lost, and nothing counted twice.
    speech_frames = SpeechActivity()(samples)
    covered = frames_of(segments, len(speech_frames))
    assert covered.max() == 1
    assert (covered[speech_frames] == 1).all()
    assert sum(segment.speech for segment in segments) == pytest.approx(FRAME_SECONDS * speech_frames.sum())


def test_speech_is_cut_in_its_last_short_pause() -> None:
    spoken = [vowel(3.0), silence(0.3), vowel(3.0), silence(0.3), vowel(6.0)]
    segments = list(split_at_pauses([np.concatenate(spoken)]))
    assert len(segments) == 2
    assert 6.3 < segments[0].end < 6.8
    assert 6.3 < segments[1].start < 6.7


def test_speech_that_ends_in_time_is_not_cut_because_more_follows() -> None:
    spoken = [vowel(5.0), silence(0.3), vowel(2.3), silence(1.5), vowel(2.0), silence(1.0)]
    segments = list(split_at_pauses([np.concatenate(spoken)]))
    np.testing.assert_allclose(spans(segments), [(0, 7.6), (9.1, 11.1)], atol=0.3)


@pytest.mark.parametrize("pause", [0.15, 0.2, 0.25])
def test_segments_cut_in_short_pauses_do_not_overlap(pause: float) -> None:
    spoken = np.concatenate([vowel(5.0), silence(pause), vowel(5.0)])
    first, second = split_at_pauses([spoken])
    assert first.end <= second.start + 1e-6


def test_segments_parted_by_pauses_do_not_overlap() -> None:
    segments = list(split_at_pauses([recording("conversation")]))
    assert len(segments) > 4
    assert all(first.end <= second.start + 1e-6 for first, second in pairwise(segments))


@pytest.mark.parametrize("level", [0.0, 1e-3, 1e-2])
def test_nothing_is_found_where_nobody_speaks(level: float) -> None:
    for seconds in (0.05, 5, 40):
        assert list(split_at_pauses([noise(seconds, level)])) == []


def test_a_click_is_no_utterance() -> None:
    click = vowel(0.06)
    samples = np.concatenate([silence(2), click, silence(2), talk(3), silence(2), click, silence(1)])
    (segment,) = split_at_pauses([samples])
    assert 3.5 < segment.start < segment.end < 8


@pytest.mark.parametrize("seconds", [0.1, 3, 14.99, 15])
def test_up_to_15_s_stay_whole(seconds: float) -> None:
    for samples in (talk(15)[: round(seconds * RATE)], silence(seconds)):
        (segment,) = segment_at_pauses(blocks(samples, 10 * RATE))
        assert segment.start == 0
        assert segment.end == pytest.approx(seconds)
        np.testing.assert_array_equal(segment.samples, samples)
        assert segment.speech == pytest.approx(FRAME_SECONDS * SpeechActivity()(samples).sum())


def test_more_than_15_s_are_cut() -> None:
    for samples in (talk(16), np.concatenate([talk(14), silence(1.001)]), silence(15.1)):
        assert_same(list(segment_at_pauses(blocks(samples, 10 * RATE))), list(split_at_pauses([samples])))
    assert list(segment_at_pauses([silence(15.1)])) == []


@pytest.mark.parametrize(
    ("speech", "seconds", "spoken"),
    [(0.0, 1.0, False), (0.18, 0.5, False), (0.21, 0.5, True), (0.3, 4.0, False), (0.42, 4.0, True)],
)
def test_a_segment_is_spoken_if_there_is_enough_speech(speech: float, seconds: float, spoken: bool) -> None:
    frames = np.arange(round(seconds / FRAME_SECONDS)) < round(speech / FRAME_SECONDS)
    segment = Segment(2.0, 2.0 + seconds, silence(seconds), frames)
    assert segment.speech == pytest.approx(speech)
    assert segment.is_spoken == spoken


@settings(deadline=None, max_examples=60)
@given(
    n=st.integers(1, 12 * RATE),
    window=st.floats(0.3, 5),
    share=st.floats(0.1, 1),
    size=st.integers(500, 13 * RATE),
)
def test_windows_are_even_and_cover_everything(n: int, window: float, share: float, size: int) -> None:
    samples: Samples = np.arange(1, n + 1, dtype=np.float32) / np.float32(n)
    hop = share * window
    segments = list(sliding_windows(blocks(samples, size), window, hop))
    length = round(window * RATE)
    np.testing.assert_allclose(spans(segments)[:, 0], hop * np.arange(len(segments)), rtol=0, atol=0.51 / RATE)
    assert [len(segment.samples) for segment in segments[:-1]] == [length] * (len(segments) - 1)
    assert len(segments[-1].samples) <= length
    assert [len(segment.frames) for segment in segments] == [len(one.samples) // FRAME for one in segments]
    assert_samples_are_those_of_the_recording(segments, samples)
    # The last one ends with the recording, and was needed for that.
    assert round(segments[-1].end * RATE) == n
    assert len(segments) == 1 or round(segments[-2].end * RATE) < n


@pytest.mark.parametrize(("window", "hop", "more"), [(1.5, 1.5, 3), (1.5, 0.6, 4), (3.0, 0.03, 0)])
def test_a_recording_that_ends_with_a_window_has_no_tail(window: float, hop: float, more: int) -> None:
    samples = vowel(window + more * hop)
    segments = list(sliding_windows([samples], window, hop))
    assert len(segments) == 1 + more
    # One sample more, and there is one.
    assert len(list(sliding_windows([np.append(samples, samples[:1])], window, hop))) == 2 + more


@pytest.mark.parametrize(("window", "hop"), [(4.0, 2.0), (3.0, 1.0), (2.0, 0.25), (1.0, 0.1)])
def test_windows_begin_when_they_were_asked_to(window: float, hop: float) -> None:
    hour = (silence(10) for _ in range(360))
    starts = [segment.start for segment in sliding_windows(hour, window, hop)]
    assert len(starts) == round((3600 - window) / hop) + 1
    assert starts == [pytest.approx(number * hop, abs=1e-9) for number in range(len(starts))]


def test_each_window_has_its_own_speech() -> None:
    samples = np.concatenate([silence(6), talk(6), silence(6)])
    segments = list(sliding_windows([samples], 1.5, 0.5))
    speech_frames = SpeechActivity()(samples)
    for segment in segments[:-1]:
        first = int(segment.start / FRAME_SECONDS + 1e-6)  # the frame in which it begins
        own = speech_frames[first : first + 50]
        assert segment.speech == pytest.approx(FRAME_SECONDS * own.sum())
        if segment.end < 6 or segment.start > 12.3:
            assert not segment.is_spoken
        elif segment.start > 6 and segment.end < 12:
            assert segment.is_spoken


def test_a_window_is_cut_at_its_pauses() -> None:
    samples = np.concatenate([silence(1.2), talk(2), silence(1.2), talk(1.5), silence(0.6)])
    (window,) = sliding_windows([samples], 30.0, 30.0)
    assert_same(list(window.utterances()), list(split_at_pauses([samples])))
    assert len(list(window.utterances())) >= 2
    later = replace(window, start=7.0)
    np.testing.assert_allclose(spans(list(later.utterances())), 7.0 + spans(list(window.utterances())))


class Endless:
    """A recording without end, which counts how much of it has been read."""

    def __init__(self, begin: Samples, block: Samples) -> None:
        self.begin, self.block, self.seconds = begin, block, 0.0

    def __iter__(self) -> Iterator[Samples]:
        for block in chain(blocks(self.begin, 1600), repeat(self.block)):
            self.seconds += len(block) / RATE
            assert self.seconds < 120, "nothing is given, however much is read"
            yield block


def test_a_segment_is_given_as_soon_as_it_is_over() -> None:
    stream = Endless(conversation([1.0, 2.0])[0], silence(0.1))
    segments = split_at_pauses(stream)
    assert stream.seconds <= next(segments).end + 0.6
    assert stream.seconds <= next(segments).end + 0.6


@pytest.mark.parametrize("cut", CUTS[:2])
def test_speech_without_end_is_given_bit_by_bit(cut: Cut) -> None:
    stream = Endless(vowel(0.1), vowel(0.1))
    for segment in islice(cut(stream), 5):
        assert stream.seconds <= max(segment.end + 0.6, 15.2)


def test_a_window_is_given_as_soon_as_it_is_over() -> None:
    stream = Endless(silence(0.1), silence(0.1))
    for segment in islice(sliding_windows(stream, 3.0, 1.0), 20):
        assert stream.seconds < segment.end + 0.1 + 1e-6


@pytest.mark.parametrize("kind", ["silence", "vowel", "talk"])
@pytest.mark.parametrize("cut", CUTS)
def test_memory_does_not_grow_with_the_recording(cut: Cut, kind: str) -> None:
    block = {"silence": silence(1), "vowel": vowel(1), "talk": np.concatenate([talk(3), silence(0.6)])}[kind]
    n_blocks = round(300 * RATE / len(block))  # 19 MB

    def peak(n: int) -> int:
        tracemalloc.start()
        try:
            for _ in cut(block for _, block in zip(range(n), repeat(block), strict=False)):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(n_blocks) < 1.5 * peak(n_blocks // 5) < 8e6


def test_memory_does_not_hang_on_to_what_was_given() -> None:
    # A segment has samples of its own: a view would keep the whole recording with it.
    (segment, *_) = split_at_pauses([np.concatenate([talk(3), silence(1), talk(5), silence(20)])])
    assert segment.samples.base is None
