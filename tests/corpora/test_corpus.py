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
    stripped = Recordings("calls", corpus.table.drop(columns="emotion")).unlabelled()
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


def groups(grouped: Corpus | Recordings) -> list[object]:
    return [None if pd.isna(group) else group for group in grouped.groups]


def both(corpus: Corpus) -> tuple[Corpus, Recordings]:
    """The corpus, and the same utterances without labels but with the user's columns."""
    return corpus, Recordings("calls", corpus.table.drop(columns="emotion"))


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("speaker", ["x", "y", "x", None]),
        ("file", ["/one/a.wav", "/one/a.wav", "/two/a.wav", "/two/b.wav"]),
        ("folder", ["/one", "/one", "/two", "/two"]),
        ("none", [None] * 4),
        ("arousal", ["1", "2", "1", None]),
        ("session", ["am", "am", None, "pm"]),
    ],
)
def test_groups(corpus: Corpus, by: str, expected: list[object]) -> None:
    table = corpus.table.assign(
        file=["/one/a.wav", "/one/a.wav", "/two/a.wav", "/two/b.wav"],
        speaker=["x", "y", "x", NAN],
        arousal=pd.Series([1, 2, 1, pd.NA], dtype="Int64"),
        session=["am", "am", NAN, "pm"],
    )
    for utterances in both(Corpus("calls", table)):
        grouped = utterances.grouped(by)
        assert groups(grouped) == expected
        unlabelled = grouped.unlabelled() if isinstance(grouped, Corpus) else grouped
        assert [utterance.group for utterance in unlabelled.utterances()] == expected
        # Groups survive what takes the user's columns away, for one of them is needed.
        assert groups(unlabelled.unlabelled()) == expected
        assert list(unlabelled.unlabelled().table.columns) == ["file", "start", "end", "speaker", "group"]
        assert groups(utterances) == ["x", "y", "x", None]  # what was given stays as it was


def test_grouping_keeps_everything_else(corpus: Corpus) -> None:
    grouped = corpus.grouped("folder")
    pd.testing.assert_frame_equal(grouped.table.drop(columns="group"), corpus.table)
    assert (grouped.name, grouped.language, grouped.notes) == ("calls", "Dutch", ("a remark",))
    assert groups(grouped.only(("anger",))) == ["/", "/"]
    again = grouped.grouped("speaker")
    assert groups(again) == ["x", "y", "x", "z"]


def test_an_unknown_column_is_refused_with_the_nearest_name(corpus: Corpus) -> None:
    for utterances in both(corpus):
        with pytest.raises(
            UserError, match=r"^calls has no column 'arousel' to group by: did you mean 'arousal'\?"
        ):
            utterances.grouped("arousel")
        with pytest.raises(UserError, match=r"did you mean 'speaker'\?"):
            utterances.grouped("speakers")
        with pytest.raises(UserError, match=r"known: .*folder"):
            utterances.grouped("xyz")
        assert groups(utterances.grouped("arousel", or_speaker=True)) == ["x", "y", "x", "z"]


def test_the_label_is_no_group(corpus: Corpus) -> None:
    for utterances in both(corpus):
        for or_speaker in (True, False):
            with pytest.raises(UserError, match="cannot be grouped by their emotion"):
                utterances.grouped("emotion", or_speaker=or_speaker)


def test_a_column_of_the_user_called_group_is_one_like_any_other(corpus: Corpus) -> None:
    # It could hold the label, and utterances are grouped by what the user says, not by what is called so.
    table = corpus.table.assign(group=corpus.table["emotion"])
    own = Corpus("calls", table)
    for utterances in both(own):
        assert groups(utterances.grouped("speaker")) == ["x", "y", "x", "z"]
        assert groups(utterances.grouped("group")) == table["emotion"].tolist()
