import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from didan.audio import RATE, Utterance, read_audio
from didan.errors import AudioError, UserError
from didan.features.fingerprints import AudioDigest, Contents, Fingerprints, utterance_name

NAN = float("nan")

SmallDisk = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def known(tmp_path: Path) -> Fingerprints:
    return Fingerprints(tmp_path / "cache")


def contents(known: Fingerprints, file: Path, start: float = NAN, end: float = NAN) -> Contents:
    return known.contents_of(Utterance(file, start, end))


def test_digest_follows_the_bytes(known: Fingerprints, tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    first, same, other = (contents(known, tmp_path / name).file for name in "abc")
    assert first == same != other
    (tmp_path / "a").write_bytes(b"two")  # as long as before
    assert contents(known, tmp_path / "a").file == other


def test_unchanged_file_is_not_read_again(known: Fingerprints, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    before = contents(known, tmp_path / "a")

    def fail(*args: object) -> None:
        raise AssertionError("reads again")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hashlib.file_digest", fail)
        assert contents(known, tmp_path / "a") == before


def test_missing_file(known: Fingerprints, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"missing\.wav: no such file"):
        contents(known, tmp_path / "missing.wav")


def remember(known: Fingerprints, file: Path, start: float = NAN, end: float = NAN) -> str:
    name = utterance_name(contents(known, file, start, end).file, Utterance(file, start, end))
    known.remember_audio([(name, AudioDigest(read_audio(file, start, end)).hex())])
    audio = contents(known, file, start, end).audio
    assert audio is not None
    return audio


def test_copy_in_another_format_has_the_same_audio(known: Fingerprints, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-20_000, 20_000, RATE, dtype=np.int16)
    changed = samples.copy()
    changed[500] += 2
    for name, content in (("a.wav", samples), ("a.flac", samples), ("b.wav", changed)):
        soundfile.write(tmp_path / name, content, RATE)
    assert contents(known, tmp_path / "a.wav").audio is None
    wav, flac, other = (remember(known, tmp_path / name) for name in ("a.wav", "a.flac", "b.wav"))
    assert contents(known, tmp_path / "a.wav").file != contents(known, tmp_path / "a.flac").file
    assert wav == flac != other


def test_each_segment_has_its_own_audio(known: Fingerprints, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-20_000, 20_000, 2 * RATE, dtype=np.int16)
    soundfile.write(tmp_path / "long.wav", samples, RATE)
    soundfile.write(tmp_path / "half.wav", samples[:RATE], RATE)
    first, second = (remember(known, tmp_path / "long.wav", start, start + 1) for start in (0, 1))
    whole = remember(known, tmp_path / "long.wav")
    assert len({first, second, whole}) == 3
    assert contents(known, tmp_path / "long.wav", 0, 1).audio == first
    assert remember(known, tmp_path / "half.wav") == first


@given(cuts=st.lists(st.integers(0, 4000), max_size=5))
def test_audio_has_one_digest_in_whatever_blocks_it_comes(cuts: list[int]) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 4000).astype(np.float32)
    in_blocks = AudioDigest()
    for block in np.split(samples, sorted(cuts)):
        in_blocks.add(block)
    assert in_blocks.hex() == AudioDigest(samples).hex()
    assert in_blocks.hex() != AudioDigest(samples[:-1]).hex()


def test_segments_come_back(known: Fingerprints) -> None:
    assert known.segments("ab") is None
    rows = [(0.0, 1.5, 1.25, True), (1.5, 2.0, 0.1, False), (0.0, 2.0, 0.0, False)]
    known.remember_segments("ab", rows)
    known.remember_segments("ab-0.5-1.0", rows[1:])
    assert known.segments("ab") == rows
    assert known.segments("ab-0.5-1.0") == rows[1:]


def test_parts_channels_and_segments_have_names_of_their_own() -> None:
    # Hours into a recording, segments may begin a millisecond apart.
    spans = [(NAN, NAN), (NAN, 2), (1, NAN), (1, 2), (5000.001, 5002), (5000.002, 5002), (5000.001, 5002.001)]
    utterances = [Utterance(Path(), *span, channel=channel) for span in spans for channel in (None, 1, 2)]
    segments = (None, (0.0, 1.5), (1.5, 2.0))
    names = {utterance_name(digest, one, own) for digest in "ab" for one in utterances for own in segments}
    assert len(names) == 2 * len(utterances) * len(segments)
    assert utterance_name("a", Utterance(Path("x"), group="g")) == utterance_name("a", Utterance(Path("y")))


def test_channels_are_kept_apart(known: Fingerprints, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-20_000, 20_000, (RATE, 2), dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    utterances = [Utterance(tmp_path / "a.wav", channel=channel) for channel in (None, 1, 2)]
    names = [utterance_name(contents(known, tmp_path / "a.wav").file, one) for one in utterances]
    for utterance, name in zip(utterances, names, strict=True):
        assert known.contents_of(utterance).audio is None
        assert known.segments(name) is None
        own = AudioDigest(read_audio(tmp_path / "a.wav", channel=utterance.channel)).hex()
        known.remember_audio([(name, own)])
        known.remember_segments(name, [(0.0, 1.0, utterance.channel or 0, True)])
    assert len({known.contents_of(one).audio for one in utterances}) == 3
    assert [known.segments(name) for name in names[::2]] == [[(0, 1, 0, True)], [(0, 1, 2, True)]]


def test_many_are_looked_up_at_once(known: Fingerprints, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a", "b c'", "gone", "d\n\udcff")]
    for file in files:
        if file.name != "gone":
            file.write_bytes(file.name.encode(errors="surrogateescape"))
    expected = [None if file.name == "gone" else contents(known, file) for file in files]
    with mock.patch("sqlite3.connect", wraps=sqlite3.connect) as connect:
        found = known.contents([Utterance(file) for file in files] * 100)
    assert connect.call_count == 2
    for own, wanted in zip(found, expected * 100, strict=True):
        assert isinstance(own, AudioError) if wanted is None else own == wanted


def test_fingerprints_that_cannot_grow(known: Fingerprints, tmp_path: Path, small_disk: SmallDisk) -> None:
    (tmp_path / "a").write_bytes(b"one")
    with small_disk(100), pytest.raises(UserError, match="cannot write features to"):
        contents(known, tmp_path / "a")
    assert contents(known, tmp_path / "a").audio is None


def test_damaged_fingerprints(tmp_path: Path) -> None:
    (tmp_path / "fingerprints.sqlite").write_text("not a database, but long enough to be looked at" * 30)
    with pytest.raises(UserError, match="not a database"):
        Fingerprints(tmp_path)


def test_a_renamed_file_of_equal_size_and_time_is_read_again(known: Fingerprints, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 1000)
        os.utime(tmp_path / name, (0, 0))
    before = [contents(known, tmp_path / name).file for name in "ab"]
    (tmp_path / "a").rename(tmp_path / "c")
    (tmp_path / "b").rename(tmp_path / "a")
    (tmp_path / "c").rename(tmp_path / "b")
    assert [contents(known, tmp_path / name).file for name in "ba"] == before


def test_another_file_of_equal_size_and_time_is_read_again(known: Fingerprints, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 1000)
    os.utime(tmp_path / "a", (0, 0))
    before = contents(known, tmp_path / "a")
    (tmp_path / "a").write_bytes(b"b" * 1000)
    os.utime(tmp_path / "a", (0, 0))
    assert contents(known, tmp_path / "a") != before
