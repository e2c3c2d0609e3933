"""One utterance: an emotion, a speaker and a corpus style become samples."""

import numpy as np
import numpy.typing as npt

from didan.audio import RATE
from didan.synthesis.prosody import draw_prosody
from didan.synthesis.recording import record
from didan.synthesis.speaker import Speaker
from didan.synthesis.styles import CorpusStyle
from didan.synthesis.voice import speak


def synthesise(
    emotion: str, speaker: Speaker, style: CorpusStyle, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Synthesise one recorded utterance.

    Args:
        emotion: a key of ``EXPRESSIONS``.
        speaker: the voice.
        style: the corpus it is recorded for.
        rng: source of randomness: text, expression and recording all come from it.

    Returns:
        Samples at 16 kHz in [-1, 1], shape (n,).

    Raises:
        UserError: the emotion is unknown.

    >>> from didan.synthesis import style
    >>> rng = np.random.default_rng(0)
    >>> samples = synthesise("anger", Speaker("me", f0=120.0, tract=1.0), style("alpha"), rng)
    >>> samples.dtype, 1.0 < len(samples) / RATE < 3.0
    (dtype('float32'), True)
    """
    prosody = draw_prosody(emotion, speaker.expressiveness, style.display, rng)
    n_syllables = max(1, round(style.syllables * rng.uniform(0.8, 1.2)))
    segments = style.language.utter(n_syllables, prosody, speaker.rate, rng)
    speech = speak(segments, prosody, speaker, style.language.tone, rng)
    before, after = (style.silence * RATE * rng.uniform(0.5, 1.5, 2)).astype(int)
    gain = 10 ** ((style.level + speaker.level + prosody.level) / 20)
    padded = np.pad(speech * np.float32(gain), (before, after))
    return record(padded, style.level, style.room, style.noise, style.microphone, rng)
