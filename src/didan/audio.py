"""Audio files as mono samples at the rate we work at, whatever they are on disk."""

import struct
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
import soxr

from didan.errors import AudioError, UserError
from didan.typing import Samples

RATE = 16_000
"""Samples per second of all audio inside didan."""

MIN_SECONDS = 0.1
"""Shorter recordings hold no syllable and are refused."""

_BLOCK_SECONDS = 10

AUDIO_SUFFIXES = frozenset(
    f".{name}"
    for name in "wav flac mp3 ogg opus m4a aac aif aiff avi mp4 mov mkv webm".split()  # noqa: SIM905
)
"""What audio in a folder is known by; files named one by one may be called anything."""


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

    WAV, FLAC, OGG, MP3 and AIFF are read by libsndfile, which goes by content and not by suffix; everything
    else (M4A, video) by PyAV. Channels are averaged, other rates resampled by soxr.

    Args:
        path: the file.
        start: first second of the utterance, NaN for the beginning.
        end: last second, NaN for the end.

    Returns:
        Samples in [-1, 1], shape (n,).

    Raises:
        AudioError: the file is missing, empty, cut off, not audio, shorter than 0.1 s, silent, or holds NaN;
            or it ends more than 0.1 s before the utterance does.
    """
    mono = np.concatenate(list(stream_audio(path, start, end)))
    if not np.any(mono):
        raise AudioError(f"{path}: is silent, every sample is zero")
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
    held: Samples | None = None  # the resampler must be told which block is the last
    for position, block, rate in _decode(path, first):
        until = position + len(block)
        cut = block[max(round(first * rate) - position, 0) : _frames(last, rate) - position]
        mono: Samples = cut.mean(axis=1, dtype=np.float32)
        if not np.isfinite(mono).all():
            raise AudioError(f"{path}: holds samples that are no numbers (NaN or infinite); convert it again")
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


def find_audio(folder: Path) -> list[Path]:
    """All audio files below a folder, sorted; hidden files and folders are passed over.

    Raises:
        UserError: the folder is missing, is no folder, or holds no audio.
    """
    if not folder.exists():
        raise UserError(f"{folder} does not exist")
    if not folder.is_dir():
        raise UserError(f"{folder} is a file, not a folder")
    files = sorted(
        path
        for path in folder.absolute().rglob("*")
        if path.suffix.lower() in AUDIO_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder.absolute()).parts)
        and path.is_file()
    )
    if not files:
        raise UserError(f"{folder} holds no audio (looked for {' '.join(sorted(AUDIO_SUFFIXES))})")
    return files


def audio_info(path: str | Path) -> AudioInfo:
    """Rate, channels and length of a file, without decoding it where its header suffices.

    Raises:
        AudioError: as :func:`read_audio`, but content is not looked at.
    """
    path = Path(path)
    _refuse_missing(path)
    try:
        info = soundfile.info(str(path))
    except soundfile.LibsndfileError:
        info = None
    if info is None or info.frames == 0:
        position, block, rate = deque(_decode_av(path), maxlen=1).pop()
        return AudioInfo(rate, block.shape[1], (position + len(block)) / rate)
    return AudioInfo(info.samplerate, info.channels, info.frames / info.samplerate)


def _refuse_missing(path: Path) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AudioError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    if not path.is_file():
        raise AudioError(f"{path}: is not a file")
    if size == 0:
        raise AudioError(f"{path}: is empty (0 bytes)")


_Block = tuple[int, Samples, int]
"""Number of the first frame, frames of shape (n, channels), and the file's own rate."""


def _decode(path: Path, start: float) -> Iterator[_Block]:
    """The blocks of a file; those before ``start`` are passed over where the format allows it."""
    _refuse_missing(path)
    _refuse_cut_off(path)
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError:
        yield from _decode_av(path)
        return
    with file:
        promised, rate = file.frames, file.samplerate
        position = min(round(start * rate), promised)
        try:
            if position:
                file.seek(position)
            # Where a streaming recorder left the length at 0, FFmpeg reads on to the end of the file.
            while promised:
                block = file.read(_BLOCK_SECONDS * rate, dtype="float32", always_2d=True)
                yield position, block, rate
                position += len(block)
                if not len(block):
                    break
        except soundfile.LibsndfileError:
            raise AudioError(f"{path}: is cut off or damaged, it cannot be decoded to its end") from None
    if promised == 0:
        yield from _decode_av(path)
        return
    _refuse_shortened(path, position, promised, rate)


def _refuse_shortened(path: Path, frames: int, promised: float, rate: int) -> None:
    # MP3 headers only estimate the length, so a small difference is no damage.
    if frames < 0.95 * promised:
        raise AudioError(f"{path}: is cut off, {frames / rate:.2f} of {promised / rate:.2f} s can be read")


def _decode_av(path: Path) -> Iterator[_Block]:
    import av  # only video and M4A need it, and importing it takes a while

    position = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{path}: has no audio track")
            stream = container.streams.audio[0]
            rate = int(stream.rate)
            promised = rate * float((stream.duration or 0) * (stream.time_base or 0))
            to_float = av.AudioResampler(format="fltp", rate=rate)
            gathered: list[Samples] = []
            for frame in container.decode(stream):
                gathered += [out.to_ndarray().T.astype(np.float32) for out in to_float.resample(frame)]
                if sum(map(len, gathered)) >= _BLOCK_SECONDS * rate:
                    block, gathered = np.concatenate(gathered), []
                    yield position, block, rate
                    position += len(block)
            if gathered:
                block = np.concatenate(gathered)
                yield position, block, rate
                position += len(block)
    except (av.FFmpegError, ValueError):
        raise AudioError(f"{path}: is not audio, or damaged beyond reading") from None
    if not position:
        raise AudioError(f"{path}: its audio track is empty, only 0.00 s")
    _refuse_shortened(path, position, promised, rate)


def _refuse_cut_off(path: Path) -> None:
    """Refuse a WAV or AIFF whose header promises more than it holds; libsndfile silently shortens it."""
    with path.open("rb") as file:
        header = file.read(12)
        if header[:4] == b"RIFF" and header[8:12] == b"WAVE":
            order, samples_chunk = "<", b"data"
        elif header[:4] == b"FORM" and header[8:12] in (b"AIFF", b"AIFC"):
            order, samples_chunk = ">", b"SSND"
        else:
            return
        size = path.stat().st_size
        byte_rate = 0
        while len(chunk := file.read(8)) == 8:
            name, length = struct.unpack(f"{order}4sI", chunk)
            held = size - file.tell()
            # A recorder that streams does not know the length yet and writes 0 or all ones.
            if name == samples_chunk and held + 1 < length < 0x7FFFFFFF:
                seconds = f" ({held / byte_rate:.2f} of {length / byte_rate:.2f} s)" if byte_rate else ""
                raise AudioError(f"{path}: is cut off, its header promises more than the file holds{seconds}")
            if name == samples_chunk:
                return
            content_start = file.tell()
            if name == b"fmt ":
                fmt = file.read(12)
                byte_rate = struct.unpack("<I", fmt[8:12])[0] if len(fmt) == 12 else 0
            file.seek(content_start + length + length % 2)
