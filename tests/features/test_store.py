import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from didan.audio import RATE, read_audio
from didan.errors import AudioError, DidanWarning, UserError
from didan.features import FeatureStore, SpectrogramSettings, default_cache
from didan.features.store import AudioDigest

NAN = float("nan")
FEATURES = np.arange(64 * 200, dtype=np.float32).reshape(200, 64)

SmallDisk = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "cache", SpectrogramSettings())


def left_in(store: FeatureStore) -> list[Path]:
    return [path for path in store.folder.rglob("*") if path.is_file()]


def test_what_is_written_is_read_again(store: FeatureStore) -> None:
    path = store.path("ab" * 16, NAN, NAN)
    store.write(path, FEATURES)
    np.testing.assert_array_equal(np.load(path), FEATURES)
    assert left_in(store) == [path]


def test_other_settings_never_share_a_file(tmp_path: Path) -> None:
    changes: list[dict[str, object]] = [
        {},
        {"window": 0.03},
        {"hop": 0.02},
        {"bands": 63},
        {"low": 60},
        {"high": 7000},
        {"floor": 70},
        {"trim": 30},
        {"trim": None},
    ]
    stores = [FeatureStore(tmp_path, SpectrogramSettings.model_validate(change)) for change in changes]
    assert len({store.path("ab" * 16, NAN, NAN) for store in stores}) == len(changes)
    again = FeatureStore(tmp_path, SpectrogramSettings())
    assert again.path("ab" * 16, NAN, NAN) == stores[0].path("ab" * 16, NAN, NAN)


def test_segments_never_share_a_file(store: FeatureStore) -> None:
    # Hours into a recording, segments may begin a millisecond apart.
    spans = [(NAN, NAN), (NAN, 2), (1, NAN), (1, 2), (5000.001, 5002), (5000.002, 5002), (5000.001, 5002.001)]
    assert len({store.path("ab" * 16, *span) for span in spans}) == len(spans)


def test_digest_follows_the_bytes(store: FeatureStore, tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"one"), ("c", b"two")):
        (tmp_path / name).write_bytes(content)
    first, same, other = (store.contents(tmp_path / name).file for name in "abc")
    assert first == same != other
    (tmp_path / "a").write_bytes(b"two")  # as long as before
    assert store.contents(tmp_path / "a").file == other


def test_unchanged_file_is_not_read_again(store: FeatureStore, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    before = store.contents(tmp_path / "a")

    def fail(*args: object) -> None:
        raise AssertionError("reads again")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hashlib.file_digest", fail)
        assert store.contents(tmp_path / "a") == before


def test_missing_file(store: FeatureStore, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"missing\.wav: no such file"):
        store.contents(tmp_path / "missing.wav")


def remember(store: FeatureStore, file: Path, start: float = NAN, end: float = NAN) -> str:
    digest = store.contents(file, start, end).file
    store.remember_audio(digest, start, end, AudioDigest(read_audio(file, start, end)))
    audio = store.contents(file, start, end).audio
    assert audio is not None
    return audio


def test_copy_in_another_format_has_the_same_audio(store: FeatureStore, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-20_000, 20_000, RATE, dtype=np.int16)
    changed = samples.copy()
    changed[500] += 2
    for name, content in (("a.wav", samples), ("a.flac", samples), ("b.wav", changed)):
        soundfile.write(tmp_path / name, content, RATE)
    assert store.contents(tmp_path / "a.wav").audio is None
    wav, flac, other = (remember(store, tmp_path / name) for name in ("a.wav", "a.flac", "b.wav"))
    assert store.contents(tmp_path / "a.wav").file != store.contents(tmp_path / "a.flac").file
    assert wav == flac != other


def test_each_segment_has_its_own_audio(store: FeatureStore, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-20_000, 20_000, 2 * RATE, dtype=np.int16)
    soundfile.write(tmp_path / "long.wav", samples, RATE)
    soundfile.write(tmp_path / "half.wav", samples[:RATE], RATE)
    first, second = (remember(store, tmp_path / "long.wav", start, start + 1) for start in (0, 1))
    whole = remember(store, tmp_path / "long.wav")
    assert len({first, second, whole}) == 3
    assert store.contents(tmp_path / "long.wav", 0, 1).audio == first
    assert remember(store, tmp_path / "half.wav") == first


@given(cuts=st.lists(st.integers(0, 4000), max_size=5))
def test_audio_has_one_digest_in_whatever_blocks_it_comes(cuts: list[int]) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 4000).astype(np.float32)
    in_blocks = AudioDigest()
    for block in np.split(samples, sorted(cuts)):
        in_blocks.add(block)
    assert in_blocks.hex() == AudioDigest(samples).hex()
    assert in_blocks.hex() != AudioDigest(samples[:-1]).hex()


def test_segments_come_back(store: FeatureStore) -> None:
    assert store.segments("ab" * 16, NAN, NAN) is None
    rows = [(0.0, 1.5, 1.25, True), (1.5, 2.0, 0.1, False), (0.0, 2.0, 0.0, False)]
    store.remember_segments("ab" * 16, NAN, NAN, rows)
    store.remember_segments("ab" * 16, 0.5, 1.0, rows[1:])
    assert store.segments("ab" * 16, NAN, NAN) == rows
    assert store.segments("ab" * 16, 0.5, 1.0) == rows[1:]
    paths = {store.path("ab" * 16, NAN, NAN, segment) for segment in (None, (0.0, 1.5), (1.5, 2.0))}
    assert len(paths) == 3


