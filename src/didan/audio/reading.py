"""Audio files as samples of one channel at the rate we work at, whatever they are on disk."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soxr

from didan.audio.decoding import decode, decode_av, open_sndfile, refuse_missing
from didan.errors import AudioError, SilentError
from didan.typing import Samples

RATE = 16_000
"""Samples per second of all audio inside didan."""

MIN_SECONDS = 0.1
"""Shorter recordings hold no syllable and are refused."""

LOUDEST = 100.0
"""Samples beyond it, 40 dB over full scale, are no sound but damage, or integers taken for floating point."""

_CANCELLED = 0.1  # a mix with so little of the power of its channels has lost what they hold


class Utterance(NamedTuple):
    """A recording or a part of one.

    Attributes:
        file: the recording.
        start: first second of the utterance in it, NaN for the beginning.
        end: last second, NaN for the end.
        channel: which of its channels, from 1; None for the mix of all.
        group: which utterances it is normalised with, None where that is unknown.
    """

    file: Path
    start: float = float("nan")
    end: float = float("nan")
    channel: int | None = None
    group: str | None = None

    def __str__(self) -> str:
        """The file, and which part and channel of it.

        >>> str(Utterance(Path("a.wav"), end=2.5, channel=2))
        'a.wav [0 s to 2.5 s], channel 2'
        """
        until = "end" if np.isnan(self.end) else f"{self.end:g} s"
        part = "" if np.isnan([self.start, self.end]).all() else f" [{np.nan_to_num(self.start):g} s to {until}]"
        return f"{self.file}{part}{'' if self.channel is None else f', channel {self.channel}'}"


@dataclass(frozen=True)
class AudioInfo:
    """What a file holds, as stored: rate in Hz, number of channels, length in seconds."""

    rate: int
    channels: int
    seconds: float


def read_audio(
    path: str | Path, start: float = float("nan"), end: float = float("nan"), channel: int | None = None
) -> Samples:
    """Read a recording as mono float32 samples at 16 kHz.

    libsndfile and FFmpeg (by PyAV) decode it, going by content and not by suffix; other rates are resampled by
    soxr. Unless one is asked for, channels are averaged; where they would cancel one another, as when one is wired
    upside down, those are turned over first.

    Args:
        path: the file.
        start: first second of the utterance, NaN for the beginning.
        end: last second, NaN for the end.
        channel: one of its channels alone, from 1.

    Returns:
        Samples in [-1, 1], shape (n,).

    Raises:
        AudioError: the file is missing, empty, cut off, not audio, shorter than 0.1 s, silent, or holds samples
            that are no sound; it ends more than 0.1 s before the utterance does; or has no such channel.
    """
    mono = np.concatenate(list(stream_audio(path, start, end, channel)))
    if not np.any(mono):
        raise silent_error(path, channel)
    return mono


def silent_error(path: str | Path, channel: int | None) -> SilentError:
    """What to say of a recording that is silent."""
    return SilentError(
        f"{path}: {'' if channel is None else f'channel {channel} '}is silent, every sample is zero"
    )


def stream_audio(
    path: str | Path, start: float = float("nan"), end: float = float("nan"), channel: int | None = None
) -> Iterator[Samples]:
    """The samples of :func:`read_audio` in blocks of about ten seconds, so that memory does not grow with length.

    Raises:
        AudioError: as :func:`read_audio`, but silence is none; what is wrong with the end shows at the end.
    """
    path = Path(path)
    first = 0.0 if np.isnan(start) else max(start, 0.0)
    last = float("inf") if np.isnan(end) else end
    resampler, taken, until, rate = None, 0, 0, RATE
    mix = _Mix() if channel is None else _Channel(path, channel)
    held: Samples | None = None  # the resampler must be told which block is the last
    for position, block, rate in decode(path, first):
        until = position + len(block)
        cut = block[max(round(first * rate) - position, 0) : _frames(last, rate) - position]
        _refuse_absurd(path, cut)
        mono = mix(cut)
        taken += len(mono)
        if resampler is None and rate != RATE:
            resampler = soxr.ResampleStream(rate, RATE, 1, dtype="float32")
        if held is not None:
            yield held if resampler is None else resampler.resample_chunk(held)
        held = mono
        if until >= _frames(last, rate):
            break
    if end - until / rate > MIN_SECONDS:
        raise AudioError(f"{path}: the utterance ends at {end:g} s, but the file lasts {until / rate:.2f} s")
    if taken < MIN_SECONDS * rate or held is None:
        raise AudioError(f"{path}: only {taken / rate:.2f} s of audio, at least {MIN_SECONDS} s are needed")
    yield held if resampler is None else resampler.resample_chunk(held, last=True)


def _frames(seconds: float, rate: int) -> int:
    return round(seconds * rate) if np.isfinite(seconds) else sys.maxsize


def _refuse_absurd(path: Path, block: Samples) -> None:
    loudest = float(np.abs(block).max(initial=0.0))
    if not np.isfinite(loudest):
        raise AudioError(f"{path}: holds samples that are no numbers (NaN or infinite); convert it again")
    if loudest > LOUDEST:
        raise AudioError(f"{path}: holds a sample of {loudest:.3g}, where 1 is full scale; convert it again")


class _Mix:
    """Averages channels, block by block.

    >>> one = np.array([[0.1], [0.3]], dtype=np.float32)
    >>> _Mix()(np.concatenate([one, -one], axis=1))
    array([0.1, 0.3], dtype=float32)
    """

    def __init__(self) -> None:
        self._signs = np.ones(1, dtype=np.float32)

    def __call__(self, block: Samples) -> Samples:
        """Map channels, shape (n, channels), to shape (n,)."""
        if block.shape[1] == 1:
            return block[:, 0]
        mono: Samples = (block * self._signs).mean(axis=1, dtype=np.float32)
        power = block.astype(np.float64).T @ block  # of each channel, and between them
        if np.square(mono, dtype=np.float64).sum() < _CANCELLED * np.diag(power).mean():
            loudest = int(np.diag(power).argmax())
            self._signs = np.where(power[loudest] < 0, -1, 1).astype(np.float32)
            self._signs *= self._signs[0]
            mono = (block * self._signs).mean(axis=1, dtype=np.float32)
        return mono


class _Channel:
    """Takes one channel, block by block."""

    def __init__(self, path: Path, number: int) -> None:
        self._path, self._number = path, number

    def __call__(self, block: Samples) -> Samples:
        """Map channels, shape (n, channels), to shape (n,)."""
        if self._number > block.shape[1]:
            raise AudioError(f"{self._path}: has no channel {self._number}, only {block.shape[1]}")
        return block[:, self._number - 1]


def audio_info(path: str | Path, enough: float = float("inf")) -> AudioInfo:
    """Rate, channels and length of a file, without decoding it where its header suffices.

    Args:
        path: the file.
        enough: seconds after which it is decoded no further; the length is then some that is longer.

    Raises:
        AudioError: as :func:`read_audio`, but content is not looked at.
    """
    path = Path(path)
    refuse_missing(path)
    file = open_sndfile(path)
    if file is None:
        for position, block, rate in decode_av(path):
            info = AudioInfo(rate, block.shape[1], (position + len(block)) / rate)
            if info.seconds > enough:
                break
        return info
    with file:
        return AudioInfo(file.samplerate, file.channels, file.frames / file.samplerate)


def channels_in(path: str | Path) -> int:
    """How many channels a file has; 1 if it cannot be read, which whoever reads it will say."""
    try:
        return audio_info(path).channels
    except AudioError:
        return 1


def by_channel(utterances: Iterable[Utterance]) -> list[Utterance]:
    """Every channel of every utterance as an utterance of its own; nobody speaks on two, so groups part too."""
    return [
        one._replace(channel=number, group=one.group and channel_group(one.group, number))
        for one in utterances
        for number in range(1, channels_in(one.file) + 1)
    ]


def channel_group(group: str, channel: int) -> str:
    """The group of utterances of a group that are of one channel."""
    return f"{group} channel {channel}"
