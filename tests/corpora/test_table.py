import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from didan.corpora import Corpus, Recordings
from didan.corpora.corpus import UNLABELLED
from didan.corpora.table import read_table
from didan.errors import DidanWarning, UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "wav").mkdir()
    for name in "abc":
        (tmp_path / "wav" / f"{name}.wav").touch()
    return tmp_path


def write(folder: Path, text: str, name: str = "calls.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def corpus(path: Path, mapping: dict[str, str] | None = None) -> Corpus:
    calls = read_table(path, mapping)
    assert isinstance(calls, Corpus)
    return calls


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_columns(folder: Path, separator: str, mark: str) -> None:
    text = "file,emotion,speaker,start,end,note\nwav/a.wav,Angry,03,0.5,1.25,x\nwav/../wav/b.wav,joy,NA,,,y\n"
    calls = corpus(write(folder, mark + text.replace(",", separator)))
    assert calls.name == "calls"
    table = calls.table
    assert list(table.columns) == ["file", "start", "end", "speaker", "emotion", "note"]
    assert table["file"].tolist() == [str(folder / "wav/a.wav"), str(folder / "wav/b.wav")]
    assert table["emotion"].tolist() == ["anger", "happiness"]
    assert table["speaker"].tolist() == ["03", "NA"]
    assert (table["start"][0], table["end"][0]) == (0.5, 1.25)
    assert table.loc[1, ["start", "end"]].isna().all()
    assert table["note"].tolist() == ["x", "y"]


def test_files_are_found_from_elsewhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "file,emotion\nwav/a.wav,sad\n", "t.tsv")
    monkeypatch.chdir(folder.parent)
    calls = corpus(Path(folder.name, "t.tsv"))
    assert calls.table["file"].tolist() == [str(folder / "wav/a.wav")]


def test_absolute_files(folder: Path) -> None:
    calls = corpus(write(folder, f"file,emotion\n{folder}/wav/a.wav,sad\n"))
    assert calls.table["file"].tolist() == [str(folder / "wav/a.wav")]


@pytest.mark.parametrize("written", [r"wav\a.wav", r".\wav\a.wav", r"wav\..\wav\a.wav", r"wav/..\wav\a.wav"])
def test_paths_that_were_written_on_windows(folder: Path, written: str) -> None:
    calls = corpus(write(folder, f"file,emotion\n{written},sad\nwav/b.wav,sad\n"))
    assert calls.table["file"].tolist() == [str(folder / "wav/a.wav"), str(folder / "wav/b.wav")]


@pytest.mark.skipif(sys.platform == "win32", reason="no name has a backslash there")
def test_a_backslash_may_be_part_of_a_name(folder: Path) -> None:
    (folder / r"wav\a.wav").touch()
    calls = corpus(write(folder, "file,emotion\nwav\\a.wav,sad\n"))
    assert calls.table["file"].tolist() == [str(folder / r"wav\a.wav")]


@pytest.mark.parametrize("written", [r"D:\wav\a.wav", r"\\server\wav\a.wav", r"wav\z.wav"])
def test_what_is_missing_is_called_as_the_table_has_it(folder: Path, written: str) -> None:
    with pytest.raises(UserError, match=re.escape(written)):
        read_table(write(folder, f"file,emotion\n{written},sad\n"))


def test_no_speakers(folder: Path) -> None:
    calls = corpus(write(folder, "file,emotion\nwav/a.wav,sad\n"))
    assert calls.table["speaker"].isna().all()
    assert not calls.unlabelled().has_speakers


def test_without_emotions_there_are_recordings(folder: Path) -> None:
    recordings = read_table(write(folder, "file,label,speaker,session\nwav/a.wav,sad,03,am\n"))
    assert isinstance(recordings, Recordings)
    # Utterances may be grouped by one of the user's columns.
    assert list(recordings.table.columns) == ["file", "start", "end", "speaker", "label", "session"]
    assert recordings.grouped("session").groups.tolist() == ["am"]
    # Training takes them away: any could be the emotion by another name.
    assert list(recordings.grouped("session").unlabelled().table.columns) == [*UNLABELLED, "group"]
    assert list(recordings.unlabelled().table.columns) == list(UNLABELLED)


@pytest.mark.parametrize(
    ("speakers", "names"), [([3, 12], ["3", "12"]), ([3.0, None], ["3", None]), (["03", " x "], ["03", "x"])]
)
def test_parquet(folder: Path, speakers: list[object], names: list[str | None]) -> None:
    table = pd.DataFrame({"file": ["wav/a.wav", "wav/b.wav"], "emotion": ["sad", "fear"], "speaker": speakers})
    table.astype({"emotion": "category"}).to_parquet(folder / "calls.PARQUET")
    calls = corpus(folder / "calls.PARQUET")
    assert [None if pd.isna(name) else name for name in calls.table["speaker"]] == names
    assert calls.table["emotion"].tolist() == ["sadness", "fear"]


def test_parquet_without_pyarrow(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "calls.parquet").touch()
    for module in ("pyarrow", "pyarrow.parquet"):  # which another test may have imported
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r"pyarrow, which is not installed; pip install .*\[tables\]'"):
        read_table(folder / "calls.parquet")


