"""What is found in a folder, and what is said of the rest."""

import os
from pathlib import Path

import pytest

from didan.audio import AUDIO_SUFFIXES, find_audio
from didan.errors import AudioError, UserError
from helpers import lock


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def found(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in find_audio(folder)]


def test_every_suffix_in_any_case(tmp_path: Path) -> None:
    names = [f"a{suffix}" for suffix in sorted(AUDIO_SUFFIXES)] + ["B.WAV", "c.M4A"]
    touch(tmp_path, *names, "notes.txt", "wav")
    assert sorted(found(tmp_path)) == sorted(names)


def test_what_is_passed_over_is_counted_in_one_line(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "x/b.txt", "x/c.TXT", "d.pdf", "README", ".hidden.txt")
    remarks: list[str] = []
    find_audio(tmp_path, on_passed_over=remarks.append)
    (remark,) = remarks
    assert "4 of 5 files" in remark
    assert "(.txt 2, .pdf 1, no suffix 1)" in remark or "(.txt 2, no suffix 1, .pdf 1)" in remark
    touch(tmp_path, "y/e.mp3")
    remarks.clear()
    find_audio(tmp_path / "y", on_passed_over=remarks.append)
    assert not remarks


def test_linked_folders_and_files_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "in/jan.wav", "elsewhere/feb.wav", "other/mar.wav")
    (tmp_path / "in/february").symlink_to("../elsewhere")
    (tmp_path / "in/again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in/loop").symlink_to(tmp_path / "in")
    (tmp_path / "elsewhere/back").symlink_to(tmp_path / "in")
    (tmp_path / "in/march.wav").symlink_to("../other/mar.wav")
    assert [Path(name).name for name in found(tmp_path / "in")] == ["feb.wav", "jan.wav", "march.wav"]


def test_a_link_that_leads_nowhere_is_named_when_it_is_read(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav")
    (tmp_path / "b.wav").symlink_to("gone.wav")
    assert found(tmp_path) == ["a.wav", "b.wav"]


def test_what_is_no_file_is_no_recording(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "b.wav/c.wav")
    os.mkfifo(tmp_path / "pipe.wav")
    assert found(tmp_path) == ["a.wav", "b.wav/c.wav"]


def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "a.wav", "locked/b.wav")
    lock(monkeypatch, "locked")
    damaged: list[AudioError] = []
    assert find_audio(tmp_path, damaged.append) == [tmp_path / "a.wav"]
    assert [str(error) for error in damaged] == [f"{tmp_path / 'locked'}: permission denied"]
    with pytest.raises(UserError, match="permission denied"):
        find_audio(tmp_path)
