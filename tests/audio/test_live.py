"""Live audio is heard as the same sound in a file is."""

import io
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from didan.audio import RATE, read_audio
from didan.audio.live import Integers, microphone, read_pcm, stream_samples
from didan.errors import AudioError, DidanWarning, UserError


class Dripping(io.RawIOBase):
    """Bytes that come in parts of odd sizes, as from a pipe."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self.rest, self.sizes = content, sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(self.sizes[0], len(self.rest), len(buffer))
        self.sizes = [*self.sizes[1:], self.sizes[0]]
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size


def dripping(content: bytes, sizes: list[int]) -> io.BufferedReader:
    return io.BufferedReader(Dripping(content, sizes))


def sound(seconds: float, rate: int) -> Integers:
    times = np.arange(round(seconds * rate)) / rate
    wave = 0.3 * np.sin(2 * np.pi * 440 * times) + 0.05 * np.random.default_rng(0).normal(size=len(times))
    return (np.clip(wave, -1, 1) * 32767).astype(np.int16)


@settings(deadline=None, max_examples=30)
@given(sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=6))
def test_no_sample_is_lost_between_parts(sizes: list[int]) -> None:
    samples = sound(0.5, RATE)
    read = list(read_pcm(dripping(samples.tobytes(), sizes)))
    np.testing.assert_array_equal(np.concatenate(read), samples)


def test_it_does_not_wait_for_more_than_there_is() -> None:
    chunks = read_pcm(dripping(sound(1, RATE).tobytes(), [640]))
    assert len(next(chunks)) == 320


@pytest.mark.parametrize("size", [160, 1111, 16_000])
@pytest.mark.parametrize("rate", [8000, 16_000, 22_050, 44_100, 48_000])
def test_it_is_what_a_file_of_it_holds(tmp_path: Path, rate: int, size: int) -> None:
    samples = sound(3, rate)
    soundfile.write(tmp_path / "a.wav", samples, rate)
    chunks = [samples[first : first + size] for first in range(0, len(samples), size)]
    streamed = np.concatenate(list(stream_samples(chunks, rate)))
    expected = read_audio(tmp_path / "a.wav")
    assert streamed.dtype == expected.dtype
    if rate == RATE:
        np.testing.assert_array_equal(streamed, expected)
    else:
        assert len(streamed) == len(expected)
        np.testing.assert_allclose(streamed, expected, atol=1e-5)


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(AudioError, match=r"only 0\.05 s of sound"):
        list(stream_samples([sound(0.05, RATE)], RATE))
    file = io.BytesIO()
    soundfile.write(file, sound(1, RATE), RATE, format="WAV")
    with pytest.raises(AudioError, match="is an audio file, not raw samples"):
        list(read_pcm(dripping(file.getvalue(), [4096])))


def test_half_a_sample_at_the_end_is_remarked_upon() -> None:
    with pytest.warns(DidanWarning, match="ended within a sample"):
        (chunk,) = read_pcm(dripping(sound(0.01, RATE).tobytes() + b"\1", [10_000]))
    assert len(chunk) == 160


class NoMicrophone(Exception):  # noqa: N818
    """As the library names what goes wrong."""


def sound_card(heard: list[Integers], has_input: bool = True) -> types.ModuleType:
    """A library with a microphone that hears some chunks and is then unplugged."""

    class InputStream:
        def __init__(
            self,
            samplerate: int,
            channels: int,
            dtype: str,
            callback: Callable[[npt.NDArray[np.int16], int, None, None], None],
            finished_callback: Callable[[], None],
        ) -> None:
            assert (samplerate, channels, dtype) == (48_000, 1, "int16")
            self.callback, self.finished = callback, finished_callback

        def __enter__(self) -> None:
            buffer = np.zeros((4800, 1), dtype=np.int16)
            for chunk in heard:
                buffer[: len(chunk), 0] = chunk  # the library uses its buffer again and again
                self.callback(buffer[: len(chunk)], len(chunk), None, None)
            self.finished()

        def __exit__(self, *error: object) -> None:
            return None

    def query_devices(kind: str) -> dict[str, float]:
        if not has_input:
            raise NoMicrophone("Error querying device -1")
        return {"default_samplerate": 48_000.0}

    module = types.ModuleType("sounddevice")
    vars(module).update(InputStream=InputStream, query_devices=query_devices, PortAudioError=NoMicrophone)
    return module


def test_a_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    said = sound(1, 48_000).reshape(10, 4800)
    monkeypatch.setitem(sys.modules, "sounddevice", sound_card(list(said)))
    with microphone() as (chunks, rate):
        assert rate == 48_000
        np.testing.assert_array_equal(np.concatenate(list(chunks)), said.ravel())


def test_a_model_that_cannot_keep_up_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    minute = list(np.zeros((602, 4800), dtype=np.int16))
    monkeypatch.setitem(sys.modules, "sounddevice", sound_card(minute))
    with microphone() as (chunks, _), pytest.raises(UserError, match="slower than the sound, and 60 s behind"):
        list(chunks)


def test_without_a_microphone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", sound_card([], has_input=False))
    with (
        pytest.raises(UserError, match=r"no microphone that can be used \(Error querying device -1\)"),
        microphone(),
    ):
        pass


def test_without_its_libraries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(UserError, match=r"needs sounddevice.*pip install .*\[listen\]"), microphone():
        pass
    monkeypatch.delitem(sys.modules, "sounddevice")
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match="apt install libportaudio2"), microphone():
        pass
