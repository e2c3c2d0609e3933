import math

import numpy as np
import pytest

from didan.errors import UserError
from didan.synthesis import Language, Prosody
from didan.synthesis.language import PAUSE, SCHWA, SILENT, VOWELS

PLAIN = Language(vowels={"A": 1, "i": 1}, onsets={"t": 1, "m": 1, "": 1}, codas={"": 1}, rate=5.0)


@pytest.mark.parametrize(
    ("vowels", "onsets", "message"),
    [
        ({"q": 1}, {"": 1}, "unknown vowel 'q'"),
        ({"A": 1}, {"A": 1}, "unknown onset 'A'"),
        ({"A": -1}, {"": 1}, "'A' is at least 0, not -1"),
        ({"A": 0}, {"": 1}, "at least one vowel"),
        ({"A": 1}, {}, "at least one onset"),
    ],
)
def test_impossible_languages_are_refused(
    vowels: dict[str, float], onsets: dict[str, float], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        Language(vowels=vowels, onsets=onsets, codas={"": 1})


@pytest.mark.parametrize(("cue", "factor"), [(0.0, 1.0), (0.2, 0.9), (-0.3, 1.1)])
def test_the_syllable_rate_is_the_one_asked_for(cue: float, factor: float) -> None:
    segments = PLAIN.utter(12, Prosody(rate=cue), factor, np.random.default_rng(0))
    seconds = sum(segment.seconds for segment in segments if segment.phone is not PAUSE)
    assert 12 / seconds == pytest.approx(5.0 * factor * math.exp(cue))
    assert [segment.syllable for segment in segments] == sorted(segment.syllable for segment in segments)
    assert {segment.syllable for segment in segments} == set(range(12))


def test_pauses_come_as_often_as_asked_for_and_never_last() -> None:
    rng = np.random.default_rng(0)
    utterances = [PLAIN.utter(11, Prosody(pauses=0.15), 1.0, rng) for _ in range(300)]
    pauses = sum(segment.phone is PAUSE for utterance in utterances for segment in utterance)
    assert pauses / 3000 == pytest.approx(0.2, abs=0.03)
    assert all(utterance[-1].phone is not PAUSE for utterance in utterances)


def test_sounds_come_as_often_as_asked_for() -> None:
    language = Language(vowels={"A": 3, "i": 1, "u": 0}, onsets={"": 1}, codas={"": 1})
    vowels = [segment.phone for segment in language.utter(4000, Prosody(), 1.0, np.random.default_rng(0))]
    assert VOWELS["u"] not in vowels
    assert vowels.count(VOWELS["A"]) / vowels.count(VOWELS["i"]) == pytest.approx(3.0, rel=0.1)


def test_stress_lengthens_and_articulation_widens_the_vowels() -> None:
    language = Language(vowels={"i": 1}, onsets={"": 1}, codas={"": 1}, stress=2.0, reduction=0.5)
    segments = language.utter(
        2000, Prosody(pauses=-1.0, articulation=math.log(1.2)), 1.0, np.random.default_rng(0)
    )
    strong = [segment for segment in segments if segment.stress]
    weak = [segment for segment in segments if not segment.stress]
    lengths = [float(np.mean([segment.seconds for segment in group])) for group in (strong, weak)]
    assert lengths[0] / lengths[1] == pytest.approx(2.0, rel=0.05)
    assert strong[0].formants[1] - SCHWA[1] == pytest.approx(1.2 * (2290 - 1500))
    assert weak[0].formants[1] - SCHWA[1] == pytest.approx(0.6 * (2290 - 1500))


def test_a_plosive_is_a_closure_and_a_burst() -> None:
    language = Language(vowels={"A": 1}, onsets={"t": 1}, codas={"": 1})
    closure, burst, vowel = language.utter(1, Prosody(), 1.0, np.random.default_rng(0))
    assert (closure.voice, closure.noise) == (SILENT, SILENT)
    assert burst.voice == SILENT < burst.noise
    assert vowel.noise == SILENT < vowel.voice
