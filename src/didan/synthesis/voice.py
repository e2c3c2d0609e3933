"""From segments to dry speech: source, filter, frication."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from didan.audio import RATE
from didan.synthesis import tract
from didan.synthesis.glottis import glottal_pulses
from didan.synthesis.language import Segment
from didan.synthesis.melody import f0_contour
from didan.synthesis.prosody import Prosody
from didan.synthesis.speaker import Speaker
from didan.typing import Samples

Floats = npt.NDArray[np.float64]

SLOPE = -6.0
"""Slope of a neutral voice in dB per octave: glottal flow falls by 12, the lips give back 6."""

ASPIRATION_SLOPE = -3.0
"""Slope of the noise at the glottis in dB per octave."""

ASPIRATION = -26.0
"""Level of that noise in a neutral voice, in dB relative to the pulses."""

FORMANT_GLIDE = 2.5
"""Standard deviation of the movement from one formant target to the next, in frames of 8 ms."""

LEVEL_GLIDE = 1.0
"""The same of the levels."""


def speak(
    segments: Sequence[Segment], prosody: Prosody, speaker: Speaker, tone: float, rng: np.random.Generator
) -> Samples:
    """Speak an utterance, without room, noise or microphone.

    Args:
        segments: what to say and how long.
        prosody: its cues of pitch and voice quality apply; level, rate and pauses do not.
        speaker: the voice.
        tone: height of the language's tones in semitones.
        rng: source of randomness.

    Returns:
        Samples of root mean square 1, as long as the segments to within 8 ms.
    """
    ends = np.cumsum([segment.seconds for segment in segments])
    n_blocks = max(round(ends[-1] * RATE / tract.HOP), 1)
    times = np.arange(n_blocks + 1) * (tract.HOP / RATE)
    place = np.minimum(np.searchsorted(ends, times, side="right"), len(segments) - 1)
    formants = _glide(np.array([segment.formants for segment in segments])[place], FORMANT_GLIDE, "nearest")
    voicing = _glide(_amplitude([segment.voice for segment in segments])[place], LEVEL_GLIDE, "constant")
    frication = _glide(_amplitude([segment.noise for segment in segments])[place], LEVEL_GLIDE, "constant")
    # An utterance that began in mid-window would click.
    voicing[[0, -1]] = frication[[0, -1]] = 0.0
    f0 = f0_contour(segments, times, speaker.f0, prosody, tone, rng)
    at_samples = np.arange(n_blocks * tract.HOP) / tract.HOP
    pulses = glottal_pulses(np.interp(at_samples, np.arange(n_blocks + 1), f0), prosody.jitter, rng)
    noise = rng.standard_normal(len(pulses), dtype=np.float32)

    throat = tract.formant_response(formants, speaker.tract * math.exp(prosody.formants))
    throat *= voicing[:, None]
    tilt = SLOPE + speaker.tilt + prosody.tilt
    breath = 10 ** ((ASPIRATION + prosody.breath) / 20) * tract.slope_response(ASPIRATION_SLOPE)
    bands = tract.band_response(
        np.array([segment.phone.noise_hz for segment in segments]),
        np.array([segment.phone.noise_octaves for segment in segments]),
    )[place]
    bands *= frication[:, None]
    voiced = tract.to_frames(pulses) * (throat * tract.slope_response(tilt))
    unvoiced = tract.to_frames(noise) * (throat * breath + bands)
    speech = tract.from_frames(voiced + unvoiced)
    unit: Samples = speech / np.float32(np.sqrt(np.mean(speech**2)))
    return unit


def _amplitude(decibels: list[float]) -> Floats:
    amplitude: Floats = 10 ** (np.array(decibels) / 20)
    return amplitude


def _glide(track: Floats, frames: float, edges: str) -> Floats:
    smooth: Floats = gaussian_filter1d(track, frames, axis=0, mode=edges)
    return smooth
