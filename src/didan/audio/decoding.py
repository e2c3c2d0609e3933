"""Decoders: the blocks of a file, as it is stored. A file is decoded whole, or refused.

libsndfile decodes what it knows the length of, FFmpeg (by PyAV) everything else: libsndfile estimates the length
of an MP3 that does not state it and ends there, and of several Ogg streams it reads the first only.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
import soundfile

from didan.errors import AudioError, UserError, reason, shortened
from didan.typing import Samples

if TYPE_CHECKING:
    import av

Block = tuple[int, Samples, int]
"""Number of the first frame, frames of shape (n, channels), and the file's own rate."""

_BLOCK_SECONDS = 10
_MAX_LOST_SECONDS = 0.1
_PACKET_SECONDS = 0.026  # where a packet does not say how long it is

_DEMUXERS = (
    "aac,ac3,aiff,amr,asf,au,avi,caf,dts,eac3,flac,flv,gsm,loas,matroska,mov,mp3,mpc,mpc8,mpeg,mpegts,nistsphere,"
    "ogg,qcp,rm,tta,voc,w64,wav,wv"
)
"""Containers that hold their sound themselves. Playlists (HLS, DASH, concat, SDP) name other files and addresses,
which whoever sends one must not make us open."""

_SAFELY = {"format_whitelist": _DEMUXERS, "protocol_whitelist": "none"}

_KNOWS_DURATION = {"asf", "avi", "flac", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "tta", "wv"}
"""Containers whose duration is written down. That of others is FFmpeg's estimate, by the bit rate."""

_MAX_TAGS = 2**12  # bytes

_PLACEHOLDER = 0x7FFF0000
"""Lengths from here on were written by a recorder or a pipe that did not know them."""

_RATES = (1_000, 1_000_000)
"""In Hz; what is said to have another is damaged, and resampling it would take any amount of memory."""

_HOURS = 24.0
_HOURS_SETTING = "DIDAN_MAX_HOURS"


def longest() -> float:
    """Seconds of the longest recording that is read: a day, or what the environment variable DIDAN_MAX_HOURS says.

    A small file can hold years of silence.

    Raises:
        UserError: it says no number of hours.
    """
    given = os.environ.get(_HOURS_SETTING)
    try:
        hours = float(given) if given else _HOURS
    except ValueError:
        hours = 0.0
    if not hours > 0:
        raise UserError(
            f"{_HOURS_SETTING} is {shortened(given)}, no number of hours; unset it or set it to {_HOURS:g}"
        )
    return hours * 3600


def decode(path: Path, start: float) -> Iterator[Block]:
    """The blocks of a file, about ten seconds each; those before ``start`` are passed over where that is possible.

    Raises:
        AudioError: the file is missing, empty, cut off or not audio.
    """
    refuse_missing(path)
    _refuse_cut_off(path)
    file = open_sndfile(path)
    if file is None:
        yield from decode_av(path)
        return
    rate, position = file.samplerate, min(round(start * file.samplerate), file.frames)
    try:
        if position:
            file.seek(position)
    except soundfile.LibsndfileError:  # GSM 6.10 and some ADPCM know no way but from the beginning
        file.close()
        file, position = _open(path), 0
    with file:
        try:
            while True:
                block = file.read(_BLOCK_SECONDS * rate, dtype="float32", always_2d=True)
                yield position, block, rate
                position += len(block)
                if not len(block):
                    break
        except soundfile.LibsndfileError:
            raise AudioError(f"{path}: is cut off or damaged, it cannot be decoded to its end") from None
        _refuse_shortened(path, position, file.frames, rate)


def open_sndfile(path: Path) -> soundfile.SoundFile | None:
    """The file as libsndfile opens it, or None where it cannot, or does not know the length.

    Raises:
        AudioError: it lasts too long.
    """
    with path.open("rb") as file:
        if not (_is_one_ogg_stream(file) if file.read(4) == b"OggS" else _states_length_if_mp3(file)):
            return None
    try:
        opened = _open(path)
    except soundfile.LibsndfileError:
        return None
    try:
        if 0 < opened.frames < 2**62:
            _refuse_excess(path, opened.frames, opened.samplerate)
            return opened
    except UserError:
        opened.close()
        raise
    opened.close()
    return None


def _open(path: Path) -> soundfile.SoundFile:
    # As bytes, since a name need not be UTF-8; on Windows, where it is always Unicode, as text.
    return soundfile.SoundFile(str(path) if os.name == "nt" else os.fsencode(path))


