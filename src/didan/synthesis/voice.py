"""From segments to dry speech: melody, pulses of the vocal folds, and the vocal tract that filters them."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import fft
from scipy.ndimage import gaussian_filter1d

from didan.audio import RATE
from didan.synthesis.language import SILENT, Segment
from didan.synthesis.prosody import Prosody
from didan.synthesis.styles import Speaker
from didan.typing import Samples

Floats = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complex64]

F0_LIMITS = (60.0, 600.0)
"""Hz; the range of a voice in speech."""

DECLINATION = 4.0
"""Semitones that f0 falls from the beginning to the end of a neutral utterance."""

ACCENT = 3.0
"""Mean height in semitones of the f0 peak on a stressed syllable."""

ACCENT_SECONDS = 0.08
"""Standard deviation in time of such a peak."""

JITTER = 0.006
"""Standard deviation of the pulse times of a neutral voice, as a fraction of the period."""

SHIMMER = 0.03
"""Standard deviation of the pulse heights of a neutral voice, as a log ratio."""

SLOPE = -6.0
"""Slope of a neutral voice in dB per octave: glottal flow falls by 12, the lips give back 6."""

ASPIRATION_SLOPE = -3.0
"""Slope of the noise at the glottis in dB per octave."""

ASPIRATION = -26.0
"""Level of that noise in a neutral voice, in dB relative to the pulses."""

FORMANT_GLIDE = 2.5
"""Standard deviation of the movement from one formant target to the next, in frames."""

LEVEL_GLIDE = 1.0
"""The same for the levels."""

N_FORMANTS = 7

HOP = 128
"""Samples from one frame to the next: 8 ms."""

N_FFT = 512
"""Twice the window's length: the second half takes up the ringing of the filters."""

