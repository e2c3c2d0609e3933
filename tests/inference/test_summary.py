"""Summaries of timelines made by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from didan.inference.confidence import UNCERTAIN, uncertain_below
from didan.inference.summary import Summary, summarise
from inference.timelines import EMOTIONS, Said, timeline, window

SAID = st.one_of(st.none(), st.tuples(st.sampled_from(EMOTIONS), st.floats(0.4, 1.0)))
ANGRY, NEUTRAL, SAD = ("anger", 0.8), ("neutral", 0.9), ("sadness", 0.7)


def shares(summary: Summary) -> dict[str, float]:
    return {emotion: own.share for emotion, own in summary.emotions.items()}


def test_a_call_is_summed_up() -> None:
    """Of 60 s, 20 s nobody speaks, 30 s are neutral and 10 s angry."""
    said = [*[NEUTRAL] * 15, *[None] * 20, *[ANGRY] * 10, *[NEUTRAL] * 15]
    summary = summarise(timeline(said, 1.0, 1.0, speech=0.8), EMOTIONS)
    assert (summary.file, summary.channel, summary.seconds) == ("a.wav", None, 60)
    assert summary.speech_minutes == pytest.approx(0.8 * 40 / 60)
    assert shares(summary) == {"anger": pytest.approx(0.25), "neutral": pytest.approx(0.75), "sadness": 0}
    assert [summary.emotions[emotion].longest for emotion in EMOTIONS] == [10, 15, 0]


@given(said=st.lists(SAID, min_size=2, max_size=40), hop=st.sampled_from([0.1, 0.5, 1.0, 3.0]))
def test_speech_in_several_windows_is_counted_once(said: list[Said], hop: float) -> None:
    summary = summarise(timeline(said, 3.0, hop), EMOTIONS)
    seconds = hop * (len(said) - 1) + 3.0
    assert summary.seconds == pytest.approx(seconds)
    assert summary.speech_minutes * 60 <= seconds + 1e-9
    if None not in said:
        assert summary.speech_minutes * 60 == pytest.approx(seconds)
    assert sum(shares(summary).values()) == pytest.approx(float(any(said)))
    assert max(own.longest for own in summary.emotions.values()) <= seconds + 1e-9


def test_speech_weighs_emotions_and_time_does_not() -> None:
    parts = [window(ANGRY, 0, 10, speech=0.2, row=0), window(SAD, 0, 10, speech=0.6, row=1)]
    assert shares(summarise(parts, EMOTIONS)) == {"anger": pytest.approx(0.25), "neutral": 0, "sadness": 0.75}


def test_moments_are_the_surest_of_different_stretches() -> None:
    said: list[Said] = [("anger", p) for p in (0.5, 0.9, 0.95)]
    said += [NEUTRAL, ("anger", 0.6), NEUTRAL, ("anger", 0.7), NEUTRAL, ("anger", 0.8), NEUTRAL]
    summary = summarise(timeline(said), EMOTIONS)
    moments = summary.emotions["anger"].moments
    assert moments is not None
    assert [(one.start, one.end, one.confidence) for one in moments] == [(2, 5, 0.95), (8, 11, 0.8), (6, 9, 0.7)]
    assert summary.emotions["neutral"].moments is None
    assert summary.emotions["sadness"].moments == ()


def test_nobody_speaks() -> None:
    summary = summarise(timeline([None] * 5), EMOTIONS)
    assert (summary.seconds, summary.speech_minutes) == (7, 0)
    assert shares(summary) == dict.fromkeys(EMOTIONS, 0.0)


def test_what_is_uncertain_is_told_apart() -> None:
    unsure = uncertain_below(timeline([("anger", 0.6), NEUTRAL, ("anger", 0.5), ("anger", 0.9)], 1, 1), 0.6)
    summary = summarise(list(unsure), (*EMOTIONS, UNCERTAIN))
    assert shares(summary) == {"anger": 0.5, "neutral": 0.25, "sadness": 0, UNCERTAIN: 0.25}
    assert summary.emotions[UNCERTAIN].moments is None


@given(said=st.lists(SAID, max_size=8), least=st.floats(0, 1))
def test_probabilities_stay_where_the_emotion_is_uncertain(said: list[Said], least: float) -> None:
    before = timeline(said)
    for one, own in zip(uncertain_below(before, least), before, strict=True):
        assert one.probabilities == own.probabilities
        unsure = own.probabilities is not None and max(own.probabilities.values()) < least
        assert one.emotion == (UNCERTAIN if unsure else own.emotion)
        assert not (least == 0 and unsure)
        assert own.probabilities is None or not math.isnan(sum(own.probabilities.values()))
