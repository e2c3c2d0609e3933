from itertools import count
from typing import Any

import pandas as pd
import pytest

from didan.corpora import Corpus, Recordings
from didan.corpora.leakage import identical_files
from didan.errors import UserError
from didan.training.task import make_task

NAN = float("nan")
NUMBERS = count()


def corpus(name: str, emotions: str, speakers: str = "", **columns: object) -> Corpus:
    """A corpus with these emotions by first letter, such as ``aan``, and speakers of one letter each."""
    words = {"a": "anger", "f": "fear", "h": "happiness", "n": "neutral", "s": "sadness"}
    table = pd.DataFrame(
        {
            "file": [f"/{name}/{next(NUMBERS)}.wav" for _ in emotions],
            "start": NAN,
            "end": NAN,
            "speaker": list(speakers) or NAN,
            "emotion": [words[letter] for letter in emotions],
            **columns,
        }
    )
    return Corpus(name, table)


def test_shared_emotions_take_part() -> None:
    task = make_task([corpus("s", "aaffnn")], corpus("t", "nnfhs"))
    assert task.emotions == ("fear", "neutral")
    assert task.source_table["emotion"].tolist() == ["fear", "fear", "neutral", "neutral"]
    assert len(task.target) == 3


def test_an_emotion_may_be_in_one_of_several_sources() -> None:
    task = make_task([corpus("s1", "aan"), corpus("s2", "sssn"), corpus("s3", "hh")], corpus("t", "ansf"))
    assert task.emotions == ("anger", "neutral", "sadness")
    assert [source.name for source in task.sources] == ["s1", "s2"]
    assert task.source_table["corpus"].tolist() == ["s1"] * 3 + ["s2"] * 4
    assert task.source_table.index.tolist() == list(range(7))


def test_unlabelled_target_takes_all_source_emotions() -> None:
    task = make_task([corpus("s", "aanf"), corpus("s2", "fn")], corpus("t", "ah").unlabelled())
    assert task.emotions == ("anger", "fear", "neutral")
    assert len(task.target) == 2
    assert "no labels" in task.leakage.labels_read["task"]


def test_fewer_emotions_if_wanted() -> None:
    task = make_task([corpus("s", "aaffnn")], corpus("t", "affn"), ["neutral", "anger"])
    assert task.emotions == ("anger", "neutral")
    assert len(task.target) == 2


def test_wanted_emotion_that_is_not_shared() -> None:
    with pytest.raises(UserError, match=r"'angre' is not among the shared ones: did you mean 'anger'\?"):
        make_task([corpus("s", "aaffnn")], corpus("t", "affn"), ["angre", "fear"])
    with pytest.raises(UserError, match="'happiness' is not among the shared ones: known: anger, fear, neutral"):
        make_task([corpus("s", "aaffnnhh")], corpus("t", "affn"), ["happiness", "fear"])


