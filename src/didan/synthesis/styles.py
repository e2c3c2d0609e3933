"""Styles of corpora: who speaks, in which language and culture, how recorded; and the way from one to another."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from didan.errors import UserError, suggest
from didan.synthesis.language import NONE, Language
from didan.synthesis.prosody import UNCHANGED, Prosody
from didan.synthesis.recording import Microphone, Noise, Room


@dataclass(frozen=True)
class Speaker:
    """A voice.

    Attributes:
        name: the speaker's name in the corpus.
        f0: mean fundamental frequency of neutral speech, in Hz.
        tract: factor on all formants; about 1 for an adult male, more for a shorter vocal tract.
        rate: factor on the syllable rate of the language.
        level: loudness relative to the corpus, in dB.
        tilt: slope of the voice spectrum relative to the average voice, in dB per octave.
        expressiveness: factor on all effects of emotion.
    """

    name: str
    f0: float
    tract: float
    rate: float = 1.0
    level: float = 0.0
    tilt: float = 0.0
    expressiveness: float = 1.0


@dataclass(frozen=True)
class Population:
    """The speakers of a corpus, as distributions of their voices.

    By default men speak around 115 Hz, women around 205 Hz with formants a sixth higher, as adults do.

    Attributes:
        female: fraction of women.
        f0_male: typical fundamental frequency of men, in Hz.
        f0_female: the same for women.
        f0_spread: its standard deviation between speakers, in semitones.
        tract_male: typical formant factor of men.
        tract_female: the same for women.
        tract_spread: its standard deviation, as a log ratio.
        rate_spread: standard deviation of the speaking rate, as a log ratio.
        level_spread: standard deviation of the loudness, in dB.
        tilt_spread: standard deviation of the spectral slope, in dB per octave.
        expressiveness_spread: standard deviation of the expressiveness, as a log ratio.
    """

    female: float = 0.5
    f0_male: float = 115.0
    f0_female: float = 205.0
    f0_spread: float = 1.5
    tract_male: float = 1.0
    tract_female: float = 1.16
    tract_spread: float = 0.03
    rate_spread: float = 0.06
    level_spread: float = 0.8
    tilt_spread: float = 0.25
    expressiveness_spread: float = 0.1

    def draw(self, name: str, number: int, rng: np.random.Generator) -> Speaker:
        """Draw the speaker of that number, counted from 0.

        Women and men alternate as ``female`` requires, so that small corpora are balanced too.

        >>> people = Population()
        >>> [people.draw("x", number, np.random.default_rng(number)).f0 > 155 for number in range(4)]
        [False, True, False, True]
        """
        woman = math.floor((number + 1) * self.female) > math.floor(number * self.female)
        f0, tract = (self.f0_female, self.tract_female) if woman else (self.f0_male, self.tract_male)
        pitch, length, rate, level, tilt, expressiveness = rng.standard_normal(6).tolist()
        return Speaker(
            name=name,
            f0=f0 * 2 ** (self.f0_spread * pitch / 12),
            tract=tract * math.exp(self.tract_spread * length),
            rate=math.exp(self.rate_spread * rate),
            level=self.level_spread * level,
            tilt=self.tilt_spread * tilt,
            expressiveness=math.exp(self.expressiveness_spread * expressiveness),
        )


@dataclass(frozen=True)
class CorpusStyle:
    """Everything the utterances of a corpus have in common.

    Attributes:
        name: name of the corpus; speakers are named after it.
        language: sounds and rhythm.
        population: the voices.
        room: the reverberation.
        noise: the background.
        microphone: the band.
        display: factor on every cue of emotion: the culture's display rules.
        level: root mean square of neutral speech in dB relative to full scale; anger needs 20 dB of headroom.
        syllables: mean number of syllables per utterance.
        silence: mean seconds without speech before and after an utterance, each.
    """

    name: str
    language: Language
    population: Population
    room: Room
    noise: Noise
    microphone: Microphone
    display: Prosody = UNCHANGED
    level: float = -34.0
    syllables: float = 7.0
    silence: float = 0.1


def _sounds(text: str, none: int = 0) -> dict[str, float]:
    """Frequencies of sounds: how often each occurs in the text, and ``none`` for no sound."""
    return {NONE: none, **Counter(text.split())}


STYLES = {
    "alpha": CorpusStyle(
        name="alpha",
        language=Language(
            vowels={"i": 1, "I": 2, "E": 2, "{": 1, "A": 2, "O": 1, "U": 1, "u": 1, "V": 1, "@": 2},
            onsets=_sounds("t t t k k p b d d s s s S f m n n l l r r", none=1),
            codas=_sounds("t t s s n n l k", none=3),
            rate=4.5,
            stress=1.6,
            reduction=0.4,
        ),
        population=Population(),
        room=Room(rt60=0.15, reverberation=-15.0),
        noise=Noise(snr=38.0, slope=-3.0),
        microphone=Microphone(low=50.0, high=7600.0),
    ),
    "beta": CorpusStyle(
        name="beta",
        language=Language(
            vowels={"i": 2, "e": 2, "A": 4, "o": 2, "u": 2, "y": 1},
            onsets=_sounds("p t t k S S x x h m m n n N w j j z", none=1),
            codas=_sounds("n n N", none=6),
            rate=5.2,
            stress=1.1,
            reduction=0.05,
            tone=1.5,
        ),
        population=Population(f0_male=130.0, f0_female=225.0, tract_male=1.06, tract_female=1.2),
        room=Room(rt60=0.45, reverberation=-5.0),
        noise=Noise(snr=25.0, slope=-4.0),
        microphone=Microphone(low=200.0, high=4500.0, slope=1.0),
        # Emotions show less in loudness, breath and lips, more in tempo and in how tense or lax the voice is.
        display=Prosody(1.0, 0.8, 1.0, 0.7, 1.2, 1.0, 1.2, 0.7, 1.0, 1.0, 0.8),
        level=-31.0,
        silence=0.2,
    ),
}
"""Alpha is recorded in a quiet studio, in a stress-timed language with many consonants. Beta speaks a tonal,
syllable-timed language in a live, noisy room over a narrow line, with other voices and other display rules."""


def style(name: str) -> CorpusStyle:
    """The predefined style of that name.

    Raises:
        UserError: there is none.

    >>> style("beta").room.rt60
    0.45
    """
    if name not in STYLES:
        raise UserError(f"unknown style {name!r}: {suggest(name, STYLES)}")
    return STYLES[name]


def between(first: CorpusStyle, second: CorpusStyle, amount: float) -> CorpusStyle:
    """Interpolate every number between two styles.

    Frequencies of sounds are made relative first: half-way, half of the sounds come from either style.

    Args:
        first: the style at amount 0.
        second: the style at amount 1.
        amount: how far from the first to the second, from 0 to 1.

    Returns:
        ``first`` or ``second`` at the ends, else a style named after both and the amount.

    Raises:
        UserError: the amount is outside [0, 1].

    >>> half = between(style("alpha"), style("beta"), 0.5)
    >>> half.name, round(half.room.rt60, 3)
    ('alpha-beta-0.5', 0.3)
    """
    if not 0.0 <= amount <= 1.0:
        raise UserError(f"the amount of shift lies between 0 and 1, not {amount:g}")
    if amount in (0.0, 1.0):
        return second if amount else first
    mixed: CorpusStyle = _mix(first, second, amount)
    return mixed


def _mix(first: Any, second: Any, amount: float) -> Any:
    if isinstance(first, str):
        return f"{first}-{second}-{amount:g}"
    if isinstance(first, Mapping):
        totals = sum(first.values()), sum(second.values())
        relative = {name: first.get(name, 0.0) / totals[0] for name in (first | second)}
        return {name: _mix(value, second.get(name, 0.0) / totals[1], amount) for name, value in relative.items()}
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        values = {name: _mix(getattr(first, name), getattr(second, name), amount) for name in names}
        return replace(first, **values)
    return (1.0 - amount) * first + amount * second