def test_channels_are_kept_apart(store: FeatureStore, tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-20_000, 20_000, (RATE, 2), dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    digest = store.contents(tmp_path / "a.wav").file
    for channel in (None, 1, 2):
        assert store.contents(tmp_path / "a.wav", channel=channel).audio is None
        assert store.segments(digest, NAN, NAN, channel) is None
        own = AudioDigest(read_audio(tmp_path / "a.wav", channel=channel))
        store.remember_audio(digest, NAN, NAN, own, channel)
        store.remember_segments(digest, NAN, NAN, [(0.0, 1.0, channel or 0, True)], channel)
    assert len({store.contents(tmp_path / "a.wav", channel=channel).audio for channel in (None, 1, 2)}) == 3
    assert [store.segments(digest, NAN, NAN, one) for one in (None, 2)] == [[(0, 1, 0, True)], [(0, 1, 2, True)]]
    assert len({store.path(digest, NAN, NAN, channel=channel) for channel in (None, 1, 2)}) == 3


def test_full_disk_leaves_nothing(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(file: object, features: object) -> None:
        file.write(b"half of it")  # type: ignore[attr-defined]
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", save)
    with pytest.raises(UserError, match=r"cannot write features to .*\(no space left on device\); .*--cache"):
        store.write(store.path("ab" * 16, NAN, NAN), FEATURES)
    assert left_in(store) == []


def test_file_that_cannot_grow_leaves_nothing(store: FeatureStore, small_disk: SmallDisk) -> None:
    with small_disk(20_000), pytest.raises(UserError, match=r"cannot write features to .*\(file too large\)"):
        store.write(store.path("ab" * 16, NAN, NAN), FEATURES)
    assert left_in(store) == []
    store.write(store.path("ab" * 16, NAN, NAN), FEATURES)


def test_fingerprints_that_cannot_grow(store: FeatureStore, tmp_path: Path, small_disk: SmallDisk) -> None:
    (tmp_path / "a").write_bytes(b"one")
    with small_disk(100), pytest.raises(UserError, match="cannot write features to"):
        store.contents(tmp_path / "a")
    assert store.contents(tmp_path / "a").audio is None


def test_interrupted_writing_leaves_nothing(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(file: object, features: object) -> None:
        file.write(b"half of it")  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "save", save)
    with pytest.raises(KeyboardInterrupt):
        store.write(store.path("ab" * 16, NAN, NAN), FEATURES)
    assert left_in(store) == []


def test_cache_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"cannot write features to .*; .*--cache"):
            FeatureStore(cache, SpectrogramSettings())


def test_damaged_fingerprints(tmp_path: Path) -> None:
    (tmp_path / "fingerprints.sqlite").write_text("not a database, but long enough to be looked at" * 30)
    with pytest.raises(UserError, match="not a database"):
        FeatureStore(tmp_path, SpectrogramSettings())


def test_default_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIDAN_CACHE", str(tmp_path / "elsewhere"))
    assert default_cache() == tmp_path / "elsewhere"
    monkeypatch.delenv("DIDAN_CACHE")
    assert default_cache().name == "didan"


def test_a_renamed_file_of_equal_size_and_time_is_read_again(store: FeatureStore, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 1000)
        os.utime(tmp_path / name, (0, 0))
    before = [store.contents(tmp_path / name).file for name in "ab"]
    (tmp_path / "a").rename(tmp_path / "c")
    (tmp_path / "b").rename(tmp_path / "a")
    (tmp_path / "c").rename(tmp_path / "b")
    assert [store.contents(tmp_path / name).file for name in "ba"] == before


def test_another_file_of_equal_size_and_time_is_read_again(store: FeatureStore, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a" * 1000)
    os.utime(tmp_path / "a", (0, 0))
    before = store.contents(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"b" * 1000)
    os.utime(tmp_path / "a", (0, 0))
    assert store.contents(tmp_path / "a") != before


@pytest.mark.parametrize("kept", [0, 10, 128, 200])
def test_an_entry_that_is_cut_off_is_none(store: FeatureStore, kept: int) -> None:
    path = store.path("ab" * 16, float("nan"), float("nan"))
    store.write(path, np.ones((3, 64), np.float32))
    assert store.holds(path)
    path.write_bytes(path.read_bytes()[:kept])
    assert not store.holds(path)
    assert not store.holds(path.with_name("gone.npy"))


def test_without_a_home_the_cache_is_temporary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache in ("~/.cache/didan", str(tmp_path / "file" / "didan")):
        monkeypatch.delenv("DIDAN_CACHE")
        monkeypatch.setattr("platformdirs.user_cache_dir", lambda _, cache=cache: cache)
        with pytest.warns(DidanWarning, match="name a folder with --cache or DIDAN_CACHE"):
            temporary = default_cache()
        assert temporary.is_dir()
        assert default_cache() == temporary  # the same all the time, and said once
        assert not Path(cache).exists()
        monkeypatch.setenv("DIDAN_CACHE", str(tmp_path / "named"))
        assert default_cache() == tmp_path / "named"