def test_mapping(folder: Path) -> None:
    text = "file,emotion\nwav/a.wav,frustrated\nwav/b.wav,calm\nwav/c.wav,laughter\n"
    calls = corpus(write(folder, text), {"Frustrated": "anger", "laughter": "-"})
    assert calls.table["emotion"].tolist() == ["anger", "calm"]
    assert calls.table.index.tolist() == [0, 1]
    assert any("1 of 3" in note and "laughter" in note for note in calls.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("file,emotion\n", "has no rows"),
        ("fil,emotion\nwav/a.wav,sad\n", "no column 'file': did you mean 'fil'"),
        ("name,path\nx,wav/a.wav\n", "no column 'file': known: name, path"),
        (
            "file,emotion\nwav/x.wav,sad\nwav/y.wav,sad\nwav/a.wav,sad\n",
            r"2 of 3 files do not exist \(first: .*x.wav",
        ),
        ("file,emotion\n,sad\n", "row 1: has no file"),
        ("file,emotion\nwav/a.wav,sad\nwav/b.wav,meh\n", r"row 2 \(.*b.wav\): unknown emotion 'meh'.*--map"),
        ("file,emotion\nwav/a.wav,sad\nwav/b.wav,\n", r"row 2 \(.*b.wav\): has no emotion"),
        ("file,emotion,start\nwav/a.wav,sad,soon\n", "row 1: start is 'soon'"),
        ("file,emotion,start\nwav/a.wav,sad,-1\n", "row 1: start is '-1'"),
        ("file,emotion,start,end\nwav/a.wav,sad,2,1\n", r"row 1: ends at 1 s, before it starts \(2 s\)"),
        ("file,emotion\nwav/a.wav,sad,1\n", "more fields than its header"),
        ("file,emotion\nwav/a.wav,sad\nwav/b.wav,sad,1\n", "not a table that can be read"),
    ],
)
def test_mistakes(folder: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_table(write(folder, text))
    assert "calls.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["calls.csv", "calls.parquet"])
def test_not_a_table(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\xff\xfe\x00\x81" * 20)
    with pytest.raises(UserError, match="is not a"):
        read_table(folder / name)


def test_not_there_or_no_table(folder: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        read_table(folder / "calls.csv")
    with pytest.raises(UserError, match="is a folder"):
        read_table(folder)
    with pytest.raises(UserError, match=r"its name ends in none of \.csv"):
        read_table(folder / "wav" / "a.wav")


def test_mapping_that_leaves_nothing(folder: Path) -> None:
    with pytest.raises(UserError, match="leaves every utterance out"):
        read_table(write(folder, "file,emotion\nwav/a.wav,sad\n"), {"sad": "-"})


def test_mapping_of_a_label_that_does_not_occur_is_noted(folder: Path) -> None:
    calls = read_table(write(folder, "file,emotion\nwav/a.wav,sad\n"), {"sat": "anger"})
    assert isinstance(calls, Corpus)
    assert any("no label 'sat' to map: did you mean 'sad'" in note for note in calls.notes)


def test_columns_but_for_case_and_blanks_are_recognised_and_said(folder: Path) -> None:
    path = write(folder, "File , Emotion,SPEAKER,Session\nwav/a.wav,sad,03,x\n")
    with pytest.warns(DidanWarning, match="takes column 'File ' as 'file'") as caught:
        calls = corpus(path)
    assert "column 'SPEAKER' as 'speaker'" in str(caught[0].message)
    assert list(calls.table.columns) == ["file", "start", "end", "speaker", "emotion", "Session"]
    assert calls.table["speaker"].tolist() == ["03"]
    exact = corpus(write(folder, "file,emotion,Emotion\nwav/a.wav,sad,angry\n"))
    assert exact.table["emotion"].tolist() == ["sadness"]
    assert exact.table["Emotion"].tolist() == ["angry"]
    with pytest.raises(UserError, match="several columns for one: 'Emotion', 'EMOTION'"):
        read_table(write(folder, "file,Emotion,EMOTION\nwav/a.wav,sad,angry\n"))


@pytest.mark.parametrize("spelled", ["nan", "NaN", "None", "unknown", "Unknown ", "NULL", "?", ""])
def test_speakers_that_are_spelled_out_as_unknown(folder: Path, spelled: str) -> None:
    path = write(folder, f"file,emotion,speaker\nwav/a.wav,sad,{spelled}\nwav/b.wav,sad,NA\n")
    if spelled:
        with pytest.warns(DidanWarning, match=f"speaker '{re.escape(spelled.strip())}', in 1 rows, is taken for"):
            calls = corpus(path)
    else:
        calls = corpus(path)
    assert calls.table["speaker"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    "second", ["wav/a.wav,angry", "wav/../wav/a.wav,angry", "./wav/a.wav,Anger", "{folder}/wav/a.wav,rage"]
)
def test_two_emotions_of_one_utterance_are_refused(folder: Path, second: str) -> None:
    path = write(folder, f"file,emotion\nwav/b.wav,sad\nwav/a.wav,sad\n{second.format(folder=folder)}\n")
    with pytest.raises(UserError, match=r"a\.wav is sadness in row 2 and anger in row 3"):
        read_table(path)
    assert len(corpus(path, {"angry": "-", "anger": "-", "rage": "-"})) == 2
    assert len(corpus(path, {"angry": "sadness", "anger": "sadness", "rage": "sadness"})) == 3


def test_two_parts_of_a_file_may_differ(folder: Path) -> None:
    text = "file,emotion,start,end\nwav/a.wav,sad,0,1\nwav/a.wav,angry,1,2\nwav/a.wav,Sad,0,1\n"
    assert len(corpus(write(folder, text))) == 3
    with pytest.raises(UserError, match=r"sadness in row 1 and fear in row 3"):
        read_table(write(folder, text.replace("Sad", "fear")))
