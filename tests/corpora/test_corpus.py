import pandas as pd
import pytest

from didan.corpora import Corpus, Recordings
from didan.errors import UserError

NAN = float("nan")


@pytest.fixture
def corpus() -> Corpus:
    table = pd.DataFrame(
        {
            "file": ["/a.wav", "/b.wav", "/c.wav", "/d.wav"],
            "start": [NAN, 0.5, NAN, NAN],
            "end": [NAN, 1.5, NAN, NAN],
            "speaker": ["x", "y", "x", "z"],
            "emotion": ["sadness", "anger", "fear", "anger"],
            "arousal": [1, 2, 3, 4],
        }
    )
    return Corpus("calls", table, "Dutch", ("a remark",))


def test_emotions_are_in_alphabetical_order(corpus: Corpus) -> None:
    assert corpus.emotions == ("anger", "fear", "sadness")
    assert len(corpus) == 4


def test_without_labels_nothing_is_left_that_could_hold_one(corpus: Corpus) -> None:
    recordings = corpus.unlabelled()
    assert recordings.name == "calls"
    assert list(recordings.table.columns) == ["file", "start", "end", "speaker"]
    pd.testing.assert_frame_equal(recordings.table, corpus.table.drop(columns=["emotion", "arousal"]))
    assert not hasattr(recordings, "emotions")


def test_recordings_are_a_copy(corpus: Corpus) -> None:
    recordings = corpus.unlabelled()
    recordings.table["speaker"] = "somebody else"
    assert corpus.table["speaker"].tolist() == ["x", "y", "x", "z"]


def test_recordings_refuse_labels(corpus: Corpus) -> None:
    with pytest.raises(ValueError, match="no emotion column"):
        Recordings("calls", corpus.table)


def test_stripped_recordings_keep_no_column_of_the_user(corpus: Corpus) -> None:
    stripped = Recordings("calls", corpus.table.drop(columns="emotion")).stripped()
    pd.testing.assert_frame_equal(stripped.table, corpus.unlabelled().table)


@pytest.mark.parametrize(("speakers", "known"), [(["x", "y"], True), (["x", NAN], False), ([NAN, NAN], False)])
def test_speakers_are_known_or_not(speakers: list[object], known: bool) -> None:
    table = pd.DataFrame({"file": ["/a.wav", "/b.wav"], "start": NAN, "end": NAN, "speaker": speakers})
    assert Recordings("r", table).has_speakers is known


def test_only_some_emotions(corpus: Corpus) -> None:
    kept = corpus.only(("anger", "boredom"))
    assert kept.table["file"].tolist() == ["/b.wav", "/d.wav"]
    assert kept.table.index.tolist() == [0, 1]
    assert (kept.name, kept.language, kept.notes) == ("calls", "Dutch", ("a remark",))
    assert len(corpus) == 4


def test_none_of_the_emotions(corpus: Corpus) -> None:
    with pytest.raises(UserError, match=r"calls has no .*boredom, calm \(it has anger, fear, sadness\)"):
        corpus.only(("boredom", "calm"))
