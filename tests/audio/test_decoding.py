"""What encoders, recorders and pipes write is decoded whole, or refused; none of it leads to another file."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio.recordings import heard, steps, write_encoded, write_mp3, write_ogg
from didan.audio import RATE, audio_info, find_audio, read_audio, stream_audio
from didan.errors import AudioError


def quiet_at_first(seconds: int) -> np.ndarray:
    """So quiet that an encoder of variable bit rate spends next to nothing on the first half."""
    loudness = np.repeat([1e-4, 1.0], seconds * RATE // 2)
    return np.asarray(loudness * steps(seconds))


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("variable", [True, False])
@pytest.mark.parametrize("picture", [True, False])
def test_mp3_is_read_whole(tmp_path: Path, header: bool, variable: bool, picture: bool) -> None:
    file = tmp_path / "a.mp3"
    write_mp3(file, quiet_at_first(16), header=header, variable=variable, picture=picture)
    assert heard(read_audio(file)) == list(range(16))
    assert audio_info(file).seconds == pytest.approx(16, abs=0.15)
    assert heard(read_audio(file, 9, 12)) == [9, 10, 11]


@pytest.mark.parametrize("first_header", [True, False])
@pytest.mark.parametrize("second_header", [True, False])
def test_joined_mp3_is_read_whole(tmp_path: Path, first_header: bool, second_header: bool) -> None:
    write_mp3(tmp_path / "a.mp3", steps(8)[: 4 * RATE], header=first_header)
    write_mp3(tmp_path / "b.mp3", steps(8)[4 * RATE :], header=second_header)
    joined = (tmp_path / "a.mp3").read_bytes() + (tmp_path / "b.mp3").read_bytes()
    (tmp_path / "joined.mp3").write_bytes(joined)
    assert len(read_audio(tmp_path / "joined.mp3")) == pytest.approx(8 * RATE, abs=0.3 * RATE)
    assert heard(read_audio(tmp_path / "joined.mp3"))[:7] == list(range(7))


def test_cut_off_mp3_is_refused_where_its_header_tells(tmp_path: Path) -> None:
    write_mp3(tmp_path / "a.mp3", steps(8))
    content = (tmp_path / "a.mp3").read_bytes()
    (tmp_path / "a.mp3").write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match="cut off"):
        read_audio(tmp_path / "a.mp3")


@pytest.mark.parametrize("codec", ["VORBIS", "OPUS"])
def test_chained_ogg_is_read_whole(tmp_path: Path, codec: str) -> None:
    rate = 48_000
    for part in range(3):
        first = part * 2 * rate
        write_ogg(tmp_path / f"{part}.ogg", steps(6, rate)[first : first + 2 * rate], codec, rate)
    (tmp_path / "all.ogg").write_bytes(b"".join((tmp_path / f"{part}.ogg").read_bytes() for part in range(3)))
    samples = read_audio(tmp_path / "all.ogg")
    assert len(samples) == pytest.approx(6 * RATE, abs=0.2 * RATE)
    assert heard(samples) == list(range(6))
    assert heard(read_audio(tmp_path / "0.ogg")) == [0, 1]


def test_chained_ogg_of_two_rates_is_read_whole_or_refused(tmp_path: Path) -> None:
    write_ogg(tmp_path / "a.ogg", steps(2), "VORBIS")
    write_ogg(tmp_path / "b.ogg", steps(2, 44_100), "VORBIS", 44_100)
    (tmp_path / "all.ogg").write_bytes((tmp_path / "a.ogg").read_bytes() + (tmp_path / "b.ogg").read_bytes())
    try:
        samples = read_audio(tmp_path / "all.ogg")
    except AudioError:
        return
    assert heard(samples) == [0, 1, 0, 1]


def test_flac_of_unknown_length(tmp_path: Path) -> None:
    file = tmp_path / "a.flac"
    soundfile.write(file, steps(12), RATE)
    content = bytearray(file.read_bytes())
    content[21] &= 0xF0  # STREAMINFO ends in 36 bits of the number of samples and a digest
    content[22:26] = bytes(4)
    file.write_bytes(content)
    assert heard(read_audio(file)) == list(range(12))
    assert heard(read_audio(file, 5, 7)) == [5, 6]
    assert audio_info(file).seconds == 12


@pytest.mark.parametrize("length", [0, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFDA])
@pytest.mark.parametrize("kind", ["PCM_16", "FLOAT", "ULAW"])
def test_wav_from_a_pipe(tmp_path: Path, length: int, kind: str) -> None:
    file = tmp_path / "a.wav"
    soundfile.write(file, steps(2), RATE, subtype=kind)
    content = file.read_bytes()
    at = content.index(b"data")
    file.write_bytes(
        content[:4]
        + struct.pack("<I", min(length + 36, 0xFFFFFFFF))
        + content[8 : at + 4]
        + struct.pack("<I", length)
        + content[at + 8 :]
    )
    assert heard(read_audio(file)) == [0, 1]


@pytest.mark.parametrize(
    ("suffix", "format", "kind", "rate"),
    [
        ("wav", "WAV", "GSM610", 8_000),
        ("wav", "WAV", "G721_32", 8_000),
        ("au", "AU", "G721_32", 8_000),
        ("au", "AU", "G723_24", 8_000),
        ("wav", "WAV", "IMA_ADPCM", RATE),
        ("wav", "WAV", "MS_ADPCM", RATE),
        ("wav", "WAV", "ULAW", 8_000),
        ("w64", "W64", "PCM_16", RATE),
        ("caf", "CAF", "ALAC_16", RATE),
        ("rf64", "RF64", "PCM_16", RATE),
        ("sph", "NIST", "PCM_16", RATE),
        ("voc", "VOC", "PCM_16", RATE),
        ("ogg", "OGG", "VORBIS", RATE),
        ("opus", "OGG", "OPUS", RATE),
    ],
)
def test_parts_are_parts_of_the_whole(tmp_path: Path, suffix: str, format: str, kind: str, rate: int) -> None:
    file = tmp_path / f"a.{suffix}"
    soundfile.write(file, steps(14, rate), rate, format=format, subtype=kind)
    assert file in find_audio(tmp_path)
    assert heard(read_audio(file)) == list(range(14))
    assert heard(read_audio(file, 11, 13)) == [11, 12]
    assert heard(read_audio(file, 3)) == list(range(3, 14))


@pytest.mark.parametrize(
    ("suffix", "codec", "rate"),
    [
        ("m4a", "aac", RATE),
        ("aac", "aac", RATE),
        ("3gp", "aac", RATE),
        ("wma", "wmav2", RATE),
        ("mp2", "mp2", RATE),
        ("ac3", "ac3", 48_000),
        ("mka", "libopus", 48_000),
        ("webm", "libopus", 48_000),
        ("oga", "libopus", 48_000),
        ("ts", "mp2", RATE),
        ("mov", "pcm_s16be", RATE),
        ("wv", "wavpack", RATE),
        ("tta", "tta", RATE),
    ],
)
def test_what_is_found_in_folders_can_be_read(tmp_path: Path, suffix: str, codec: str, rate: int) -> None:
    file = tmp_path / f"a.{suffix}"
    write_encoded(file, codec, steps(4, rate), rate, bit_rate=64_000)
    assert find_audio(tmp_path) == [file]
    samples = read_audio(file)
    assert len(samples) == pytest.approx(4 * RATE, abs=0.2 * RATE)
    assert heard(samples)[:3] == [0, 1, 2]


@pytest.mark.parametrize("balance", [1.0, 0.9])
@pytest.mark.parametrize("pause", [0, 3])
def test_channels_upside_down_do_not_cancel(tmp_path: Path, balance: float, pause: int) -> None:
    mono = steps(14)
    mono[: pause * RATE] = 0
    soundfile.write(tmp_path / "a.wav", np.stack([mono, -balance * mono], axis=1), RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), (1 + balance) / 2 * mono, atol=1e-6)


def test_channels_of_different_sound_are_averaged(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    channels = 0.1 * rng.normal(size=(RATE, 4))
    channels[:, 3] = 0
    soundfile.write(tmp_path / "a.wav", channels, RATE, subtype="FLOAT")
    np.testing.assert_allclose(read_audio(tmp_path / "a.wav"), channels.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("sample", [1e30, -3e4, np.inf, -np.inf, np.nan])
def test_samples_that_are_no_sound_are_refused(tmp_path: Path, sample: float) -> None:
    signal = steps(2)
    signal[5000] = sample
    soundfile.write(tmp_path / "a.wav", np.stack([signal, -signal], axis=1), RATE, subtype="DOUBLE")
    with pytest.raises(AudioError, match="convert it again"):
        read_audio(tmp_path / "a.wav")


def test_loud_floating_point_samples_are_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", 4 * steps(2), RATE, subtype="FLOAT")
    assert np.abs(read_audio(tmp_path / "a.wav")).max() == pytest.approx(2, abs=1e-3)


@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_names_that_look_like_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    write_encoded(tmp_path / f"a.{suffix}", "pcm_s16le" if suffix == "wav" else "aac", steps(2))
    monkeypatch.chdir(tmp_path)
    for name in (f"2024-01-05T10:30:00.{suffix}", f"concat:a|b.{suffix}", f"http:b.{suffix}", f"a%03d.{suffix}"):
        Path(f"a.{suffix}").rename(name)
        assert heard(read_audio(name)) == [0, 1]
        Path(name).rename(f"a.{suffix}")


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
@pytest.mark.parametrize("suffix", ["wav", "m4a"])
def test_names_that_are_not_utf8(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / os.fsdecode(f"M\xfcller.{suffix}".encode("latin-1"))
    write_encoded(tmp_path / f"a.{suffix}", "pcm_s16le" if suffix == "wav" else "aac", steps(2))
    (tmp_path / f"a.{suffix}").rename(file)
    assert find_audio(tmp_path) == [file]
    assert heard(read_audio(file)) == [0, 1]


PLAYLISTS = {
    "a.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:3\n#EXTINF:2.0,\n{file}\n#EXT-X-ENDLIST\n",
    "a.m3u": "#EXTM3U\n#EXTINF:2,\n{file}\n",
    "a.ffconcat": "ffconcat version 1.0\nfile '{file}'\n",
    "a.txt": "ffconcat version 1.0\nfile '{file}'\n",
    "a.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "a.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
    'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period>'
    '<AdaptationSet mimeType="audio/mp4"><Representation id="1" bandwidth="1"><BaseURL>{file}</BaseURL>'
    "</Representation></AdaptationSet></Period></MPD>",
}


@pytest.mark.parametrize("name", PLAYLISTS)
@pytest.mark.parametrize("disguise", ["", ".mp3"])
def test_playlists_are_refused(tmp_path: Path, name: str, disguise: str) -> None:
    secret = tmp_path / "secret.ts"
    write_encoded(secret, "mp2", steps(2))
    playlist = tmp_path / f"{name}{disguise}"
    playlist.write_text(PLAYLISTS[name].format(file=secret))
    for reader in (read_audio, audio_info):
        with pytest.raises(AudioError, match="not audio"):
            reader(playlist)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    soundfile.write(tmp_path / "a.wav", steps(2), RATE)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(AudioError, match=r"a\.wav: permission denied"):
        next(stream_audio(tmp_path / "a.wav"))
