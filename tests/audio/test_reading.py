"""Every format is compared with the sine that was written into it; every damage must be refused."""

import os
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from didan.audio import RATE, Utterance, audio_info, by_channel, find_audio, read_audio, stream_audio
from didan.errors import AudioError, SilentError, UserError

Signal = npt.NDArray[np.float64]


def sine(rate: int = RATE, seconds: float = 1.0, hertz: float = 440.0) -> Signal:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def assert_is_sine(samples: npt.NDArray[np.float32], seconds: float = 1.0, tolerance: float = 1e-3) -> None:
    assert samples.dtype == np.float32
    assert samples.shape == (round(RATE * seconds),)
    inner = slice(800, -800)  # resampling rings at the ends
    np.testing.assert_allclose(samples[inner], sine(seconds=seconds)[inner], atol=tolerance)


@pytest.mark.parametrize(
    ("suffix", "subtype", "tolerance"),
    [
        ("wav", "PCM_U8", 1e-2),
        ("wav", "PCM_16", 1e-4),
        ("wav", "PCM_24", 1e-6),
        ("wav", "PCM_32", 1e-6),
        ("wav", "FLOAT", 1e-6),
        ("wav", "DOUBLE", 1e-6),
        ("flac", "PCM_16", 1e-4),
        ("flac", "PCM_24", 1e-6),
        ("aiff", "PCM_16", 1e-4),
        ("ogg", "VORBIS", 2e-2),
    ],
)
def test_formats(tmp_path: Path, suffix: str, subtype: str, tolerance: float) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, sine(), RATE, subtype=subtype)
    assert_is_sine(read_audio(path), tolerance=tolerance)


@pytest.mark.parametrize("rate", [8_000, 22_050, 24_414, 44_100, 48_000, 96_000])
def test_rates_are_resampled(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", sine(rate), rate)
    assert_is_sine(read_audio(tmp_path / "a.wav"))


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.stack([1.5 * sine(), 0.5 * sine()], axis=1)
    soundfile.write(tmp_path / "a.wav", stereo, RATE)
    assert_is_sine(read_audio(tmp_path / "a.wav"))
    info = audio_info(tmp_path / "a.wav")
    assert (info.rate, info.channels, info.seconds) == (RATE, 2, 1.0)


def test_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(), RATE, format="AIFF")
    assert_is_sine(read_audio(tmp_path / "a.wav"))


def write_av(
    path: Path,
    codec: str,
    *,
    video: bool = False,
    rate: int = RATE,
    seconds: float = 1,
    options: dict[str, str] | None = None,
) -> None:
    """The sine, as PyAV writes it; where wanted with a video track before it."""
    with av.open(str(path), "w", options=options or {}) as container:
        if video:
            pictures = container.add_stream("mpeg4", rate=Fraction(25))
            pictures.width, pictures.height, pictures.pix_fmt = 32, 32, "yuv420p"
        sound = container.add_stream(codec, rate=rate, layout="mono")
        if video:
            for _ in range(25):
                picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
                container.mux(pictures.encode(picture))
            container.mux(pictures.encode(None))
        assert isinstance(sound, av.AudioStream)
        pcm = np.round(sine(rate, seconds) * 32767).astype(np.int16)[None, :]
        frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="mono")
        frame.rate = rate
        container.mux(sound.encode(frame))
        container.mux(sound.encode(None))


@pytest.mark.parametrize("rate", [RATE, 48_000])
def test_video_with_pcm_sound(tmp_path: Path, rate: int) -> None:
    write_av(tmp_path / "a.avi", "pcm_s16le", video=True, rate=rate)
    assert_is_sine(read_audio(tmp_path / "a.avi"))
    info = audio_info(tmp_path / "a.avi")
    assert (info.rate, info.channels) == (rate, 1)
    assert info.seconds == pytest.approx(1.0)


def test_m4a(tmp_path: Path) -> None:
    write_av(tmp_path / "a.m4a", "aac")
    samples = read_audio(tmp_path / "a.m4a")
    assert len(samples) == pytest.approx(RATE, abs=3 * 1024)  # AAC pads to whole frames of 1024
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    assert spectrum.argmax() * RATE / len(samples) == pytest.approx(440, abs=2)


def test_video_without_sound_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.avi"), "w") as container:
        pictures = container.add_stream("mpeg4", rate=Fraction(25))
        pictures.width, pictures.height, pictures.pix_fmt = 32, 32, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        container.mux(pictures.encode(picture))
        container.mux(pictures.encode(None))
    with pytest.raises(AudioError, match="no audio track"):
        read_audio(tmp_path / "a.avi")