def decode_av(path: Path) -> Iterator[Block]:
    """The blocks of a file as FFmpeg decodes it.

    Raises:
        AudioError: as :func:`decode`.
    """
    import av  # importing it takes a while

    position, rate, promised, lost = 0, 1, 0.0, 0.0
    try:
        # The open file: its name need not be UTF-8, and "12:30.m4a" is no address of the protocol "12".
        with (
            path.open("rb") as file,
            av.open(_Bounded(file), "r", options=_SAFELY, metadata_errors="replace") as container,
        ):
            if not container.streams.audio:
                raise AudioError(f"{path}: has no audio track")
            stream = container.streams.audio[0]
            if not getattr(stream, "rate", None):  # there is no decoder
                raise AudioError(f"{path}: its sound is coded in a way that cannot be decoded")
            rate = int(stream.rate)
            if container.format.name in _KNOWS_DURATION:
                promised = rate * float((stream.duration or 0) * (stream.time_base or 0))
            _refuse_excess(path, promised, rate)
            to_float = av.AudioResampler(format="flt", rate=rate)  # of planes, PyAV reads more than there are
            gathered: list[Samples] = []
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.InvalidDataError:  # such as tags between the parts of a joined MP3
                    lost += float((packet.duration or 0) * (packet.time_base or 0)) or _PACKET_SECONDS
                    continue
                for frame in frames:
                    gathered += map(_samples, to_float.resample(frame))
                if sum(map(len, gathered)) >= _BLOCK_SECONDS * rate:
                    block, gathered = np.concatenate(gathered), []
                    _refuse_excess(path, position + len(block), rate)
                    yield position, block, rate
                    position += len(block)
            gathered += map(_samples, to_float.resample(None))
            if sum(map(len, gathered)):
                block = np.concatenate(gathered)
                _refuse_excess(path, position + len(block), rate)
                yield position, block, rate
                position += len(block)
    except (av.FFmpegError, ValueError, OSError):  # OSError: a header leads to a place before the file
        raise AudioError(f"{path}: is not audio, or damaged beyond reading") from None
    if not position:
        raise AudioError(f"{path}: its audio track is empty, only 0.00 s")
    if lost > _MAX_LOST_SECONDS:
        raise AudioError(f"{path}: is damaged, {lost:.2f} s of it cannot be decoded")
    _refuse_shortened(path, position, promised, rate)


def _samples(frame: "av.AudioFrame") -> Samples:
    """Those of a frame whose channels are interleaved, shape (n, channels)."""
    samples: Samples = frame.to_ndarray().reshape(-1, frame.layout.nb_channels).astype(np.float32)
    return samples


class _Bounded:
    """A file of which nobody reads more at a time than it holds, for which memory would be taken beforehand."""

    def __init__(self, file: BinaryIO) -> None:
        self.name, self.seek, self.tell = file.name, file.seek, file.tell
        self._file, self._size = file, os.fstat(file.fileno()).st_size

    def read(self, size: int) -> bytes:
        """What follows, up to so many bytes."""
        return self._file.read(min(size, self._size))


def refuse_missing(path: Path) -> None:
    """Refuse what is no file with content.

    Raises:
        AudioError: it is missing, may not be read, is empty, or is a folder or device.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise AudioError(f"{path}: is not a file")
        with path.open("rb"):
            pass
    except OSError as error:
        raise AudioError(f"{path}: {reason(error)}") from None
    except ValueError as error:  # a name with a zero byte
        raise AudioError(f"{str(path)!r}: is no name of a file ({error})") from None
    if size == 0:
        raise AudioError(f"{path}: is empty (0 bytes)")


def _refuse_excess(path: Path, frames: float, rate: int) -> None:
    if not _RATES[0] <= rate <= _RATES[1]:
        raise AudioError(f"{path}: says that it has {rate} samples per second; it is damaged, or no speech")
    hours, most = frames / rate / 3600, longest() / 3600
    if hours > most:
        raise AudioError(
            f"{path}: lasts {hours:.1f} h, and at most {most:g} h are read; cut it, or set {_HOURS_SETTING}"
        )


def _refuse_shortened(path: Path, frames: int, promised: float, rate: int) -> None:
    # Headers count in packets, so a small difference is no damage.
    if frames < min(0.95 * promised, promised - _MAX_LOST_SECONDS * rate):
        raise AudioError(f"{path}: is cut off, {frames / rate:.2f} of {promised / rate:.2f} s can be read")


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
            if name == samples_chunk and held + 1 < length < _PLACEHOLDER:
                seconds = f" ({held / byte_rate:.2f} of {length / byte_rate:.2f} s)" if byte_rate else ""
                raise AudioError(f"{path}: is cut off, its header promises more than the file holds{seconds}")
            if name == samples_chunk:
                return
            content_start = file.tell()
            if name == b"fmt ":
                fmt = file.read(12)
                byte_rate = struct.unpack("<I", fmt[8:12])[0] if len(fmt) == 12 else 0
            file.seek(content_start + length + length % 2)


def _is_one_ogg_stream(file: BinaryIO) -> bool:
    """Whether the first page of an Ogg file and the last are of the same stream."""
    serial = slice(14, 18)
    file.seek(0)
    first = file.read(27)
    file.seek(max(file.seek(0, 2) - 2**17, 0))  # a page has 65,307 bytes at most
    end = file.read()
    last = end[end.rfind(b"OggS") :]
    return first[serial] == last[serial]


def _states_length_if_mp3(file: BinaryIO) -> bool:
    """Whether a file is no MP3, or one whose header (Xing, Info) counts all frames there are."""
    file.seek(0)
    tag = file.read(10)
    offset = 0
    if tag[:3] == b"ID3":
        offset = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))
    file.seek(offset)
    frame = file.read(200)
    if len(frame) < 2 or frame[0] != 0xFF or frame[1] & 0xE6 != 0xE2:  # layer III of any MPEG version
        return True
    place = max(frame.find(b"Xing"), frame.find(b"Info"))
    if place < 0 or len(frame) < place + 16:
        return False
    flags, _, n_bytes = struct.unpack(">III", frame[place + 4 : place + 16])
    behind = file.seek(0, 2) - offset - n_bytes  # tags; where files were joined, more
    counts_frames_and_bytes: bool = flags & 3 == 3
    return counts_frames_and_bytes and behind < _MAX_TAGS
