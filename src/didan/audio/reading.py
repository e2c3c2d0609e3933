"""Audio files as mono samples at the rate we work at, whatever they are on disk."""

import sys
from collections.abc import Iterator
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
        group: which utterances it is normalised with, None where that is unknown.
    """

    file: Path
    start: float = float("nan")
    end: float = float("nan")
    group: str | None = None


@dataclass(frozen=True)
class AudioInfo:
    """What a file holds, as stored: rate in Hz, number of channels, length in seconds."""

    rate: int
    channels: int
    seconds: float


def read_audio(path: str | Path, start: float = float("nan"), end: float = float("nan")) -> Samples:
    """Read a recording as mono float32 samples at 16 kHz.

    libsndfile and FFmpeg (by PyAV) decode it, going by content and not by suffix; other rates are resampled by
    soxr. Channels are averaged; where they would cancel one another, as when one is wired upside down, those are
    turned over first.

    Args:
        path: the file.
        start: first second of the utterance, NaN for the beginning.
        end: last second, NaN for the end.

    Returns:
        Samples in [-1, 1], shape (n,).

    Raises:
        AudioError: the file is missing, empty, cut off, not audio, shorter than 0.1 s, silent, or holds samples
            that are no sound; or it ends more than 0.1 s before the utterance does.
    """
    mono = np.concatenate(list(stream_audio(path, start, end)))
    if not np.any(mono):
        raise SilentError(f"{path}: is silent, every sample is zero")
    return mono


def stream_audio(path: str | Path, start: float = float("nan"), end: float = float("nan")) -> Iterator[Samples]:
    """The samples of :func:`read_audio` in blocks of about ten seconds, so that memory does not grow with length.

    Raises:
        AudioError: as :func:`read_audio`, but silence is none; what is wrong with the end shows at the end.
    """
    path = Path(path)
    first = 0.0 if np.isnan(start) else max(start, 0.0)
    last = float("inf") if np.isnan(end) else end
    resampler, taken, until, rate = None, 0, 0, RATE
    mix = _Mix()
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
