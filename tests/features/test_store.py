import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from didan.errors import UserError
from didan.features import FeatureStore, SpectrogramSettings
from didan.features.store import _values
from didan.typing import Features

FEATURES = np.arange(64 * 200, dtype=np.float32).reshape(200, 64)

SmallDisk = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return open_store(tmp_path)


def open_store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path / "cache", SpectrogramSettings())


def shards(store: FeatureStore) -> list[Path]:
    return sorted(store.folder.glob("*.f32"))


def some(*numbers: int) -> dict[str, Features]:
    """Features of several lengths, by name."""
    return {str(number): FEATURES[: number + 1] + number for number in numbers}


def assert_holds(store: FeatureStore, *numbers: int) -> None:
    """The store finds these, as they were, and no others."""
    places = store.find([str(number) for number in range(100)])
    assert sorted(places) == sorted(map(str, numbers))
    stored = store.read(list(places.values()))
    for index, name in enumerate(places):
        np.testing.assert_array_equal(stored[index], some(int(name))[name])


def test_what_is_written_is_found_and_read_again(store: FeatureStore, tmp_path: Path) -> None:
    places = store.write(some(1, 2, 3))
    assert store.find(["3", "1", "none"]) == {name: places[name] for name in "13"}
    for one in (store, open_store(tmp_path)):
        assert_holds(one, 1, 2, 3)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(1, 5).flatmap(lambda n: arrays(np.float32, (n, 3)))), max_size=12
    )
)
def test_whatever_is_written_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, written: list[tuple[int, Features]]
) -> None:
    store = open_store(tmp_path_factory.mktemp("store"))
    expected: dict[str, Features] = {}
    for number, features in written:
        store.write({str(number): features})
        expected.setdefault(str(number), features)  # features of a name are what they are
    places = store.find(list(expected))
    stored = store.read([places[name] for name in expected])
    for index, features in enumerate(expected.values()):
        np.testing.assert_array_equal(stored[index], features)
    assert len(shards(store)) <= 1


def test_other_settings_never_share_a_folder(tmp_path: Path) -> None:
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
    assert len({store.folder for store in stores}) == len(changes)
    assert FeatureStore(tmp_path, SpectrogramSettings()).folder == stores[0].folder


def test_features_are_in_one_file_until_it_is_full(store: FeatureStore, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(10):
        store.write(some(number))
    assert len(shards(store)) == 1
    monkeypatch.setattr("didan.features.store.SHARD_BYTES", shards(store)[0].stat().st_size + 1)
    for number in range(10, 14):
        store.write(some(number))
    assert len(shards(store)) == 2
    assert_holds(store, *range(14))


def test_who_appends_puts_on_disk_what_waits_even_after_an_error(store: FeatureStore) -> None:
    def interrupted() -> None:
        with store.appending() as appending:
            for name, features in some(1, 2).items():
                appending.add(name, features)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert_holds(store, 1, 2)


def test_two_that_append_at_once_have_shards_of_their_own(store: FeatureStore, tmp_path: Path) -> None:
    other = open_store(tmp_path)
    store.write(some(1))
    with store._open() as (own, _), other._open() as (second, _):
        assert own != second
        third = open_store(tmp_path).write(some(3))["3"]
        assert third.shard not in (own, second)
    other.write(some(2))
    assert_holds(store, 1, 2, 3)


def flip(file: Path, byte: int) -> None:
    """Damage a file as a bad disk does: its size stays."""
    content = bytearray(file.read_bytes())
    content[byte] ^= 0xFF
    file.write_bytes(content)


def test_what_is_damaged_is_not_there_and_the_rest_is(store: FeatureStore, tmp_path: Path) -> None:
    places = store.write(some(*range(5)))
    flip(shards(store)[0], 4 * places["3"].first + 10)
    assert_holds(store, 0, 1, 2, 4)
    store.write(some(3))
    assert_holds(open_store(tmp_path), *range(5))


@pytest.mark.parametrize("kept", [0, 1, 100, 1000])
def test_a_shard_that_is_cut_off(store: FeatureStore, kept: int) -> None:
    places = store.write(some(*range(5)))
    file = shards(store)[0]
    file.write_bytes(file.read_bytes()[:kept])
    whole = [n for n in range(5) if 4 * (places[str(n)].first + places[str(n)].frames * 64) <= kept]
    assert_holds(store, *whole)
    store.write(some(*range(5)))
    assert_holds(store, *range(5))


def test_a_shard_that_is_gone(store: FeatureStore) -> None:
    store.write(some(1, 2))
    shards(store)[0].unlink()
    assert_holds(store)
    store.write(some(1, 2))
    assert_holds(store, 1, 2)


def test_a_shard_is_compared_with_its_checksums_only_if_it_changed(store: FeatureStore) -> None:
    store.write(some(1, 2))
    with mock.patch("didan.features.store._values", wraps=_values) as read:
        store.find(["1"])
        assert read.call_count == 0
        os.utime(shards(store)[0], (0, 0))  # as a copy to another disk has it
        for _ in range(2):
            assert sorted(store.find(["1", "2"])) == ["1", "2"]
            assert read.call_count == 1


KILLED = """
import os, signal, sys
from pathlib import Path
import numpy as np
from didan.features import FeatureStore, SpectrogramSettings, store
made = FeatureStore(Path(sys.argv[1]), SpectrogramSettings())
made.write({"1": np.arange(64 * 200, dtype=np.float32).reshape(200, 64)[:2] + 1})
append = store._append
def killed(*a):  # between what is on disk and what is in the index
    append(*a)
    os.kill(os.getpid(), signal.SIGKILL)
store._append = killed
made.write({"2": np.ones((200, 64), np.float32)})
"""


def test_what_a_killed_process_left_is_nowhere_and_is_cut_off(store: FeatureStore, tmp_path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "cache")], check=False).returncode == -9
    (shard,) = shards(store)
    assert shard.stat().st_size == 4 * 64 * (2 + 200)
    assert_holds(store, 1)
    store.write(some(3))
    assert shard.stat().st_size == 4 * 64 * (2 + 4)
    assert_holds(store, 1, 3)
    assert len(shards(store)) == 1


