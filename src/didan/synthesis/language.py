"""Invented languages: which sounds, in which rhythm; and utterances in them as sequences of segments."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from didan.errors import UserError, suggest
from didan.synthesis.phones import CONSONANTS, NONE, PAUSE, SCHWA, SILENT, VOWELS, Phone
from didan.synthesis.prosody import Prosody

PAUSE_CHANCE = 0.05
"""Chance of a pause after a syllable of neutral speech."""

STRESSED = 0.4
"""Share of stressed syllables."""

FINAL_LENGTHENING = 1.4
"""Factor on the last vowel, which most languages stretch."""


@dataclass(frozen=True)
class Segment:
    """A stretch of an utterance with one articulatory target.

    Attributes:
        seconds: duration.
        formants: targets of the first three formants in Hz, before the speaker's own scale.
        voice: level of voicing in dB.
        noise: level of frication in dB.
        phone: the phone it belongs to; its noise colour applies.
        syllable: number of the syllable, from 0.
        stress: 1 for the vowel of a stressed syllable, else 0.
    """

    seconds: float
    formants: tuple[float, ...]
    voice: float
    noise: float
    phone: Phone
    syllable: int
    stress: float = 0.0


@dataclass(frozen=True)
class Language:
    """What is spoken.

    Attributes:
        vowels: relative frequency of each vowel, by its name in ``VOWELS``.
        onsets: the same of the consonant before the vowel, by its name in ``CONSONANTS``; ``""`` is none.
        codas: the same of the consonant after it.
        rate: syllables per second of neutral speech, pauses left out.
        stress: how many times longer a stressed vowel is; 1 makes the language syllable-timed.
        reduction: how far unstressed vowels move to schwa, 0 to 1.
        tone: height of the pitch movement that belongs to each syllable, in semitones; 0 without tones.
    """

    vowels: Mapping[str, float]
    onsets: Mapping[str, float]
    codas: Mapping[str, float]
    rate: float = 4.5
    stress: float = 1.6
    reduction: float = 0.4
    tone: float = 0.0

    def __post_init__(self) -> None:
        """Refuse sounds that are not in the inventory.

        Raises:
            UserError: one is unknown, or all have frequency 0.
        """
        consonants = [NONE, *CONSONANTS]
        _check("vowel", self.vowels, list(VOWELS))
        _check("onset", self.onsets, consonants)
        _check("coda", self.codas, consonants)

    def utter(self, n_syllables: int, prosody: Prosody, rate: float, rng: np.random.Generator) -> list[Segment]:
        """Draw an utterance.

        Args:
            n_syllables: number of syllables.
            prosody: its rate, pauses and articulation apply.
            rate: the speaker's factor on the syllable rate.
            rng: source of randomness.

        Returns:
            The segments in order; pauses left out, there are ``self.rate * rate * e**prosody.rate`` syllables
            in a second.
        """
        stressed = rng.random(n_syllables) < STRESSED
        paused = rng.random(n_syllables) < PAUSE_CHANCE + prosody.pauses
        parts = [_draw(weights, n_syllables, rng) for weights in (self.onsets, self.vowels, self.codas)]
        segments: list[Segment] = []
        for number, (onset, vowel, coda) in enumerate(zip(*parts, strict=True)):
            final = number == n_syllables - 1
            segments += _consonant(onset, number)
            segments.append(self._vowel(vowel, number, bool(stressed[number]), prosody, final))
            segments += _consonant(coda, number)
            if paused[number] and not final:
                segments.append(Segment(rng.uniform(0.1, 0.3), SCHWA, SILENT, SILENT, PAUSE, number))
        seconds = np.array([segment.seconds for segment in segments])
        spoken = np.array([segment.phone is not PAUSE for segment in segments])
        seconds[spoken] *= rng.lognormal(0.0, 0.12, spoken.sum())
        seconds[spoken] *= n_syllables / (self.rate * rate * math.exp(prosody.rate)) / seconds[spoken].sum()
        return [
            replace(segment, seconds=length) for segment, length in zip(segments, seconds.tolist(), strict=True)
        ]

    def _vowel(self, name: str, number: int, stressed: bool, prosody: Prosody, final: bool) -> Segment:
        phone = VOWELS[name]
        size = math.exp(prosody.articulation) * (1.0 if stressed else 1.0 - self.reduction)
        formants = tuple(rest + size * (aim - rest) for aim, rest in zip(phone.formants, SCHWA, strict=True))
        seconds = phone.seconds * (self.stress if stressed else 1.0) * (FINAL_LENGTHENING if final else 1.0)
        level = phone.voice - (0.0 if stressed else 3.0)
        return Segment(seconds, formants, level, phone.noise, phone, number, float(stressed))


def _check(kind: str, weights: Mapping[str, float], inventory: list[str]) -> None:
    for name, weight in weights.items():
        if name not in inventory:
            raise UserError(f"unknown {kind} {name!r} in a synthetic language: {suggest(name, inventory)}")
        if not weight >= 0:
            raise UserError(f"the frequency of the {kind} {name!r} is at least 0, not {weight}")
    if not any(weights.values()):
        raise UserError(f"a synthetic language needs at least one {kind}; '' stands for no consonant")


def _draw(weights: Mapping[str, float], size: int, rng: np.random.Generator) -> list[str]:
    chances = np.array(list(weights.values()))
    return [str(name) for name in rng.choice(list(weights), size, p=chances / chances.sum())]


def _consonant(name: str, number: int) -> list[Segment]:
    if name == NONE:
        return []
    phone = CONSONANTS[name]
    sound = Segment(phone.seconds, phone.formants, phone.voice, phone.noise, phone, number)
    if not phone.closure:
        return [sound]
    return [Segment(phone.closure, phone.formants, phone.voice_bar, SILENT, phone, number), sound]
