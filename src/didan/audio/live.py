"""Live audio, from a pipe or a microphone, as mono samples at the rate we work at, as soon as it comes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from queue import SimpleQueue
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from didan.audio.reading import MIN_SECONDS, RATE
from didan.errors import AudioError, UserError, note
from didan.extras import require
from didan.typing import Samples

Integers = npt.NDArray[np.int16]
"""Samples as pipes and sound cards give them, 32768 being full scale, shape (n,)."""

_BYTES = 2**16
_FILES = (b"RIFF", b"RF64", b"fLaC", b"OggS", b"ID3", b"FORM")
"""How files begin that are no raw samples."""

_MOST_BEHIND = 60
"""Seconds of sound that may wait for the recogniser."""


def read_pcm(stream: BufferedReader) -> Iterator[Integers]:
    """Raw signed samples of 16 bits, little-endian and mono, as they arrive.

    Args:
        stream: of bytes, such as standard input's.

    Raises:
        AudioError: it begins like a file of audio.

    >>> import io
    >>> [chunk.tolist() for chunk in read_pcm(io.BufferedReader(io.BytesIO(bytes([1, 0, 255, 255]))))]
    [[1, -1]]
    """
    rest, is_first = b"", True
    while read := stream.read1(_BYTES):
        read = rest + read
        if is_first and read.startswith(_FILES):
            raise AudioError(
                "standard input: is an audio file, not raw samples; give its name, or send it through "
                "ffmpeg -i - -f s16le -ac 1 -ar 16000 -"
            )
        whole, is_first = len(read) // 2 * 2, False
        rest = read[whole:]
        yield np.frombuffer(read[:whole], dtype="<i2")
    if rest:
        note("standard input ended within a sample; is it of 16 bits?")


def stream_samples(chunks: Iterable[Integers], rate: int) -> Iterator[Samples]:
    """The samples at 16 kHz, resampled as :func:`didan.audio.stream_audio` does it, without waiting for more.

    Args:
        chunks: of the sound, in order.
        rate: their samples per second.

    Raises:
        AudioError: the sound ends before 0.1 s.

    >>> list(stream_samples([np.full(1600, 16384, dtype=np.int16)], 16_000))[0][:2]
    array([0.5, 0.5], dtype=float32)
    """
    resampler = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32")
    taken = 0
    for chunk in chunks:
        taken += len(chunk)
        samples = chunk.astype(np.float32) / np.float32(32768)
        yield samples if resampler is None else resampler.resample_chunk(samples)
    if taken < MIN_SECONDS * rate:
        raise AudioError(f"only {taken / rate:.2f} s of sound, at least {MIN_SECONDS} s are needed")
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


@contextmanager
def microphone() -> Iterator[tuple[Iterator[Integers], int]]:
    """What the default microphone hears while the context lasts, and its samples per second.

    Raises:
        UserError: the library for it, or a microphone, is missing; or the sound waits for a minute to be taken.
    """
    try:
        sounddevice: Any = require("sounddevice", "listen", "a microphone")
    except OSError:  # what is said where the library that it stands on cannot be found
        raise UserError(
            "a microphone needs the library PortAudio; install it, on Debian or Ubuntu: apt install libportaudio2"
        ) from None
    heard: SimpleQueue[Integers | None] = SimpleQueue()

    def take(samples: npt.NDArray[np.int16], frames: int, times: object, status: object) -> None:
        heard.put(samples[:, 0].copy())

    def chunks(rate: int) -> Iterator[Integers]:
        while (chunk := heard.get()) is not None:
            if heard.qsize() * len(chunk) > _MOST_BEHIND * rate:
                raise UserError(
                    f"the model is slower than the sound, and {_MOST_BEHIND} s behind; take a longer --hop"
                )
            yield chunk

    try:
        rate = int(sounddevice.query_devices(kind="input")["default_samplerate"])
        with sounddevice.InputStream(
            samplerate=rate, channels=1, dtype="int16", callback=take, finished_callback=lambda: heard.put(None)
        ):
            yield chunks(rate), rate
    except sounddevice.PortAudioError as error:
        raise UserError(f"there is no microphone that can be used ({error}); connect one") from error
