"""What one corpus has in common, and the way from one corpus to another."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from didan.errors import UserError
from didan.synthesis.language import Language
from didan.synthesis.prosody import UNCHANGED, Prosody
from didan.synthesis.recording import Microphone, Noise, Room
from didan.synthesis.speaker import Population


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
        level: root mean square of neutral speech in dB relative to full scale; anger needs 20 dB of room.
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

    >>> from didan.synthesis import style
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
        return {name: _mix(share, second.get(name, 0.0) / totals[1], amount) for name, share in shares.items()}
    if is_dataclass(first) and not isinstance(first, type):
        names = [field.name for field in fields(first)]
        values = {name: _mix(getattr(first, name), getattr(second, name), amount) for name in names}
        return replace(first, **values)
    return (1.0 - amount) * first + amount * second
