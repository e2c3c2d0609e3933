"""Two predefined corpora, far apart."""

from collections import Counter

from didan.errors import UserError, suggest
from didan.synthesis.language import Language
from didan.synthesis.phones import NONE
from didan.synthesis.prosody import Prosody
from didan.synthesis.recording import Microphone, Noise, Room
from didan.synthesis.speaker import Population
from didan.synthesis.styles import CorpusStyle


def _sounds(text: str, none: int = 0) -> dict[str, float]:
    """Frequencies of sounds, by a text that has each in proportion; ``none`` counts for no sound."""
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
        # Shown less by loudness, breath and lips, more by a tense or a lax voice and by tempo.
        display=Prosody(1.0, 0.8, 1.0, 0.7, 1.2, 1.0, 1.2, 0.7, 1.0, 1.0, 0.8),
        level=-31.0,
        silence=0.2,
    ),
}
"""Alpha is recorded in a quiet studio, in a stress-timed language with many consonants. Beta speaks a tonal,
syllable-timed language in a live, noisy room over a narrow line, with other voices and display rules."""


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
