import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from didan.audio import Utterance
from didan.errors import DidanWarning, UserError
from didan.features import FeatureStore, FunctionalsSettings, default_cache
from didan.features import cache as lookups
from didan.features.cache import database


def test_default_cache_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DIDAN_CACHE", str(tmp_path / "elsewhere"))
    assert default_cache() == tmp_path / "elsewhere"
    monkeypatch.delenv("DIDAN_CACHE")
    assert default_cache().name == "didan"


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


def test_with_neither_a_home_nor_a_temporary_folder_one_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delenv("DIDAN_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: str(tmp_path / "file" / "nowhere"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    with pytest.raises(UserError, match=r"cannot write features to .*file.*--cache"):
        default_cache()


def test_to_look_one_utterance_up_costs_the_same_however_much_is_stored(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*arguments, **options)
        connection.set_progress_handler(count, 1)  # every instruction of SQLite's machine
        return connection

    utterance = Utterance(tmp_path / "a.wav", np.nan, np.nan)
    soundfile.write(utterance.file, np.zeros(1600), 16_000)
    store = FeatureStore(tmp_path / "cache", FunctionalsSettings())
    taken = []
    for stored in (10, 20_000):
        with database(store.folder / "index.sqlite") as index:
            rows = ((f"{stored}-{row}", 1, row, 1, 1, 0) for row in range(stored))
            index.executemany("INSERT INTO features VALUES (?, ?, ?, ?, ?, ?)", rows)
        with database(tmp_path / "cache" / "fingerprints.sqlite") as known:
            names = [f"{stored}-{row}" for row in range(stored)]
            known.executemany("INSERT INTO files VALUES (?, 0, '', '')", ((name,) for name in names))
            known.executemany("INSERT INTO audio VALUES (?, '')", ((name,) for name in names))
        store.fingerprints.contents_of(utterance)
        with monkeypatch.context() as patched:
            patched.setattr(lookups, "sqlite3", type("counted", (), {"connect": connect, "Error": sqlite3.Error}))
            steps = 0
            store.fingerprints.contents_of(utterance)
            store.find(["none"])
        taken.append(steps)
    assert taken[0] > 10
    assert taken[1] < 2 * taken[0]
