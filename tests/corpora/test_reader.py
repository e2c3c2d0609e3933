from pathlib import Path

import pytest

from didan.corpora.known import known_reader
from didan.corpora.reader import ForeignNamesError
from didan.errors import UserError

EMODB = known_reader("emodb")


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def test_any_folder_above_and_any_suffix(tmp_path: Path) -> None:
    names = [
        "03a01Fa.wav",
        "03a02Fa.FLAC",
        "03a03Fa.Mp3",
        "03a04Fa.ogg",
        "03a05Fa.m4a",
        "03a06Fa.avi",
        "03a07Fa.MP4",
    ]
    touch(tmp_path, *(f"x/emodb/wav/{name}" for name in names), "x/emodb/readme.txt", "x/emodb/wav/03a08Fa.lab")
    for folder in (tmp_path, tmp_path / "x", tmp_path / "x/emodb/wav"):
        with pytest.warns(UserWarning, match="counts differ"):
            corpus = EMODB.read(folder)
        assert [Path(file).name for file in corpus.table["file"]] == names
        assert set(corpus.table["emotion"]) == {"happiness"}
        assert set(corpus.table["speaker"]) == {"03"}
        assert corpus.table[["start", "end"]].isna().all(axis=None)
        assert (corpus.name, corpus.language) == ("emodb", "German")


def test_relative_folder_gives_absolute_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "wav/03a01Fa.wav")
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="counts differ"):
        corpus = EMODB.read(Path("wav"))
    assert corpus.table["file"].tolist() == [str(tmp_path / "wav/03a01Fa.wav")]


def test_what_does_not_fit_is_skipped_with_one_warning(tmp_path: Path) -> None:
    touch(tmp_path, "03a01Fa.wav", "noise.wav", "music.wav")
    with pytest.warns(UserWarning, match="^emodb: ") as caught:
        corpus = EMODB.read(tmp_path)
    assert len(corpus) == 1
    skipped = [str(warning.message) for warning in caught if "not named" in str(warning.message)]
    assert len(skipped) == 1
    assert "2 audio files are not named like EmoDB" in skipped[0]
    assert "music.wav" in skipped[0]
    assert [str(warning.message) for warning in caught] == list(corpus.notes)
    assert any("happiness 1 (published 71)" in note for note in corpus.notes)


def test_folder_without_any_such_name(tmp_path: Path) -> None:
    with pytest.raises(ForeignNamesError, match="does not hold EmoDB, none of its 1 audio files") as caught:
        EMODB.read(touch(tmp_path, "noise.wav"))
    assert caught.value.files == [tmp_path / "noise.wav"]


def write(folder: Path, **contents: str) -> Path:
    """Files by name, with that content."""
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


RAVDESS = known_reader("ravdess")
RAVDESS_NAMES = [f"03-01-0{emotion}-01-01-01-01.wav" for emotion in range(1, 9)]


def test_a_copy_in_a_folder_within_is_read_once(tmp_path: Path) -> None:
    for inner in ("", "audio_speech_actors_01-24/", "audio_speech_actors_01-24/again/"):
        write(tmp_path, **{f"{inner}Actor_01/{name}": name for name in RAVDESS_NAMES})
    with pytest.warns(UserWarning, match="16 files are copies of others, left out|counts differ") as caught:
        corpus = RAVDESS.read(tmp_path)
    assert corpus.table["file"].tolist() == [str(tmp_path / "Actor_01" / name) for name in RAVDESS_NAMES]
    assert [str(warning.message) for warning in caught] == list(corpus.notes)


def test_of_two_formats_the_lossless_one_is_read(tmp_path: Path) -> None:
    stem = "AudioWAV/1001_DFA_ANG_XX"
    write(tmp_path, **{f"{stem}.wav": "wav", f"{stem.replace('WAV', 'MP3')}.mp3": "mp3", f"{stem}.flac": "flac"})
    with pytest.warns(UserWarning, match="2 files are copies|counts differ"):
        corpus = known_reader("cremad").read(tmp_path)
    assert corpus.table["file"].tolist() == [str(tmp_path / f"{stem}.wav")]


def test_what_differs_is_no_copy(tmp_path: Path) -> None:
    for take in ("one", "two"):
        write(tmp_path, **{f"{take}/{name}": f"{take} {name}" for name in RAVDESS_NAMES})
    with pytest.warns(UserWarning, match="counts differ"):
        assert len(RAVDESS.read(tmp_path)) == 16


def test_a_numbered_copy_is_a_copy_and_a_numbered_recording_refused(tmp_path: Path) -> None:
    savee = known_reader("savee")
    write(tmp_path, **{"DC/a01.wav": "one", "DC/a01 (2).wav": "one", "DC/a02 (1).wav": "two"})
    with pytest.warns(UserWarning, match="1 files are copies|counts differ"):
        corpus = savee.read(tmp_path)
    assert [Path(file).name for file in corpus.table["file"]] == ["a01.wav", "a02 (1).wav"]
    write(tmp_path, **{"DC/a01 (2).wav": "of somebody else"})
    with pytest.raises(UserError, match="different recordings under one name"):
        savee.read(tmp_path)
    write(tmp_path / "all", **{"DC/h01 (1).wav": "one", "DC/h01 (2).wav": "two"})
    with pytest.raises(UserError, match="different recordings under one name"):
        savee.read(tmp_path / "all")
