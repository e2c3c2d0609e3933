"""A recording, read as a stream, becomes the segments that are predicted one by one.

Nothing here holds more than one segment and one block of the recording, so three hours take no more memory than
three minutes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, count

import numpy as np
import numpy.typing as npt

from didan.audio import RATE
from didan.speech.activity import FRAME, FRAME_SECONDS, SpeechActivity
from didan.typing import Samples

WHOLE_SECONDS = 15.0
"""Recordings up to this length are one utterance, longer ones are cut at their pauses."""

MIN_SPEECH_SECONDS = 0.2
"""A segment with less speech is given no emotion."""

_MIN_SPEECH_SHARE = 0.1  # the detector takes the first frames of any noise for speech
_MAX_SECONDS = 8.0
_PAUSE_SECONDS = 0.45
_MARGIN_SECONDS = 0.12


@dataclass(frozen=True)
class Segment:
    """A stretch of a recording.

    Attributes:
        start: its first second.
        end: its last.
        samples: at 16 kHz, shape (n,).
        frames: which of its frames of 30 ms are speech, shape (frames,).
    """

    start: float
    end: float
    samples: Samples
    frames: npt.NDArray[np.bool_]

    @property
    def speech(self) -> float:
        """How many seconds of it are speech."""
        return float(self.frames.sum() * FRAME_SECONDS)

    def utterances(self) -> "Iterator[Segment]":
        """What is spoken in it, cut at its pauses as :func:`split_at_pauses` cuts a recording."""
        buffer = _SegmentBuffer()
        buffer.samples, buffer.speech = self.samples, self.frames
        for one in buffer.utterances(ended=True):
            yield replace(one, start=self.start + one.start, end=self.start + one.end)

    @property
    def is_spoken(self) -> bool:
        """Whether there is enough speech for an emotion."""
        return self.speech >= MIN_SPEECH_SECONDS and self.speech >= _MIN_SPEECH_SHARE * (self.end - self.start)


class _SegmentBuffer:
    """The part of a recording that is still needed: samples, and speech by frame."""

    def __init__(self) -> None:
        self.detector = SpeechActivity()
        self.first = 0  # the number of the first frame kept
        self.taken = 0  # the number of the frame at which the last utterance ended
        self.samples: Samples = np.zeros(0, dtype=np.float32)
        self.speech: npt.NDArray[np.bool_] = np.zeros(0, dtype=bool)

    def append(self, block: Samples) -> None:
        self.samples = np.concatenate([self.samples, block])
        self.speech = np.concatenate([self.speech, self.detector(block)])

    def drop(self, frames: int) -> None:
        """Drop the first frames."""
        self.samples, self.speech = self.samples[frames * FRAME :], self.speech[frames:]
        self.first += frames

    def segment(self, start: int, stop: int | None) -> Segment:
        """The segment from frame ``start`` to before ``stop``, or to the end, counted from the first kept."""
        samples = self.samples[start * FRAME : None if stop is None else stop * FRAME]
        begin = (self.first + start) * FRAME_SECONDS
        return Segment(begin, begin + len(samples) / RATE, samples.copy(), self.speech[start:stop].copy())

    @property
    def n_samples(self) -> int:
        """How long the recording is so far."""
        return self.first * FRAME + len(self.samples)

    def window(self, start: int, stop: int) -> Segment:
        """The segment from sample ``start`` to before ``stop`` of the recording.

        Where it begins within a frame, its own frames are those in which they begin.
        """
        first = start // FRAME - self.first
        samples = self.samples[start - self.first * FRAME : stop - self.first * FRAME]
        frames = self.speech[first : first + len(samples) // FRAME]
        return Segment(start / RATE, stop / RATE, samples.copy(), frames.copy())

    def utterances(self, *, ended: bool) -> Iterator[Segment]:
        """Take out the utterances that are known to be over."""
        pause, longest, margin = (
            round(s / FRAME_SECONDS) for s in (_PAUSE_SECONDS, _MAX_SECONDS, _MARGIN_SECONDS)
        )
        while (utterance := _utterance(self.speech, pause, longest, ended)) is not None:
            start, stop = utterance
            following = int(np.append(np.flatnonzero(self.speech[stop:]), margin)[0])
            begin = max(start - margin, self.taken - self.first, 0)
            end = min(stop + min(following, margin), len(self.speech))
            segment, self.taken = self.segment(begin, end), self.first + end
            if segment.is_spoken:
                yield segment
            self.drop(stop)
        if not self.speech.any():
            self.drop(max(len(self.speech) - margin, 0))


def segment_at_pauses(blocks: Iterable[Samples]) -> Iterator[Segment]:
    """A recording of up to 15 s as one segment, a longer one cut at its pauses.

    Args:
        blocks: of the recording, in order, each of shape (n,).
    """
    stream = iter(blocks)
    begun: list[Samples] = []
    while sum(map(len, begun)) <= WHOLE_SECONDS * RATE:
        block = next(stream, None)
        if block is None:
            buffer = _SegmentBuffer()
            buffer.append(np.concatenate(begun))
            yield buffer.segment(0, None)
            return
        begun.append(block)
    yield from split_at_pauses(chain(begun, stream))


def split_at_pauses(blocks: Iterable[Samples]) -> Iterator[Segment]:
    """The utterances of a recording: what is spoken between pauses of half a second, up to 8 s long.

    Longer speech is cut in its last short pause, or, without one, after 8 s. What has less than 0.2 s of speech is
    left out.

    Args:
        blocks: of the recording, in order, each of shape (n,).
    """
    buffer = _SegmentBuffer()
    for block in chain(blocks, [None]):
        if block is not None:
            buffer.append(block)
        yield from buffer.utterances(ended=block is None)


def _utterance(speech: npt.NDArray[np.bool_], pause: int, longest: int, ended: bool) -> tuple[int, int] | None:
    """First and last frame of the first utterance that is known to be over, or None until more is buffer."""
    spoken = np.flatnonzero(speech)
    if not len(spoken):
        return None
    start = int(spoken[0])
    within = spoken[spoken < start + longest]
    gaps = np.diff(within)
    long = np.flatnonzero(gaps > pause)
    if len(long):
        return start, int(within[long[0]]) + 1
    following = within[-1] + 1 + pause
    if len(within) < len(spoken):  # too long for one
        if spoken[len(within)] >= following:
            return start, int(within[-1]) + 1
        later = np.flatnonzero((gaps > 1) & (within[:-1] >= start + longest // 2))
        return start, int(within[later[-1]]) + 1 if len(later) else start + longest
    if ended or len(speech) >= following:
        return start, int(within[-1]) + 1
    return None


def sliding_windows(blocks: Iterable[Samples], window: float, hop: float) -> Iterator[Segment]:
    """Windows of equal length, to the sample; the last may be shorter, down to what those before have not covered.

    Args:
        blocks: of the recording, in order, each of shape (n,).
        window: seconds of each.
        hop: seconds from one to the next; no more than ``window``.
    """
    length = round(window * RATE)
    buffer = _SegmentBuffer()
    start, covered = 0, 0
    starts = (round(number * hop * RATE) for number in count(1))
    for block in blocks:
        buffer.append(block)
        while buffer.n_samples >= start + length:
            covered = start + length
            yield buffer.window(start, covered)
            start = next(starts)
            buffer.drop(start // FRAME - buffer.first)
    if buffer.n_samples > covered:
        yield buffer.window(start, buffer.n_samples)