def test_spans(tmp_path: Path) -> None:
    rate = 48_000
    steps = np.repeat([0.1, 0.2, 0.3, 0.4], rate)  # a level per second tells where a sample comes from
    soundfile.write(tmp_path / "a.wav", steps, rate, subtype="FLOAT")

    def middle(start: float, end: float) -> tuple[float, float]:
        samples = read_audio(tmp_path / "a.wav", start, end)
        return len(samples) / RATE, float(np.mean(samples))

    nan = float("nan")
    assert middle(1, 2) == pytest.approx((1, 0.2), abs=2e-3)
    assert middle(3.25, nan) == pytest.approx((0.75, 0.4), abs=1e-3)
    assert middle(nan, 0.5) == pytest.approx((0.5, 0.1), abs=1e-3)
    assert middle(0, 4) == pytest.approx((4, 0.25), abs=1e-3)


def test_span_behind_the_end_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(), RATE)
    with pytest.raises(AudioError, match=r"ends at 3 s, but the file lasts 1\.00 s"):
        read_audio(tmp_path / "a.wav", 2, 3)


def test_span_that_reaches_beyond_the_end_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(), RATE)
    with pytest.raises(AudioError, match=r"lasts 1\.00 s"):
        read_audio(tmp_path / "a.wav", 0.5, 3)


def wav_bytes(path: Path, seconds: float = 1.0) -> bytes:
    soundfile.write(path, sine(seconds=seconds), RATE, subtype="PCM_16")
    return path.read_bytes()


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFFFF, 0])
def test_streamed_wav_whose_length_was_not_known(tmp_path: Path, length: int) -> None:
    content = wav_bytes(tmp_path / "a.wav")
    at = content.index(b"data")
    riff = struct.pack("<I", length + 36 if length == 0 else length)
    streamed = content[:4] + riff + content[8 : at + 4] + struct.pack("<I", length) + content[at + 8 :]
    (tmp_path / "a.wav").write_bytes(streamed)
    assert_is_sine(read_audio(tmp_path / "a.wav"))
    assert audio_info(tmp_path / "a.wav").seconds == pytest.approx(1.0)


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_cut_off_file_is_refused(tmp_path: Path, suffix: str, kept: float) -> None:
    path = tmp_path / f"a.{suffix}"
    noise = 0.1 * np.random.default_rng(0).standard_normal(RATE)
    soundfile.write(path, noise, RATE, subtype="PCM_16")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(AudioError, match="cut off"):
        read_audio(path)


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}])
def test_cut_off_m4a_is_refused(tmp_path: Path, options: dict[str, str]) -> None:
    path = tmp_path / "a.m4a"
    write_av(path, "aac", seconds=4, options=options)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError):
        read_audio(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"a\.wav: no such file"):
        read_audio(tmp_path / "a.wav")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is not a file"):
        read_audio(tmp_path)


@pytest.mark.parametrize("reader", [read_audio, audio_info])
def test_zero_bytes(tmp_path: Path, reader: object) -> None:
    (tmp_path / "a.wav").touch()
    with pytest.raises(AudioError, match="is empty"):
        (read_audio if reader is read_audio else audio_info)(tmp_path / "a.wav")


def test_header_without_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(0), RATE)
    with pytest.raises(AudioError, match=r"only 0\.00 s"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("content", [b"this is a text, not audio\n" * 50, b"RIFF", b"\0" * 1000])
def test_no_audio_inside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match="not audio"):
        read_audio(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="not audio"):
        audio_info(tmp_path / "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers(tmp_path: Path, value: float) -> None:
    samples = sine()
    samples[5000] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match="NaN or infinite"):
        read_audio(tmp_path / "a.wav")


def test_silence(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    with pytest.raises(AudioError, match="is silent"):
        read_audio(tmp_path / "a.wav")


def test_too_short(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sine(seconds=0.05), RATE)
    with pytest.raises(AudioError, match=r"only 0\.05 s"):
        read_audio(tmp_path / "a.wav")


ORIGINALS = Path(os.environ.get("DIDAN_CORPORA", "missing"), "..", "raw-audio")


@pytest.mark.skipif(not ORIGINALS.is_dir(), reason="needs the original recordings")
@pytest.mark.parametrize(
    ("file", "rate", "channels"),
    [
        ("03-01-03-01-02-01-20.wav", 48_000, 2),
        ("03-01-05-01-01-01-01.wav", 48_000, 1),
        ("03a01Fa.wav", 22_050, 1),
        ("507testYAF_germ_angry29.wav", 24_414, 1),  # AIFF
        ("762testOAF_food_fear52.wav", 96_000, 1),
        ("casia_liuchanhg_angry_201.wav", 16_000, 1),
    ],
)
def test_original_recordings(file: str, rate: int, channels: int) -> None:
    info = audio_info(ORIGINALS / file)
    assert (info.rate, info.channels) == (rate, channels)
    samples = read_audio(ORIGINALS / file)
    assert len(samples) == pytest.approx(info.seconds * RATE, abs=1)
    assert 0.01 < np.abs(samples).max() <= 1.05


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".trash").mkdir()
    for name in ("a.wav", "._a.wav", ".trash/b.wav"):
        (tmp_path / name).touch()
    assert find_audio(tmp_path) == [tmp_path / "a.wav"]