FREQUENCIES = np.arange(N_FFT // 2 + 1) * (RATE / N_FFT)
"""Hz of the bins of a frame's spectrum."""

_WINDOW = np.hanning(2 * HOP + 1)[:-1].astype(np.float32)


def speak(
    segments: Sequence[Segment], prosody: Prosody, speaker: Speaker, tone: float, rng: np.random.Generator
) -> Samples:
    """Speak an utterance, without room, noise or microphone.

    Args:
        segments: the sounds and their durations.
        prosody: its cues of pitch and voice quality apply; level, rate and pauses do not.
        speaker: the voice.
        tone: height of the language's tones in semitones.
        rng: source of randomness.

    Returns:
        Samples of root mean square 1, as long as the segments to within 8 ms.
    """
    ends = np.cumsum([segment.seconds for segment in segments])
    n_blocks = max(round(ends[-1] * RATE / HOP), 1)
    times = np.arange(n_blocks + 1) * (HOP / RATE)
    current = _segment_at(ends, times)
    formants = _glide(np.array([segment.formants for segment in segments])[current], FORMANT_GLIDE, "nearest")
    voicing = _glide(_amplitude([segment.voice for segment in segments])[current], LEVEL_GLIDE, "constant")
    frication = _glide(_amplitude([segment.noise for segment in segments])[current], LEVEL_GLIDE, "constant")
    # An utterance that began in mid-window would click.
    voicing[[0, -1]] = frication[[0, -1]] = 0.0
    f0 = f0_contour(segments, times, speaker.f0, prosody, tone, rng)
    at_samples = np.arange(n_blocks * HOP) / HOP
    pulses = glottal_pulses(np.interp(at_samples, np.arange(n_blocks + 1), f0), prosody.jitter, rng)
    noise = rng.standard_normal(len(pulses), dtype=np.float32)

    tract = formant_response(formants, speaker.tract * math.exp(prosody.formants))
    tract *= voicing[:, None]
    tilt = SLOPE + speaker.tilt + prosody.tilt
    breath = 10 ** ((ASPIRATION + prosody.breath) / 20) * slope_response(ASPIRATION_SLOPE)
    bands = band_response(
        np.array([segment.phone.noise_hz for segment in segments]),
        np.array([segment.phone.noise_octaves for segment in segments]),
    )[current]
    bands *= frication[:, None]
    voiced = to_frames(pulses) * (tract * slope_response(tilt))
    unvoiced = to_frames(noise) * (tract * breath + bands)
    speech = from_frames(voiced + unvoiced)
    unit: Samples = speech / np.float32(np.sqrt(np.mean(speech**2)))
    return unit


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
    current = _segment_at(ends, times)
    voiced = np.array([segment.voice > SILENT for segment in segments])[current]
    shape = DECLINATION * (0.5 - times / total)
    shape += prosody.ending * np.clip(times / total - 0.8, 0.0, 0.2) / 0.2
    shape += _accents(segments, ends, times, rng)
    syllables = np.array([segment.syllable for segment in segments])
    shape += tone * _tones(syllables[current], times, rng)
    # The small weight defines the mean of an utterance without any voice.
    mean = np.average(shape, weights=voiced + 1e-9)
    semitones = prosody.pitch + np.exp(prosody.pitch_range) * (shape - mean)
    contour: Floats = np.clip(f0 * 2 ** (semitones / 12), *F0_LIMITS)
    return contour


def glottal_pulses(f0: Floats, jitter: float, rng: np.random.Generator) -> Samples:
    """Make a train of impulses at the given fundamental frequency.

    Pulse k falls where the phase, the running sum of f0 / rate, reaches k; the two nearest samples split it.
    Its height is the square root of the period, so that the power does not depend on f0. The slope of the
    glottal spectrum is left to the filter.

    Args:
        f0: Hz, one per sample, shape (n,).
        jitter: irregularity relative to a neutral voice, as a log ratio.
        rng: source of randomness.

    Returns:
        Samples of mean power 1, shape (n,).

    >>> pulses = glottal_pulses(np.full(16_000, 100.0), -100.0, np.random.default_rng(0))
    >>> np.flatnonzero(pulses)[:3].tolist(), round(float(np.mean(pulses**2)), 1)
    ([159, 319, 479], 1.0)
    """
    n = len(f0)
    phase = np.cumsum(f0) / RATE
    irregularity = np.exp(jitter)
    numbers = np.arange(1, max(int(phase[-1]), 1))
    position = np.interp(numbers + JITTER * irregularity * rng.standard_normal(len(numbers)), phase, np.arange(n))
    before = position.astype(np.intp)
    fraction = position - before
    height = np.sqrt(RATE / f0[before]) * np.exp(SHIMMER * irregularity * rng.standard_normal(len(numbers)))
    pulses = np.bincount(before, height * (1 - fraction), n + 1)
    pulses += np.bincount(before + 1, height * fraction, n + 1)
    return pulses[:n].astype(np.float32)


def formant_response(formants: Floats, scale: float) -> Spectra:
    """Frequency responses of a tract with the given formants.

    Every formant is a pair of poles of bandwidth B = 50 Hz + 0.03 F::

        H(z) = prod_k (1 - 2 r_k cos t_k + r_k^2) / (1 - 2 r_k cos t_k z^-1 + r_k^2 z^-2)

    with r = exp(-pi B / rate), t = 2 pi F / rate, so that H = 1 at 0 Hz. Above the third formant the tract is
    taken as a uniform tube: 3500, 4500, 5500, 6500 Hz.

    Args:
        formants: the first three formants in Hz, shape (frames, 3).
        scale: the speaker's factor on all of them.

    Returns:
        Shape (frames, bins).

    >>> response = formant_response(np.array([[500.0, 1500.0, 2500.0]]), 1.0)
    >>> round(float(abs(response[0, 0])), 3), float(FREQUENCIES[abs(response[0]).argmax()])
    (1.0, 500.0)
    """
    tube = np.broadcast_to(1000.0 * np.arange(4, N_FORMANTS + 1) - 500.0, (len(formants), N_FORMANTS - 3))
    hertz = scale * np.concatenate([formants, tube], axis=1)
    radius = np.exp(-np.pi * (50.0 + 0.03 * hertz) / RATE)
    middle = -2 * radius * np.cos(2 * np.pi * hertz / RATE)
    poles = np.zeros((len(formants), 2 * N_FORMANTS + 1))
    poles[:, 0] = 1.0
    for k in range(N_FORMANTS):
        delayed = middle[:, k, None] * poles[:, :-1]
        delayed[:, 1:] += radius[:, k, None] ** 2 * poles[:, :-2]
        poles[:, 1:] += delayed
    gain = poles.sum(axis=1, keepdims=True).astype(np.complex64)
    response: Spectra = gain / fft.rfft(poles.astype(np.float32), N_FFT)
    return response


def slope_response(slope_db: float, corner: float = 500.0) -> Samples:
    """Magnitude of a spectrum that turns at ``corner`` Hz to ``slope_db`` dB per octave, shape (bins,).

    >>> response = slope_response(-6.0)
    >>> round(20 * float(np.log10(response[128] / response[64])), 1)  # from 2 to 4 kHz
    -5.1
    """
    magnitude: Samples = (10 ** (slope_db / 20 * np.log2(1 + FREQUENCIES / corner))).astype(np.float32)
    return magnitude


def band_response(centre: Floats, octaves: Floats) -> Samples:
    """Magnitudes of noise bands: Gaussians over log frequency, of mean power 1.

    Args:
        centre: Hz, shape (bands,).
        octaves: standard deviations, shape (bands,).

    Returns:
        Shape (bands, bins).
    """
    distance = np.log2(np.maximum(FREQUENCIES, 1.0) / centre[:, None]) / octaves[:, None]
    band = np.exp(-0.5 * distance**2)
    unit: Samples = (band / np.sqrt(np.mean(band**2, axis=1, keepdims=True))).astype(np.float32)
    return unit


def to_frames(samples: Samples) -> Spectra:
    """Spectra of half-overlapping windowed frames: shape (n * HOP,) to (n + 1, bins)."""
    blocks = np.pad(samples, HOP).reshape(-1, HOP)
    spectra: Spectra = fft.rfft(np.concatenate([blocks[:-1], blocks[1:]], axis=1) * _WINDOW, N_FFT)
    return spectra


def from_frames(spectra: Spectra) -> Samples:
    """Overlap and add, the inverse of :func:`to_frames`; ringing past the end is cut off.

    >>> samples = np.random.default_rng(0).standard_normal(20 * HOP).astype(np.float32)
    >>> bool(np.allclose(from_frames(to_frames(samples)), samples, atol=1e-5))
    True
    """
    blocks = fft.irfft(spectra, N_FFT).reshape(len(spectra), -1, HOP)
    n_parts = blocks.shape[1]
    added = np.zeros((len(spectra) + n_parts, HOP), dtype=np.float32)
    for part in range(n_parts):
        added[part : part + len(spectra)] += blocks[:, part]
    return added[1 : len(spectra)].ravel()


def _segment_at(ends: Floats, times: Floats) -> npt.NDArray[np.intp]:
    """Index of the segment in progress at each time; after the end it is the last."""
    return np.minimum(np.searchsorted(ends, times, side="right"), len(ends) - 1)


def _amplitude(decibels: list[float]) -> Floats:
    amplitude: Floats = 10 ** (np.array(decibels) / 20)
    return amplitude


def _glide(track: Floats, frames: float, edges: str) -> Floats:
    smooth: Floats = gaussian_filter1d(track, frames, axis=0, mode=edges)
    return smooth


def _accents(segments: Sequence[Segment], ends: Floats, times: Floats, rng: np.random.Generator) -> Floats:
    """A Gaussian peak of random height for each stressed vowel."""
    middles = ends - 0.5 * np.array([segment.seconds for segment in segments])
    heights = np.array([segment.stress for segment in segments])
    heights *= ACCENT * rng.lognormal(0.0, 0.3, len(segments))
    stressed = heights > 0
    distance = (times[:, None] - middles[stressed]) / ACCENT_SECONDS
    peaks: Floats = np.exp(-0.5 * distance**2) @ heights[stressed]
    return peaks


def _tones(syllables: npt.NDArray[np.int_], times: Floats, rng: np.random.Generator) -> Floats:
    """A level, rising or falling line of about unit size for each syllable."""
    n_syllables = int(syllables.max()) + 1
    heights, slopes = rng.standard_normal((2, n_syllables))
    first = np.searchsorted(syllables, np.arange(n_syllables))
    starts = times[np.minimum(first, len(times) - 1)]
    lengths = np.diff(np.append(starts, times[-1])).clip(min=0.05)
    progress = (times - starts[syllables]) / lengths[syllables]
    lines: Floats = heights[syllables] + slopes[syllables] * (2 * progress.clip(0.0, 1.0) - 1)
    return lines