MANY = """
import sys
from pathlib import Path
import numpy as np
from didan.features import FeatureStore, SpectrogramSettings
store = FeatureStore(Path(sys.argv[1]), SpectrogramSettings())
for number in range(100):
    store.write({str(number): np.arange(64 * 200, dtype=np.float32).reshape(200, 64)[: number + 1] + number})
    if number == 10:
        print("ten", flush=True)
"""


def test_processes_write_at_once_and_one_is_killed(store: FeatureStore, tmp_path: Path) -> None:
    command = [sys.executable, "-c", MANY, str(tmp_path / "cache")]
    with (
        subprocess.Popen(command) as one,
        subprocess.Popen(command) as other,
        subprocess.Popen(command, stdout=subprocess.PIPE) as killed,
    ):
        assert killed.stdout is not None
        killed.stdout.readline()
        killed.kill()
        assert (one.wait(60), other.wait(60)) == (0, 0)
    assert_holds(store, *range(100))
    assert len(shards(store)) <= 3
    assert {path.suffix for path in store.folder.iterdir()} <= {".f32", ".sqlite", ".lock"}


def test_full_disk_leaves_nothing(store: FeatureStore, small_disk: SmallDisk) -> None:
    store.write(some(1))
    size = shards(store)[0].stat().st_size
    with (
        small_disk(40_000),
        pytest.raises(UserError, match=r"cannot write features to .*\(file too large\); .*--cache"),
    ):
        store.write({"all": FEATURES})
    assert shards(store)[0].stat().st_size == size
    assert_holds(store, 1)
    store.write(some(2))
    assert_holds(store, 1, 2)


def test_cache_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=r"cannot write features to .*; .*--cache"):
            FeatureStore(cache, SpectrogramSettings())


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """While it lasts, nobody may change a folder, and we are nobody in particular."""
    root = os.geteuid() == 0
    above = [
        above for above in folder.parents if root and above.stat().st_uid == 0 and above.stat().st_mode & 1 == 0
    ]
    inside = [folder, *folder.rglob("*")]
    modes = {path: path.stat().st_mode for path in (*above, *inside)}
    for path in above:
        path.chmod(modes[path] | 0o111)
    for path in inside:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        if root:
            os.seteuid(65534)
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)


@pytest.mark.skipif(sys.platform == "win32", reason="folders are not read-only there")
def test_a_cache_that_can_only_be_read(store: FeatureStore, tmp_path: Path) -> None:
    store.write(some(1, 2))
    with read_only(tmp_path / "cache"):
        for one in (store, open_store(tmp_path)):
            assert_holds(one, 1, 2)
            with pytest.raises(UserError, match=r"cannot write features to .*; .*--cache"):
                one.write(some(3))
    store.write(some(3))
    assert_holds(store, 1, 2, 3)


def test_a_million_names_are_looked_up_in_seconds(store: FeatureStore) -> None:
    store.write({str(number): FEATURES[:1] for number in range(2000)})
    begun = time.perf_counter()
    assert len(store.find([str(number) for number in range(100_000)])) == 2000
    assert time.perf_counter() - begun < 5


def test_a_shard_is_mapped_once_however_often_it_is_read(store: FeatureStore) -> None:
    """There is room for some thousands of mappings; the segments of each utterance are read by themselves."""

    def mappings() -> int:
        return Path("/proc/self/maps").read_text().count(str(store.folder))

    places = store.write(some(0, 1, 2))
    held = [store.read([place]) for _ in range(50) for place in places.values()]
    assert mappings() == 1
    more = store.write(some(3))
    held.append(store.read(list(more.values())))  # the shard has grown
    assert_holds(store, 0, 1, 2, 3)
    assert mappings() == 1
    again = pickle.loads(pickle.dumps(store))
    assert len(pickle.dumps(store)) < 1000
    np.testing.assert_array_equal(again.read(list(more.values()))[0], held[-1][0])


def test_a_shard_that_is_cut_off_while_it_is_opened_is_read(
    store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes have made the same; the next that appends cuts off what is there twice."""
    places = store.write(some(2))
    sizes = iter([4096 * 64, shards(store)[0].stat().st_size])
    monkeypatch.setattr("didan.features.store._size", lambda file: next(sizes))
    np.testing.assert_array_equal(store.read(list(places.values()))[0], some(2)["2"])
