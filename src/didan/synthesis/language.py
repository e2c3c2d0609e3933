"""Invented languages: their sounds and rhythm, and utterances in them as sequences of segments."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from didan.errors import UserError, suggest
from didan.synthesis.prosody import Prosody

SILENT = -math.inf
"""The level, in dB, of no sound."""

PAUSE_CHANCE = 0.05
"""Chance of a pause after a syllable of neutral speech."""

STRESSED = 0.4
"""Fraction of stressed syllables."""

FINAL_LENGTHENING = 1.4
"""Factor on the duration of the last vowel, which most languages stretch."""


@dataclass(frozen=True)
class Phone:
    """A speech sound.

    Attributes:
        formants: targets of the first three formants in Hz, for an adult male vocal tract.
        seconds: typical duration, before the rate of speech is applied.
        voice: level of voicing in dB relative to a vowel.
        noise: level of frication noise in dB relative to a vowel.
        noise_hz: centre of the noise.
        noise_octaves: standard deviation of the noise spectrum around its centre, in octaves.
        closure: seconds of silence (or of the voice bar) before it, as in plosives.
        voice_bar: level of voicing during the closure in dB.
    """

    formants: tuple[float, float, float]
    seconds: float
    voice: float = 0.0
    noise: float = SILENT
    noise_hz: float = 4000.0
    noise_octaves: float = 0.5
    closure: float = 0.0
    voice_bar: float = SILENT


SCHWA = (500.0, 1500.0, 2500.0)
"""Formants of a uniform tube of 17.5 cm, closed at one end: 500 Hz and its odd multiples."""

# Rounded averages for men of Peterson and Barney (1952), Journal of the Acoustical Society of America 24;
# e, o, y and 2 (the vowel of French "peu") are not among theirs and are approximate. Names are SAMPA.
VOWELS = {
    "i": Phone((270.0, 2290.0, 3010.0), 0.11),
    "I": Phone((390.0, 1990.0, 2550.0), 0.09),
    "e": Phone((400.0, 2150.0, 2700.0), 0.12),
    "E": Phone((530.0, 1840.0, 2480.0), 0.11),
    "{": Phone((660.0, 1720.0, 2410.0), 0.13),
    "A": Phone((730.0, 1090.0, 2440.0), 0.13),
    "O": Phone((570.0, 840.0, 2410.0), 0.12),
    "o": Phone((430.0, 850.0, 2400.0), 0.12),
    "U": Phone((440.0, 1020.0, 2240.0), 0.09),
    "u": Phone((300.0, 870.0, 2240.0), 0.11),
    "V": Phone((640.0, 1190.0, 2390.0), 0.10),
    "3": Phone((490.0, 1350.0, 1690.0), 0.12),
    "y": Phone((270.0, 1850.0, 2200.0), 0.11),
    "2": Phone((390.0, 1500.0, 2250.0), 0.12),
    "@": Phone(SCHWA, 0.06),
}

NONE = ""
"""No consonant; a language may have it among its onsets and codas."""

CONSONANTS = {
    "p": Phone((300.0, 800.0, 2200.0), 0.02, SILENT, -14.0, 1000.0, 1.0, closure=0.07),
    "t": Phone((300.0, 1750.0, 2600.0), 0.025, SILENT, -8.0, 4000.0, 0.6, closure=0.06),
    "k": Phone((300.0, 1900.0, 2300.0), 0.035, SILENT, -9.0, 2000.0, 0.4, closure=0.06),
    "b": Phone((250.0, 800.0, 2200.0), 0.012, -12.0, -18.0, 1000.0, 1.0, closure=0.06, voice_bar=-22.0),
    "d": Phone((250.0, 1700.0, 2600.0), 0.015, -12.0, -14.0, 3800.0, 0.6, closure=0.05, voice_bar=-22.0),
    "g": Phone((250.0, 1800.0, 2200.0), 0.02, -12.0, -14.0, 1900.0, 0.4, closure=0.05, voice_bar=-22.0),
    "f": Phone((350.0, 1000.0, 2200.0), 0.09, SILENT, -17.0, 4000.0, 1.2),
    "s": Phone((350.0, 1700.0, 2600.0), 0.10, SILENT, -9.0, 6000.0, 0.25),
    "S": Phone((350.0, 1800.0, 2400.0), 0.10, SILENT, -8.0, 3200.0, 0.35),
    "x": Phone((400.0, 1300.0, 2300.0), 0.09, SILENT, -13.0, 1700.0, 0.5),
    "h": Phone((500.0, 1500.0, 2500.0), 0.05, SILENT, -18.0, 1500.0, 1.0),
    "v": Phone((300.0, 1000.0, 2200.0), 0.06, -9.0, -22.0, 4000.0, 1.2),
    "z": Phone((300.0, 1700.0, 2600.0), 0.07, -11.0, -13.0, 5800.0, 0.25),
    "m": Phone((250.0, 1100.0, 2200.0), 0.06, -7.0),
    "n": Phone((250.0, 1500.0, 2500.0), 0.055, -7.0),
    "N": Phone((250.0, 1900.0, 2400.0), 0.07, -8.0),
    "l": Phone((350.0, 1100.0, 2700.0), 0.05, -4.0),
    "r": Phone((400.0, 1250.0, 1700.0), 0.05, -4.0),
    "w": Phone((300.0, 700.0, 2200.0), 0.05, -4.0),
    "j": Phone((280.0, 2200.0, 2900.0), 0.05, -4.0),
}
"""Consonants, with the formants towards which they pull neighbouring vowels; all values are approximate."""

PAUSE = Phone(SCHWA, 0.2, SILENT)
"""Silence between words."""


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
    """An invented language.

    Attributes:
        vowels: relative frequency of each vowel, by its name in ``VOWELS``.
        onsets: the same for the consonant before the vowel, by its name in ``CONSONANTS``; ``""`` is none.
        codas: the same for the consonant after it.
        rate: syllables per second of neutral speech, without pauses.
        stress: how many times longer a stressed vowel is; 1 makes the language syllable-timed.
        reduction: how far unstressed vowels move towards schwa, 0 to 1.
        tone: height of the pitch movement on each syllable, in semitones; 0 in a language without tones.
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
            UserError: a sound is unknown, a frequency is negative, or all are 0.
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
            The segments in order; without pauses they have ``self.rate * rate * e**prosody.rate`` syllables
            per second.
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
