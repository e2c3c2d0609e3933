"""Speakers, and the population they are drawn from."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Speaker:
    """One voice.

    Attributes:
        name: what the corpus calls the speaker.
        f0: mean fundamental frequency of neutral speech, in Hz.
        tract: factor on all formants; a shorter vocal tract has higher ones, an adult male is about 1.
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
    """Who speaks in a corpus.

    By default men speak around 115 Hz, women around 205 Hz with formants a sixth higher, as adults do.

    Attributes:
        female: share of women.
        f0_male: typical fundamental frequency of men, in Hz.
        f0_female: the same of women.
        f0_spread: its standard deviation between speakers, in semitones.
        tract_male: typical formant factor of men.
        tract_female: the same of women.
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

        Women and men take turns in the proportion of ``female``, so that small corpora are balanced too.

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
