from pathlib import Path

import pytest

from didan.errors import DidanWarning, UserError
from didan.features import default_cache


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
