"""What one corpus has in common, and the way from one corpus to another."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from didan.corpora.synthetic.language import Language
from didan.corpora.synthetic.prosody import UNCHANGED, Prosody
from didan.corpora.synthetic.recording import Microphone, Noise, Room
from didan.corpora.synthetic.speaker import Population
from didan.errors import UserError, suggest


@dataclass(frozen=True)
class CorpusStyle:
    """What the utterances of one corpus have in common.

    Attributes:
        name: of the corpus; speakers are named after it.
        language: sounds and rhythm.
        population: the voices.
        room: its reverberation.
        noise: its background.
        microphone: its band.
        display: factor on every cue of emotion, the culture's display rules.
        level: root mean square of neutral speech in dB relative to full scale.
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


STYLES = {
    "alpha": CorpusStyle(
        name="alpha",
        language=Language(
            vowels={"i": 1, "I": 2, "E": 2, "{": 1, "A": 2, "O": 1, "U": 1, "u": 1, "V": 1, "@": 2},
            onsets={
                "": 1,
                "t": 3,
                "k": 2,
                "p": 1,
                "b": 1,
                "d": 2,
                "s": 3,
                "S": 1,
                "f": 1,
                "m": 1,
                "n": 2,
                "l": 2,
                "r": 2,
            },
            codas={"": 3, "t": 2, "s": 2, "n": 2, "l": 1, "k": 1},
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
            onsets={
                "": 1,
                "p": 1,
                "t": 2,
                "k": 1,
                "S": 2,
                "x": 2,
                "h": 1,
                "m": 2,
                "n": 2,
                "N": 1,
                "w": 1,
                "j": 2,
                "z": 1,
            },
            codas={"": 6, "n": 2, "N": 1},
            rate=5.2,
            stress=1.1,
            reduction=0.05,
            tone=1.5,
        ),
        population=Population(female=0.5, f0_male=130.0, f0_female=225.0, tract_male=1.06, tract_female=1.2),
        room=Room(rt60=0.45, reverberation=-5.0),
        noise=Noise(snr=25.0, slope=-4.0),
        microphone=Microphone(low=200.0, high=4500.0, slope=1.0),
        display=Prosody(1.0, 0.8, 1.0, 0.7, 1.2, 1.0, 1.2, 0.7, 1.0, 1.0, 0.8),
        level=-31.0,
        silence=0.2,
    ),
}
"""Two corpora far apart: "alpha" is a quiet studio; "beta" speaks another language, with other voices and
more restraint, in a live, noisy room over a narrow line."""


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
    """The style a part of the way from one to another: every number is interpolated.

    Frequencies of sounds are interpolated as shares: half-way, half of the sounds come from either.

    Args:
        first: the style at amount 0.
        second: the style at amount 1.
        amount: the part of the way, from 0 to 1.

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
        shares = {name: first.get(name, 0.0) / totals[0] for name in (first | second)}
        return {
            name: _mix(share, second.get(name, 0.0) / totals[1], amount) for name, share in shares.items()
        }
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        values = {name: _mix(getattr(first, name), getattr(second, name), amount) for name in names}
        return replace(first, **values)
    return (1.0 - amount) * first + amount * second