def test_no_folder_to_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        find_audio(tmp_path / "nowhere")
    with pytest.raises(UserError, match="holds no audio"):
        find_audio(tmp_path)
    (tmp_path / "a.wav").touch()
    with pytest.raises(UserError, match="is a file"):
        find_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(("suffix", "rate"), [("wav", 16_000), ("flac", 44_100), ("m4a", 48_000)])
def test_blocks_are_the_whole_in_parts(tmp_path: Path, suffix: str, rate: int) -> None:
    file = tmp_path / f"long.{suffix}"
    if suffix == "m4a":
        write_av(file, "aac", rate=rate, seconds=25)
    else:
        soundfile.write(file, sine(rate, 25.0), rate)
    blocks = list(stream_audio(file))
    assert len(blocks) >= 3
    assert max(map(len, blocks)) < 11.5 * RATE
    whole = np.concatenate(blocks)
    assert len(whole) == pytest.approx(25 * RATE, abs=0.1 * RATE)  # AAC comes in frames of 1024 samples
    if suffix != "m4a":
        assert_is_sine(whole, 25.0)
    np.testing.assert_array_equal(whole, read_audio(file))
    part = read_audio(file, 12.0, 13.5)
    assert len(part) == 1.5 * RATE
    np.testing.assert_allclose(part[800:-800], whole[12 * RATE :][800 : len(part) - 800], atol=1e-3)


def test_a_channel_alone_is_what_was_recorded_on_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    channels = (0.1 * rng.normal(size=(3 * RATE, 3))).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", channels, RATE, subtype="FLOAT")
    for number in (1, 2, 3):
        np.testing.assert_array_equal(read_audio(tmp_path / "a.wav", channel=number), channels[:, number - 1])
        part = read_audio(tmp_path / "a.wav", 1.0, 2.0, number)
        np.testing.assert_array_equal(part, channels[RATE : 2 * RATE, number - 1])
    with pytest.raises(AudioError, match="has no channel 4, only 3"):
        read_audio(tmp_path / "a.wav", channel=4)


def test_a_channel_of_another_rate_is_resampled_alone(tmp_path: Path) -> None:
    times = np.arange(8000 * 2) / 8000
    left, right = (0.1 * np.sin(2 * np.pi * hz * times) for hz in (300, 1000))
    soundfile.write(tmp_path / "both.wav", np.stack([left, right], axis=1), 8000, subtype="FLOAT")
    soundfile.write(tmp_path / "right.wav", right, 8000, subtype="FLOAT")
    alone = read_audio(tmp_path / "right.wav")
    np.testing.assert_array_equal(read_audio(tmp_path / "both.wav", channel=2), alone)


def test_a_silent_channel_is_named(tmp_path: Path) -> None:
    sound = np.zeros((RATE, 2), dtype=np.float32)
    sound[:, 0] = 0.1
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    with pytest.raises(SilentError, match="channel 2 is silent"):
        read_audio(tmp_path / "a.wav", channel=2)
    assert not np.concatenate(list(stream_audio(tmp_path / "a.wav", channel=2))).any()


def test_channels_are_utterances_of_their_own(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.zeros((RATE, 2)), RATE)
    soundfile.write(tmp_path / "b.wav", np.zeros(RATE), RATE)
    (tmp_path / "c.wav").write_text("no audio")  # which whoever reads it will say
    named = {name: tmp_path / f"{name}.wav" for name in "abc"}
    utterances = [Utterance(named["a"], 0.2, 0.5, group="x"), Utterance(named["b"]), Utterance(named["c"])]
    assert by_channel(utterances) == [
        Utterance(named["a"], 0.2, 0.5, 1, "x channel 1"),
        Utterance(named["a"], 0.2, 0.5, 2, "x channel 2"),
        *(utterances[row]._replace(channel=1) for row in (1, 2)),
    ]
