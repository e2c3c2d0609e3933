"""Small files that claim, or hold, more than anybody recorded."""

import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from audio.recordings import steps, write_encoded, write_mp3
from didan.audio import RATE, audio_info, read_audio
from didan.errors import AudioError, UserError


def claim_samples(flac: Path, n_samples: int) -> None:
    """Let the header of a FLAC file promise so many samples; it has 36 bits for them."""
    content = bytearray(flac.read_bytes())
    (bits,) = struct.unpack_from(">Q", content, 18)
    struct.pack_into(">Q", content, 18, bits >> 36 << 36 | n_samples)
    flac.write_bytes(content)


def test_a_flac_that_claims_days(tmp_path: Path) -> None:
    file = tmp_path / "a.flac"
    soundfile.write(file, steps(1), RATE)
    for hours in (48, 1000):
        claim_samples(file, hours * 3600 * RATE)
        for read in (read_audio, audio_info):
            with pytest.raises(AudioError, match=rf"lasts {hours}\.0 h, and at most 24 h are read"):
                read(file)
    claim_samples(file, 20 * 3600 * RATE)
    with pytest.raises(AudioError, match="cut off"):
        read_audio(file)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.mkv", "a.webm", "a.m4a", "a.ogg", "a.ts"])
def test_the_limit_can_be_set(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, codecs = tmp_path / name, {".mkv": "aac", ".webm": "libopus", ".m4a": "aac", ".ts": "aac"}
    if file.suffix == ".mp3":
        write_mp3(file, steps(30), header=False)
    elif file.suffix in codecs:
        write_encoded(file, codecs[file.suffix], steps(30))
    else:
        soundfile.write(file, steps(30), RATE)
    monkeypatch.setenv("DIDAN_MAX_HOURS", f"{29 / 3600}")
    for read in (read_audio, audio_info):
        with pytest.raises(AudioError, match="set DIDAN_MAX_HOURS"):
            read(file)
    monkeypatch.setenv("DIDAN_MAX_HOURS", f"{31 / 3600}")
    assert len(read_audio(file)) == pytest.approx(30 * RATE, rel=0.01)


@pytest.mark.parametrize("rate", [1, 100, 2_000_000, 2**31 - 1])
def test_rates_that_nobody_records_at(rate: int, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(10_000) / 2, RATE)
    content = bytearray((tmp_path / "a.wav").read_bytes())
    struct.pack_into("<II", content, 24, rate, 2 * rate % 2**32)
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match=f"says that it has {rate} samples per second|not audio"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("given", ["x", "0", "-1", "nan"])
def test_a_limit_that_is_none(given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", steps(1), RATE)
    monkeypatch.setenv("DIDAN_MAX_HOURS", given)
    with pytest.raises(UserError, match=r"DIDAN_MAX_HOURS is .*, no number of hours"):
        read_audio(tmp_path / "a.wav")


def test_a_short_recording_in_packets_is_whole(tmp_path: Path) -> None:
    """Its header counts in packets, of which the last is not full."""
    write_encoded(tmp_path / "a.asf", "wmav2", steps(1)[: RATE // 4], bit_rate=32_000)
    assert len(read_audio(tmp_path / "a.asf")) > RATE // 5


def test_more_channels_than_anybody_has_ears(tmp_path: Path) -> None:
    """Of more than eight, which lie in memory in another way."""
    signal = np.stack([0.01 * number * steps(1) for number in range(33)], axis=1)
    with av.open(str(tmp_path / "a.mov"), "w") as container:
        stream = container.add_stream("pcm_s16be", rate=RATE, layout="33 channels")
        assert isinstance(stream, av.AudioStream)
        pcm = np.round(signal * 32767).astype(np.int16).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="33 channels")
        frame.rate = RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert audio_info(tmp_path / "a.mov").channels == 33
    for channel in (2, 9, 33):
        heard = read_audio(tmp_path / "a.mov", channel=channel)
        np.testing.assert_allclose(heard, signal[:, channel - 1], atol=1 / 32767)
