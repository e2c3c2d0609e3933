import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest

from didan.corpora.audformat_database import read_audformat_database
from didan.errors import UserError

audformat = pytest.importorskip("audformat")


def build(folder: Path, *, segmented: bool = False, column: str = "emotion", speakers: bool = True) -> Path:
    """Three files; emotions in one table, speakers in another, as the published databases have it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # audformat's own use of pandas
        database = audformat.Database("tiny", languages=["deu"])
        files = audformat.filewise_index(["a.wav", "b.wav", "c.wav"])
        if speakers:
            database.schemes["speaker"] = audformat.Scheme(labels=["s1", "s2"])
            database["files"] = audformat.Table(files)
            database["files"]["speaker"] = audformat.Column(scheme_id="speaker")
            database["files"]["speaker"].set(["s1", "s2", "s1"])
        index = files
        if segmented:
            index = audformat.segmented_index(
                ["a.wav", "a.wav", "b.wav"], ["0s", "1s", "0s"], ["1s", "2.5s", pd.NaT]
            )
        database["labels"] = audformat.Table(index)
        database["labels"][column] = audformat.Column()
        database["labels"][column].set(["anger", "joy", "laughter"])
        database.save(str(folder))
    for name in "abc":
        (folder / f"{name}.wav").touch()
    return folder


def test_filewise(tmp_path: Path) -> None:
    corpus = read_audformat_database(build(tmp_path), {"laughter": "happiness"})
    assert (corpus.name, corpus.language) == ("tiny", "deu")
    assert corpus.table["file"].tolist() == [str(tmp_path / f"{name}.wav") for name in "abc"]
    assert corpus.table["emotion"].tolist() == ["anger", "happiness", "happiness"]
    assert corpus.table["speaker"].tolist() == ["s1", "s2", "s1"]
    assert corpus.table["end"].isna().all()


def test_segmented(tmp_path: Path) -> None:
    corpus = read_audformat_database(build(tmp_path, segmented=True), {"laughter": "-"})
    assert [Path(file).name for file in corpus.table["file"]] == ["a.wav", "a.wav"]
    assert corpus.table["start"].tolist() == [0.0, 1.0]
    assert corpus.table["end"].tolist() == [1.0, 2.5]
    assert corpus.table["speaker"].tolist() == ["s1", "s1"]


def test_without_speakers(tmp_path: Path) -> None:
    corpus = read_audformat_database(build(tmp_path, speakers=False), {"laughter": "-"})
    assert corpus.table["speaker"].isna().all()


def test_without_emotions(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no column 'emotion': did you mean 'emotions'"):
        read_audformat_database(build(tmp_path, column="emotions"))


def test_unknown_label(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown emotion 'laughter'"):
        read_audformat_database(build(tmp_path))


def test_missing_audio(tmp_path: Path) -> None:
    (build(tmp_path) / "b.wav").unlink()
    with pytest.raises(UserError, match=r"1 of 3 files do not exist \(first: .*b.wav"):
        read_audformat_database(tmp_path)


def test_no_database(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no db\.yaml"):
        read_audformat_database(tmp_path)


@pytest.mark.parametrize("header", ["{[", "just text", "name: x\n"])
def test_broken_header(tmp_path: Path, header: str) -> None:
    (build(tmp_path) / "db.yaml").write_text(header)
    with pytest.raises(UserError) as caught:
        read_audformat_database(tmp_path)
    assert "\n" not in str(caught.value)


def test_audformat_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "db.yaml").touch()
    monkeypatch.setitem(sys.modules, "audformat", None)
    with pytest.raises(UserError, match=r"audformat, which is not installed; pip install .*\[audformat\]'"):
        read_audformat_database(tmp_path)
