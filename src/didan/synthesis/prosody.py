"""How emotions change the voice, as differences from neutral speech."""

from dataclasses import astuple, dataclass

import numpy as np

from didan.errors import UserError, suggest


@dataclass(frozen=True)
class Prosody:
    """Differences from a speaker's neutral speech; all cues add up and can be scaled.

    The ratios are natural logarithms: 0.1 is about 10 % more.

    Attributes:
        pitch: mean f0, in semitones.
        pitch_range: spread of f0 around its mean, log ratio.
        ending: rise of f0 over the last fifth of the utterance, in semitones; the range stretches it.
        level: intensity, in dB.
        rate: syllables per second of speech without pauses, log ratio.
        pauses: chance of a pause after a syllable.
        tilt: slope of the voice spectrum, in dB per octave; more is brighter, tenser.
        breath: aspiration noise in the voice, in dB.
        jitter: irregularity of the glottal pulses, log ratio.
        articulation: size of the vowel space, log ratio.
        formants: height of all formants, log ratio; spread lips raise them, rounded lips lower them.

    >>> Prosody(pitch=3.0).pitch, Prosody().level
    (3.0, 0.0)
    """

    pitch: float = 0.0
    pitch_range: float = 0.0
    ending: float = 0.0
    level: float = 0.0
    rate: float = 0.0
    pauses: float = 0.0
    tilt: float = 0.0
    breath: float = 0.0
    jitter: float = 0.0
    articulation: float = 0.0
    formants: float = 0.0


UNCHANGED = Prosody(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0)
"""The display rule that leaves every cue as it is in ``EXPRESSIONS``."""

# Columns: pitch, range, ending, level, rate, pauses, tilt, breath, jitter, articulation, formants.
EXPRESSIONS = {
    "anger": Prosody(4.0, 0.4, -1.0, 9.0, 0.15, -0.03, 3.0, -6.0, 0.6, 0.2, 0.0),
    "boredom": Prosody(-2.0, -0.7, -1.0, -3.0, -0.25, 0.04, -0.8, 1.0, 0.0, -0.2, -0.02),
    "disgust": Prosody(-1.5, 0.1, -2.0, 1.0, -0.25, 0.04, 1.0, 3.0, 1.0, 0.0, 0.05),
    "fear": Prosody(6.0, -0.4, 1.0, -2.0, 0.25, 0.05, 0.6, 10.0, 0.8, -0.1, 0.02),
    "happiness": Prosody(5.0, 0.45, 1.5, 5.0, 0.1, -0.03, 1.0, -1.0, -0.4, 0.15, 0.08),
    "neutral": Prosody(),
    "sadness": Prosody(-1.5, -0.6, -2.0, -7.0, -0.3, 0.10, -2.4, 7.0, 0.6, -0.2, -0.03),
    "surprise": Prosody(8.0, 0.6, 7.0, 3.5, -0.1, 0.0, -1.5, 6.0, 0.0, 0.1, -0.05),
}
"""Mean effect of each emotion at full strength.

Directions follow reviews and measurements of acted speech:

- Juslin and Laukka (2003), "Communication of emotions in vocal expression and music performance: Different
  channels, same code?", Psychological Bulletin 129
- Scherer (2003), "Vocal communication of emotion: A review of research paradigms", Speech Communication 40
- Banse and Scherer (1996), "Acoustic profiles in vocal emotion expression", Journal of Personality and Social
  Psychology 70
- Tartter (1980), "Happy talk: Perceptual and acoustic effects of smiling on speech", Perception and
  Psychophysics 27

In short, anger is loud, fast, bright and variable, happiness nearly so, fear high, fast and narrow, sadness
soft, slow, dull, low and full of pauses. Surprise, less studied, is modelled as high and wide with a strong
final rise. The sizes are chosen, not measured: large enough to tell emotions apart, small enough that
neighbours overlap.
"""

SPREAD = Prosody(0.8, 0.1, 0.8, 1.0, 0.06, 0.02, 0.3, 1.2, 0.2, 0.04, 0.015)
"""Standard deviation of each cue from one utterance to the next, whatever the emotion."""

STRENGTH_SPREAD = 0.2
"""Standard deviation, around 1, of the strength with which an utterance shows its emotion."""


def check_emotion(emotion: str) -> None:
    """Refuse an emotion that cannot be synthesised.

    Raises:
        UserError: it has no entry in ``EXPRESSIONS``; the nearest is suggested.
    """
    if emotion not in EXPRESSIONS:
        raise UserError(f"cannot synthesise the emotion {emotion!r}: {suggest(emotion, EXPRESSIONS)}")


def draw_prosody(emotion: str, expressiveness: float, display: Prosody, rng: np.random.Generator) -> Prosody:
    """Draw the cues of one utterance: each is expressiveness x strength x display x mean effect + noise.

    Args:
        emotion: a key of ``EXPRESSIONS``.
        expressiveness: how strongly this speaker shows emotions, 1 is average.
        display: factor on each cue; cultures differ in it.
        rng: source of randomness.

    Raises:
        UserError: the emotion is unknown.

    >>> draw_prosody("anger", 1.0, UNCHANGED, np.random.default_rng(0)).pitch > 0
    True
    """
    check_emotion(emotion)
    strength = expressiveness * max(0.0, rng.normal(1.0, STRENGTH_SPREAD))
    effect = np.array(astuple(EXPRESSIONS[emotion])) * np.array(astuple(display))
    spread = np.array(astuple(SPREAD))
    return Prosody(*(strength * effect + spread * rng.standard_normal(len(spread))).tolist())
