from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import soundfile

from didan.audio import read_audio
from didan.corpora.corpus import Corpus
from didan.errors import UserError
from didan.synthesis import make_corpus, style, synthesise, writer

TINY = replace(style("alpha"), syllables=2.0, silence=0.05)


def make(folder: Path, **changes: Any) -> Corpus:
    options: dict[str, Any] = {
        "n_speakers": 2,
        "n_per_emotion": 2,
        "emotions": ("anger", "sadness"),
        "seed": 3,
    }
    return make_corpus(folder, TINY, **(options | changes))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_files_and_table(tmp_path: Path) -> None:
    corpus = make(tmp_path / "deep" / "corpus")
    assert (corpus.name, len(corpus), corpus.emotions) == ("alpha", 8, ("anger", "sadness"))
    assert list(corpus.table.columns) == ["file", "start", "end", "speaker", "emotion"]
    assert corpus.table[["start", "end"]].isna().all(axis=None)
    assert corpus.table["speaker"].unique().tolist() == ["alpha-01", "alpha-02"]
    assert corpus.unlabelled().has_speakers
    for file in corpus.table["file"]:
        info = soundfile.info(file)
        assert Path(file).is_absolute()
        assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")
        assert 0.3 < len(read_audio(file)) / 16_000 < 1.5
    table = pd.read_csv(tmp_path / "deep" / "corpus" / "corpus.csv")
    assert list(table.columns) == ["file", "emotion", "speaker"]
    assert table["file"][0] == "alpha-01/anger_001.wav"
    assert [str(tmp_path / "deep" / "corpus" / file) for file in table["file"]] == corpus.table["file"].tolist()


def test_the_same_arguments_give_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    for name, seed in (("one", 3), ("two", 3), ("three", 4)):
        make(tmp_path / name, seed=seed)
    one, two, three = (contents(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert len(set(one.values())) == 9
    assert not {one[name] for name in one if name.endswith(".wav")} & set(three.values())


def test_a_larger_corpus_contains_the_smaller_one(tmp_path: Path) -> None:
    make(tmp_path / "small")
    make(tmp_path / "large", n_speakers=3, n_per_emotion=3, emotions=("fear", "sadness", "anger"))
    small, large = contents(tmp_path / "small"), contents(tmp_path / "large")
    del small["corpus.csv"]
    assert len(large) == 28
    assert small.items() <= large.items()


def test_an_empty_folder_is_filled_and_a_full_one_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    make(folder)
    before = contents(folder)
    with pytest.raises(UserError, match="is not empty"):
        make(folder)
    assert contents(folder) == before


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def interrupted(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(*arguments)

    original = synthesise
    monkeypatch.setattr(writer, "synthesise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"emotions": ("anger", "sad")}, "cannot synthesise the emotion 'sad'"),
        ({"emotions": ()}, "at least one emotion"),
        ({"emotions": ("anger", "anger")}, "named twice"),
        ({"n_speakers": 0}, "number of speakers is at least 1, not 0"),
        ({"n_per_emotion": 0}, "number of utterances per emotion is at least 1, not 0"),
        ({"seed": -1}, "seed is at least 0"),
    ],
)
def test_mistakes_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make(tmp_path / "corpus", **changes)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("")
    with pytest.raises(UserError, match="is a file"):
        make(tmp_path / "corpus")
