from pathlib import Path, PureWindowsPath

import pytest

from didan.corpora import Corpus, Recordings, load_corpus, read_corpus, read_target
from didan.corpora.loading import looks_like
from didan.errors import DidanWarning, UserError

pytestmark = pytest.mark.filterwarnings("ignore:.*counts differ")


@pytest.fixture
def ravdess(tmp_path: Path) -> Path:
    """Two calm, one neutral and one angry utterance; nothing here opens a file, so they may be empty."""
    folder = tmp_path / "ravdess"
    folder.mkdir()
    for code, actor in (("02", "01"), ("02", "02"), ("01", "01"), ("05", "02")):
        (folder / f"03-01-{code}-01-01-01-{actor}.wav").touch()
    return folder


def test_known_corpus(ravdess: Path) -> None:
    for found in (
        load_corpus("ravdess", ravdess),
        load_corpus("RAVDESS", str(ravdess.parent)),
        read_corpus(f"ravdess={ravdess}"),
        read_target(f"ravdess={ravdess}"),
    ):
        assert isinstance(found, Corpus)
        assert found.name == "ravdess"
        assert found.emotions == ("anger", "calm", "neutral")


def test_mapping_of_a_known_corpus(ravdess: Path) -> None:
    with pytest.warns(DidanWarning, match="1 of 4 utterances left out"):
        found = read_corpus(f"ravdess={ravdess}", {"calm": "neutral", "anger": "-"})
    assert found.table["emotion"].tolist() == ["neutral"] * 3
    with pytest.warns(DidanWarning, match="ravdess has no label 'fear' to map"):
        read_corpus(f"ravdess={ravdess}", {"fear": "-"})


def test_table(ravdess: Path) -> None:
    table = ravdess / "t.csv"
    table.write_text("file,emotion\n03-01-02-01-01-01-01.wav,relaxed\n")
    found = read_corpus(str(table), {"relaxed": "calm"})
    assert (found.name, found.emotions) == ("t", ("calm",))


def test_table_without_emotions(ravdess: Path) -> None:
    table = ravdess / "t.csv"
    table.write_text("file,speaker\n03-01-02-01-01-01-01.wav,7\n")
    found = read_target(str(table))
    assert isinstance(found, Recordings)
    assert found.table["speaker"].tolist() == ["7"]
    with pytest.raises(UserError, match="no column 'emotion'"):
        read_corpus(str(table))
    assert isinstance(read_target(str(table), {"sad": "fear"}), Recordings)  # the mapping is the source's


def test_folder_of_audio(ravdess: Path) -> None:
    found = read_target(str(ravdess))
    assert isinstance(found, Recordings)
    assert found.name == "ravdess"
    assert len(found) == 4
    assert not found.has_speakers
    assert list(found.table.columns) == ["file", "start", "end", "speaker"]
    with pytest.raises(UserError, match=r"without labels; it looks like RAVDESS speech, 4 of 4.*use ravdess="):
        read_corpus(str(ravdess))


def test_folder_of_nothing_known(tmp_path: Path) -> None:
    (tmp_path / "call.wav").touch()
    with pytest.raises(UserError, match="without labels; give NAME=PATH"):
        read_corpus(str(tmp_path))


def test_folder_whose_name_has_an_equals_sign(tmp_path: Path) -> None:
    folder = tmp_path / "run=1"
    folder.mkdir()
    (folder / "call.wav").touch()
    assert len(read_target(str(folder))) == 1


def test_another_known_corpus_is_suggested(tmp_path: Path) -> None:
    angry = tmp_path / "liuchanhg" / "angry"
    angry.mkdir(parents=True)
    for file in (*(angry / f"{number}.wav" for number in range(201, 211)), tmp_path / "noise.wav"):
        file.touch()
    with pytest.raises(UserError, match=r"does not hold EmoDB.*looks like CASIA, 10 of 11.*use casia=") as caught:
        load_corpus("emodb", tmp_path)
    assert "\n" not in str(caught.value)


def test_nothing_known_asks_for_the_names_as_published(tmp_path: Path) -> None:
    (tmp_path / "noise.wav").touch()
    with pytest.raises(UserError, match=r"does not hold EmoDB.*; give the corpus' own folder") as caught:
        load_corpus("emodb", tmp_path)
    assert "looks like" not in str(caught.value)


def test_folders_of_windows_are_looked_into_and_suggested() -> None:
    files = [PureWindowsPath(r"C:\data\emo db\wav\03a01Fa.wav")]
    assert (looks_like(files, PureWindowsPath(r"C:\data\emo db")) or "").endswith(r"use emodb=C:\data\emo db")


def test_looks_like_wants_more_than_half() -> None:
    emodb, other = Path("wav/03a01Fa.wav"), Path("x.wav")
    assert looks_like([emodb, other], Path("data")) is None
    hint = looks_like([emodb, emodb, other], Path("data"))
    assert hint is not None
    assert "EmoDB, 2 of 3" in hint
    assert "emodb=data" in hint


@pytest.mark.parametrize("read", [read_corpus, read_target])
@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("ravdes=/data", "unknown corpus 'ravdes': did you mean 'ravdess'"),
        ("ravdess=/no/such/folder", "/no/such/folder does not exist"),
        ("ravdess", "say where ravdess is: ravdess=PATH"),
        ("/no/such/table.csv", "/no/such/table.csv does not exist"),
        ("nonsense", "nonsense does not exist; a folder, a table"),
        # An equals sign after the first slash, of whatever system, belongs to a path.
        ("/data/run=1/calls.csv", "/data/run=1/calls.csv does not exist"),
        (r"C:\data\run=1\calls.csv", r"C:\\data\\run=1\\calls.csv does not exist"),
        (r"ravdess=C:\no=such\folder", r"C:\\no=such\\folder does not exist"),
    ],
)
def test_mistakes(read: object, argument: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        (read_corpus if read is read_corpus else read_target)(argument)


def test_audio_file_is_no_corpus(ravdess: Path) -> None:
    with pytest.raises(UserError, match="is not a table"):
        read_target(str(ravdess / "03-01-02-01-01-01-01.wav"))
