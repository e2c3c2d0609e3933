"""The course of the fundamental frequency over an utterance."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from didan.synthesis.language import Segment
from didan.synthesis.phones import SILENT
from didan.synthesis.prosody import Prosody

Floats = npt.NDArray[np.float64]

F0_LIMITS = (60.0, 600.0)
"""Hz; what a voice in speech reaches."""

DECLINATION = 4.0
"""Semitones that f0 falls from the beginning to the end of a neutral utterance."""

ACCENT = 3.0
"""Mean height in semitones of the f0 peak on a stressed syllable."""

ACCENT_SECONDS = 0.08
"""Standard deviation in time of such a peak."""


def f0_contour(
    segments: Sequence[Segment],
    times: Floats,
    f0: float,
    prosody: Prosody,
    tone: float,
    rng: np.random.Generator,
) -> Floats:
    """Draw the fundamental frequency at the given times.

    In semitones around the speaker's f0, with m the mean over voiced times::

        contour = pitch + e**pitch_range (shape - m),   shape = declination + accents + tones + ending

    Args:
        segments: the utterance.
        times: seconds from its beginning, shape (n,), increasing.
        f0: the speaker's mean, in Hz.
        prosody: its pitch, pitch_range and ending apply.
        tone: height of the language's tones in semitones.
        rng: source of randomness.

    Returns:
        Hz, shape (n,), within ``F0_LIMITS``.
    """
    ends = np.cumsum([segment.seconds for segment in segments])
    total = ends[-1]
    place = np.minimum(np.searchsorted(ends, times, side="right"), len(segments) - 1)
    voiced = np.array([segment.voice > SILENT for segment in segments])[place]
    shape = DECLINATION * (0.5 - times / total)
    shape += prosody.ending * np.clip(times / total - 0.8, 0.0, 0.2) / 0.2
    shape += _accents(segments, ends, times, rng)
    syllables = np.array([segment.syllable for segment in segments])
    shape += tone * _tones(syllables[place], times, rng)
    # The small weight defines the mean of an utterance without any voice.
    mean = np.average(shape, weights=voiced + 1e-9)
    semitones = prosody.pitch + np.exp(prosody.pitch_range) * (shape - mean)
    contour: Floats = np.clip(f0 * 2 ** (semitones / 12), *F0_LIMITS)
    return contour


def _accents(segments: Sequence[Segment], ends: Floats, times: Floats, rng: np.random.Generator) -> Floats:
    """One Gaussian peak per stressed vowel, of random height."""
    middles = ends - 0.5 * np.array([segment.seconds for segment in segments])
    heights = np.array([segment.stress for segment in segments])
    heights *= ACCENT * rng.lognormal(0.0, 0.3, len(segments))
    stressed = heights > 0
    distance = (times[:, None] - middles[stressed]) / ACCENT_SECONDS
    peaks: Floats = np.exp(-0.5 * distance**2) @ heights[stressed]
    return peaks


def _tones(syllables: npt.NDArray[np.int_], times: Floats, rng: np.random.Generator) -> Floats:
    """Level, rising or falling lines of about unit size, one per syllable."""
    n_syllables = int(syllables.max()) + 1
    heights, slopes = rng.standard_normal((2, n_syllables))
    first = np.searchsorted(syllables, np.arange(n_syllables))
    starts = times[np.minimum(first, len(times) - 1)]
    lengths = np.diff(np.append(starts, times[-1])).clip(min=0.05)
    progress = (times - starts[syllables]) / lengths[syllables]
    lines: Floats = heights[syllables] + slopes[syllables] * (2 * progress.clip(0.0, 1.0) - 1)
    return lines
