import pytest

from didan.corpora import emotions
from didan.corpora.emotions import EMOTIONS, canonical_emotion, coarse_classes, parse_mapping
from didan.errors import UserError


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_the_vocabulary_stands_for_itself(emotion: str) -> None:
    assert canonical_emotion(emotion) == emotion
    assert canonical_emotion(f" {emotion.upper()} ") == emotion


@pytest.mark.parametrize(
    ("label", "emotion"),
    [
        ("angry", "anger"),
        ("Fearful", "fear"),
        ("joy", "happiness"),
        ("happy", "happiness"),
        ("excited", "happiness"),
        ("sad", "sadness"),
        ("pleasant_surprise", "surprise"),
        ("surprised", "surprise"),
    ],
)
def test_spellings(label: str, emotion: str) -> None:
    assert canonical_emotion(label) == emotion


def test_mapping_comes_first() -> None:
    assert canonical_emotion("Excited", {"excited": "surprise"}) == "surprise"
    assert canonical_emotion("calm", {"Calm": "Neutral"}) == "neutral"
    assert canonical_emotion("pleasant_surprise", {"pleasant surprise": "joy"}) == "happiness"
    assert canonical_emotion("other", {"other": "-"}) is None


def test_unknown_label_says_what_to_do() -> None:
    with pytest.raises(UserError, match=r"unknown emotion 'angr': did you mean 'anger'.*--map 'angr'=EMOTION"):
        canonical_emotion("angr")
    with pytest.raises(UserError, match="unknown emotion"):
        canonical_emotion("calm", {"calm": "relaxed"})


def test_pairs() -> None:
    assert parse_mapping(["calm=neutral", "a=b=fear", "x=-"]) == {"calm": "neutral", "a=b": "fear", "x": "-"}


@pytest.mark.parametrize("pair", ["calm", "=fear", "calm=", "calm=relaxed"])
def test_wrong_pairs(pair: str) -> None:
    with pytest.raises(UserError):
        parse_mapping([pair])


def test_every_emotion_has_a_coarse_class() -> None:
    classes = coarse_classes()
    assert set(classes) == set(EMOTIONS)
    assert {emotion for emotion, high in classes.items() if high} == {"anger", "fear", "happiness", "surprise"}


@pytest.mark.parametrize(
    ("label", "hint"),
    [
        ("content", "the nearest is 'happiness'"),
        ("frustrated", "the nearest is 'anger'"),
        ("Anxious", "the nearest is 'fear'"),
        ("hapiness", "did you mean 'happiness'"),
        ("suprise", "did you mean 'surprise'"),
        ("sleepiness", "known: anger"),
        ("sarcasm", "known: anger"),
    ],
)
def test_hints_go_by_meaning(label: str, hint: str) -> None:
    with pytest.raises(UserError, match=hint):
        canonical_emotion(label)


def test_hints_are_no_spellings() -> None:
    for word, emotion in emotions._SYNONYMS.items():
        assert emotion in EMOTIONS
        with pytest.raises(UserError):
            canonical_emotion(word)
