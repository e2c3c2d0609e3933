"""Recordings in the ways that encoders, recorders and pipes write them: a tone that rises every second."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile

from didan.audio import RATE

Signal = npt.NDArray[np.float64]

FIRST, STEP = 300, 200
"""The pitch of the first second in Hz, and how much higher every further one is."""


def steps(seconds: int, rate: int = RATE, loudness: float = 0.5) -> Signal:
    """A tone that is higher in every second."""
    hertz = np.repeat(FIRST + STEP * np.arange(seconds), rate)
    return np.asarray(loudness * np.sin(2 * np.pi * np.cumsum(hertz) / rate))


def heard(samples: npt.NDArray[np.float32]) -> list[int]:
    """Which second of the tone is in each second of the samples, from 0."""
    found = []
    for first in range(0, len(samples) - RATE // 2, RATE):
        part = samples[first : first + RATE][RATE // 8 : -RATE // 8]
        hertz = np.abs(np.fft.rfft(part * np.hanning(len(part)))).argmax() * RATE / len(part)
        found.append(round((hertz - FIRST) / STEP))
    return found


def write_encoded(
    path: Path,
    codec: str,
    signal: Signal,
    rate: int = RATE,
    *,
    options: dict[str, str] | None = None,
    codec_options: dict[str, str] | None = None,
    bit_rate: int | None = None,
    format: str | None = None,
    picture: bool = False,
) -> None:
    """Encode a signal as FFmpeg does, by default with the container that the suffix names."""
    with av.open(str(path), "w", format=format, options=options or {}) as container:
        cover = None
        if picture:
            cover = container.add_stream("png", rate=1)
            cover.width, cover.height, cover.pix_fmt = 300, 300, "rgb24"
            cover.disposition = av.stream.Disposition.attached_pic
        stream = container.add_stream(codec, rate=rate, layout="mono", options=codec_options or {})
        assert isinstance(stream, av.AudioStream)
        if bit_rate:
            stream.bit_rate = bit_rate
        if cover is not None:
            pixels = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
            container.mux(cover.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
            container.mux(cover.encode(None))
        pcm = np.round(signal * 32767).astype(np.int16)[None, :]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.rate = rate
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_mp3(
    path: Path, signal: Signal, *, header: bool = True, variable: bool = True, picture: bool = False
) -> None:
    """An MP3, with or without the header (Xing) that counts its frames, of variable or constant bit rate."""
    write_encoded(
        path,
        "libmp3lame",
        signal,
        options={"write_xing": str(int(header))},
        codec_options={"compression_level": "5"}
        | ({"flags": "+qscale", "global_quality": "590"} if variable else {}),
        bit_rate=None if variable else 64_000,
        picture=picture,
    )


def write_ogg(path: Path, signal: Signal, codec: str, rate: int = RATE) -> None:
    """Ogg Vorbis or Opus."""
    soundfile.write(path, signal, rate, format="OGG", subtype=codec)