@pytest.mark.parametrize(
    ("emotions", "wanted", "reason"),
    [
        ("hs", None, r"share no emotion, .* \(s1 \+ s2 has anger, fear, neutral; t has happiness, sadness\)"),
        ("hsa", None, "share only anger, at least two"),
        ("an", ["anger"], "share only anger, at least two"),
    ],
)
def test_too_few_shared_emotions(emotions: str, wanted: list[str] | None, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        make_task([corpus("s1", "aaff"), corpus("s2", "nn")], corpus("t", emotions), wanted)


def test_emotion_with_a_single_source_utterance() -> None:
    target = corpus("t", "afn")
    with pytest.raises(UserError, match=r"fear has only 1 source utterance, .* --emotions anger,neutral$"):
        make_task([corpus("s1", "aafn"), corpus("s2", "nn")], target)
    assert make_task([corpus("s1", "aafn"), corpus("s2", "fnn")], target).emotions == ("anger", "fear", "neutral")


def test_target_needs_two_recordings() -> None:
    source = corpus("s", "aann")
    one = Recordings("one", corpus("t", "a").unlabelled().table)
    with pytest.raises(UserError, match="target one has 1 recording; adapting needs at least 2"):
        make_task([source], one)
    assert len(make_task([source], corpus("t", "an").unlabelled()).target) == 2


@pytest.mark.parametrize("labelled", [True, False])
def test_target_has_no_label_and_no_column_of_the_user(labelled: bool) -> None:
    given = corpus("t", "an", valence=[1, 2], note=["angry", "calm"])
    target = given if labelled else Recordings("t", given.table.drop(columns="emotion"))
    task = make_task([corpus("s", "aann", note="x")], target)
    assert isinstance(task.target, Recordings)
    assert list(task.target.table.columns) == ["file", "start", "end", "speaker", "group"]


NAMES: list[Any] = ["x", "x", NAN, "y"]


def grouped_columns(group: str, **columns: Any) -> tuple[list[object], list[object]]:
    """Groups of source and target where four utterances of each have these columns."""
    columns = {"speaker": NAMES, **columns}
    source, target = (Corpus(name, corpus(name, "aann").table.assign(**columns)) for name in ("s", "t"))
    task = make_task([source], target, group=group)
    assert task.source_table["group"].equals(task.sources[0].groups)
    sides = (task.sources[0].unlabelled(), task.target)
    first, second = ([None if pd.isna(own) else own for own in side.groups] for side in sides)
    return first, second


def test_utterances_are_grouped_by_speaker_file_folder_or_column() -> None:
    names = ["x", "x", None, "y"]
    assert grouped_columns("speaker") == (names, names)
    files = ["/a/1.wav", "/a/2.wav", "/b/1.wav", "/b/1.wav"]
    folders: list[object] = ["/a", "/a", "/b", "/b"]
    for by, own in (("file", files), ("folder", folders)):
        assert grouped_columns(by, file=files) == (names, own)  # a source's folders may be its emotions
        assert grouped_columns(by, file=files, speaker=NAN) == (own, own)
    sessions: list[object] = ["1", "1", "2", None]
    assert grouped_columns("session", session=["1", "1", "2", None]) == (sessions, sessions)
    assert grouped_columns("none") == ([None] * 4, [None] * 4)


def test_a_source_without_the_column_is_grouped_by_speaker() -> None:
    sources = [corpus("s1", "aann", "pqpq"), corpus("s2", "aann", "rrss", session=list("1122"))]
    task = make_task(sources, corpus("t", "an", session=["7", "8"]), group="session")
    assert task.source_table["group"].tolist() == [*"pqpq", *"1122"]
    assert task.target.groups.tolist() == ["7", "8"]


@pytest.mark.parametrize("labelled", [True, False])
def test_a_target_needs_the_column(labelled: bool) -> None:
    given = corpus("t", "an", session=["7", "8"])
    target = given if labelled else Recordings("t", given.table.drop(columns="emotion"))
    with pytest.raises(UserError, match=r"^t has no column 'sesion' to group by: did you mean 'session'\?"):
        make_task([corpus("s", "aann")], target, group="sesion")
    assert make_task([corpus("s", "aann")], target, group="session").target.groups.tolist() == ["7", "8"]


@pytest.mark.parametrize("labelled", [True, False])
def test_nothing_is_grouped_by_emotion(labelled: bool) -> None:
    given = corpus("t", "an")
    target = given if labelled else given.unlabelled()
    with pytest.raises(UserError, match="cannot be grouped by their emotion"):
        make_task([corpus("s", "aann")], target, group="emotion")


def test_groups_stay_with_their_utterances_where_emotions_are_left_out() -> None:
    target = corpus("t", "ahnhs", session=list("12345"))
    task = make_task([corpus("s", "hhanan", session=list("123456"))], target, group="session")
    assert task.emotions == ("anger", "happiness", "neutral")
    assert make_task([corpus("s", "aann", "wxyz")], target, group="session").target.groups.tolist() == ["1", "3"]


def test_what_was_read_is_recorded() -> None:
    read = make_task([corpus("s", "aann")], corpus("t", "an")).leakage.as_dict()["labels_read"]
    assert read == {"training": "source labels", "task": "target labels, to keep the shared emotions"}


@pytest.mark.parametrize(
    ("names", "shared"),
    [
        (("calls", "meetings"), ["x", "y"]),  # who knows
        (("calls", "calls"), ["x", "y"]),
        (("emodb", "emodb"), ["x", "y"]),
        (("emodb", "meetings"), ["x", "y"]),
        (("emodb", "casia"), []),  # speaker 03 of one is not speaker 03 of the other
    ],
)
def test_shared_speakers(names: tuple[str, str], shared: list[str]) -> None:
    source, target = corpus(names[0], "aanns", "xyzxq"), corpus(names[1], "anhs", "yxqz")
    # Speaker q is left out of the source, and z of the target, with the emotion.
    source.table.loc[2, "speaker"] = "w"
    assert make_task([source], target, ["anger", "neutral"]).leakage.shared_speakers == shared


def test_unknown_speakers_are_not_shared() -> None:
    assert make_task([corpus("s", "aann")], corpus("t", "an")).leakage.shared_speakers == []


def test_shared_speakers_of_any_source() -> None:
    sources = [corpus("s1", "aann", "pppp"), corpus("s2", "aann", "qqrr")]
    assert make_task(sources, corpus("t", "ann", "rqp")).leakage.shared_speakers == ["p", "q", "r"]


def test_identical_files_by_bytes_or_by_audio() -> None:
    source = pd.DataFrame({"file": ["1", "2", "3"], "audio": ["x", "y", None]})
    target = pd.DataFrame({"file": ["9", "2", "8", "7"], "audio": ["y", "w", "z", None]})
    names = ["same audio", "same bytes", "other", "other, not decoded"]
    assert identical_files(source, target, names) == ["same audio", "same bytes"]


def test_identical_files_are_named_once() -> None:
    source = pd.DataFrame({"file": ["1"], "audio": ["x"]})
    target = pd.DataFrame({"file": ["1", "1"], "audio": ["a", "b"]})
    assert identical_files(source, target, ["long.wav", "long.wav"]) == ["long.wav"]
