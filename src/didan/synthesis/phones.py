"""The speech sounds that languages choose from."""

import math
from dataclasses import dataclass

SILENT = -math.inf


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
# e, o, y and 2 (the vowel of French "peu") are not among theirs and approximate. Names are SAMPA.
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
"""No consonant at all; among the onsets and codas a language can choose."""

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
"""Consonants with the formants they pull the neighbouring vowels to; all values are approximate."""

PAUSE = Phone(SCHWA, 0.2, SILENT)
"""Silence between words."""
