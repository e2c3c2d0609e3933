"""Audio files as mono samples at the rate we work at, whatever they are on disk."""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from didan.errors import AudioError

RATE = 16_000
"""Samples per second of all audio inside didan."""

MIN_SECONDS = 0.1
"""Shorter recordings hold no syllable and are refused."""

Samples = npt.NDArray[np.float32]


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
    path = Path(path)
    samples, rate = _decode(path)
    if end - len(samples) / rate > MIN_SECONDS:
        raise AudioError(
            f"{path}: the utterance ends at {end:g} s, but the file lasts {len(samples) / rate:.2f} s"
        )
    first = 0 if np.isnan(start) else round(start * rate)
    last = len(samples) if np.isnan(end) else round(end * rate)
    mono: Samples = samples[max(first, 0) : last].mean(axis=1, dtype=np.float32)
    if len(mono) < MIN_SECONDS * rate:
        raise AudioError(f"{path}: only {len(mono) / rate:.2f} s of audio, at least {MIN_SECONDS} s are needed")
    if not np.isfinite(mono).all():
        raise AudioError(f"{path}: holds samples that are no numbers (NaN or infinite); convert it again")
    if not np.any(mono):
        raise AudioError(f"{path}: is silent, every sample is zero")
    if rate != RATE:
        mono = soxr.resample(mono, rate, RATE).astype(np.float32)
    return mono


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
        samples, rate = _decode_av(path)
        return AudioInfo(rate, samples.shape[1], len(samples) / rate)
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


def _decode(path: Path) -> tuple[Samples, int]:
    """All samples, shape (n, channels), at the file's own rate."""
    _refuse_missing(path)
    _refuse_cut_off(path)
    try:
        file = soundfile.SoundFile(str(path))
    except soundfile.LibsndfileError:
        return _decode_av(path)
    with file:
        promised, rate = file.frames, file.samplerate
        try:
            samples = file.read(dtype="float32", always_2d=True)
        except soundfile.LibsndfileError:
            raise AudioError(f"{path}: is cut off or damaged, it cannot be decoded to its end") from None
    if promised == 0:
        # Where a streaming recorder left the length at 0, FFmpeg reads on to the end of the file.
        return _decode_av(path)
    _refuse_shortened(path, samples, promised, rate)
    return samples, rate


def _refuse_shortened(path: Path, samples: Samples, promised: float, rate: int) -> None:
    # MP3 headers only estimate the length, so a small difference is no damage.
    if len(samples) < 0.95 * promised:
        raise AudioError(f"{path}: is cut off, {len(samples) / rate:.2f} of {promised / rate:.2f} s can be read")


def _decode_av(path: Path) -> tuple[Samples, int]:
    import av  # only video and M4A need it, and importing it takes a while

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(f"{path}: has no audio track")
            stream = container.streams.audio[0]
            rate = int(stream.rate)
            promised = rate * float((stream.duration or 0) * (stream.time_base or 0))
            to_float = av.AudioResampler(format="fltp", rate=rate)
            frames = [out.to_ndarray() for frame in container.decode(stream) for out in to_float.resample(frame)]
    except (av.FFmpegError, ValueError):
        raise AudioError(f"{path}: is not audio, or damaged beyond reading") from None
    if not frames:
        raise AudioError(f"{path}: its audio track is empty, only 0.00 s")
    samples = np.concatenate(frames, axis=1).T.astype(np.float32)
    _refuse_shortened(path, samples, promised, rate)
    return samples, rate


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
