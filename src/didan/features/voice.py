"""How a voice sounds from frame to frame: pitch, harmonicity, formants, loudness and spectral balance.

Kept to what is known of emotional speech (the descriptors of eGeMAPS, Eyben et al. 2016), written with numpy and
free to use in products, which openSMILE is not. Frames are those of the spectrogram, one in 10 ms.
"""

import librosa
import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, rfft

from didan.audio import RATE
from didan.features.spectrogram import SpectrogramSettings
from didan.features.summaries import Frames, Numbers
from didan.typing import Samples

EVERYWHERE = 13
"""The first column of :func:`descriptors` that means something where there is no voice as well."""

LOWEST_PITCH, HIGHEST_PITCH = 60.0, 500.0  # Hz

HOP = RATE // 100
TRANSFORM = 1024  # samples of every Fourier transform here; windows are shorter
PITCH_WINDOW = np.hanning(641)[:-1]  # 40 ms
FORMANT_WINDOW = np.hamming(512)  # 32 ms
OCTAVE_COST = 0.03
FINE = 2  # lags per sample; at one, a multiple of the period that happens to be a whole number beats the period
LAGS = np.arange(int(FINE * RATE / HIGHEST_PITCH), int(FINE * RATE / LOWEST_PITCH) + 1)
JUMP = 6.0  # semitones; more from one frame to the next is a mistake of the tracker
HIGHEST = 5500.0  # Hz; five formants at most lie below
FORMANT_BINS = round(TRANSFORM * HIGHEST / RATE) + 1
GRID = 550
ORDER = 12
LOWEST_FORMANT, HIGHEST_FORMANT = 150.0, 5000.0  # Hz
PREEMPHASIS = 0.97
BROADEST = 700.0  # Hz
_TINY = 1e-12
_BANDS = SpectrogramSettings()
CENTRES: Numbers = librosa.mel_frequencies(_BANDS.bands + 2, fmin=_BANDS.low, fmax=_BANDS.high)[1:-1]


def _between(low: float, high: float) -> slice:
    """The mel bands whose centres are there."""
    first, last = np.searchsorted(CENTRES, (low, high))
    return slice(int(first), int(last))


def _slope(low: float, high: float) -> Numbers:
    """What levels are multiplied by for the slope of the line that fits those between two frequencies best."""
    within = _between(low, high)
    kilohertz = np.zeros_like(CENTRES)
    kilohertz[within] = (CENTRES[within] - CENTRES[within].mean()) / 1000
    weights: Numbers = kilohertz / (kilohertz @ kilohertz)
    return weights


_ENDS = np.where(np.isin(np.arange(FORMANT_BINS), (0, FORMANT_BINS - 1)), 0.5, 1.0)
# From a power spectrum up to HIGHEST to its autocorrelation; from coefficients to their filter on the grid.
TO_CORRELATION = _ENDS[:, None] * np.cos(
    np.pi * np.outer(np.arange(FORMANT_BINS), np.arange(ORDER + 1)) / (FORMANT_BINS - 1)
)
ANGLES = np.pi * np.outer(np.arange(1, ORDER + 1), np.arange(GRID + 1)) / GRID
BELOW_1000, ABOVE_1000 = _between(50, 1000), _between(1000, 5000)
BELOW_2000, ABOVE_2000 = _between(0, 2000), _between(2000, 5000)
SLOPES = np.column_stack([_slope(0, 500), _slope(500, 1500)])


def descriptors(samples: Samples, levels: Numbers) -> Numbers:
    """What describes the voice in each frame.

    Args:
        samples: 16 kHz, shape (n,).
        levels: the log-mel spectrogram of the default settings, not trimmed, in dB, shape (frames, 64).

    Returns:
        Shape (frames, 19): harmonics-to-noise ratio in dB; step of pitch (semitones) and of loudness (dB) to the
        frame before; frequencies (Hz) of three formants; their bandwidths (Hz); levels at the formants above that
        at the pitch (dB); pitch in semitones over 27.5 Hz; loudness (dB); alpha ratio and Hammarberg index (dB);
        slopes below 500 Hz and from 500 to 1500 Hz (dB/kHz); flux of the spectrum.

    >>> descriptors(np.zeros(1600), np.zeros((11, 64))).shape
    (11, 19)
    """
    frequency, harmonicity = pitch(samples)
    formants, bandwidths = resonances(samples)
    semitones = 12 * np.log2(frequency / 27.5)
    power = 10 ** (levels / 10)
    loudness = 10 * np.log10(power.sum(axis=1))
    columns = [
        10 * np.log10(harmonicity / (1 - harmonicity)),
        np.minimum(_step(semitones), JUMP),
        _step(loudness),
        formants,
        bandwidths,
        _levels_at(formants, levels) - _levels_at(frequency[:, None], levels),
        semitones,
        loudness,
        10 * np.log10(power[:, BELOW_1000].sum(axis=1) / power[:, ABOVE_1000].sum(axis=1)),
        levels[:, BELOW_2000].max(axis=1) - levels[:, ABOVE_2000].max(axis=1),
        levels @ SLOPES,
        _flux(power),
    ]
    return np.column_stack(columns)


def pitch(samples: Samples) -> tuple[Numbers, Numbers]:
    """Pitch and harmonicity by autocorrelation (Boersma, IFA Proceedings 17, 1993), without tracking.

    The autocorrelation of a frame is divided by that of its window; its highest peak r between the two pitches is
    at the period. An octave lower costs 0.03, so that of the multiples of a period the first is taken.

    Args:
        samples: 16 kHz, shape (n,).

    Returns:
        Pitch in Hz and r in [0.001, 0.999], each of shape (n // 160 + 1,). A frame with r below about a half has
        no voice, and its pitch means nothing.

    >>> tone = np.sin(2 * np.pi * 200 * np.arange(16_000) / 16_000)
    >>> round(float(np.median(pitch(tone)[0])))
    200
    """
    frames = _frames(samples, len(PITCH_WINDOW))
    frames = (frames - frames.mean(axis=1, keepdims=True)) * PITCH_WINDOW
    correlation, own = (_autocorrelation(x) for x in (frames, PITCH_WINDOW[None]))
    near = slice(LAGS[0] - 1, LAGS[-1] + 2)
    r = correlation[:, near] / np.maximum(correlation[:, :1], _TINY) / (own / own[:, :1])[:, near]
    before, here, after = r[:, :-2], r[:, 1:-1], r[:, 2:]
    peak = (here >= before) & (here >= after)
    best = np.where(peak, here - OCTAVE_COST * np.log2(LAGS / LAGS[0]), -1.0).argmax(axis=1)
    rows = np.arange(len(r))
    before, here, after = before[rows, best], here[rows, best], after[rows, best]
    # The parabola through three points has its top beside the middle one.
    bend = np.minimum(before - 2 * here + after, -_TINY)
    beside = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return FINE * RATE / (LAGS[best] + beside), np.clip(here, 0.001, 0.999)


def resonances(samples: Samples) -> tuple[Numbers, Numbers]:
    """Frequencies and bandwidths of the three lowest formants, from the peaks of a linear prediction.

    Selective linear prediction (Makhoul, Proceedings of the IEEE 63, 1975): of the spectrum of a frame only what
    is below 5.5 kHz is modelled, with 12 coefficients. At a resonance of bandwidth B the prediction's inverse
    filter has a minimum, around which ``|A|^2`` is proportional to ``(w - w0)^2 + (pi B / rate)^2``.

    Args:
        samples: 16 kHz, shape (n,).

    Returns:
        Two of shape (n // 160 + 1, 3), in Hz; where a formant is not found, the mean of the frames
        that have it, or 0 if none has.

    >>> frequencies, bandwidths = resonances(np.random.default_rng(0).normal(size=1600))
    >>> frequencies.shape, bandwidths.shape
    ((11, 3), (11, 3))
    """
    signal = np.append(samples[:1], samples[1:] - PREEMPHASIS * samples[:-1])
    frames = _frames(signal, len(FORMANT_WINDOW)) * FORMANT_WINDOW
    power = np.abs(rfft(frames, TRANSFORM)[:, :FORMANT_BINS]) ** 2
    inverse = np.abs(_inverse_filter(power)) ** 2
    before, here, after = inverse[:, :-2], inverse[:, 1:-1], inverse[:, 2:]
    bend = np.maximum(before - 2 * here + after, _TINY)
    beside = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    frequency = (np.arange(1, GRID) + beside) * HIGHEST / GRID
    lowest = np.maximum(here - 0.125 * np.square(before - after) / bend, 0)
    bandwidth = np.sqrt(2 * lowest / bend) * 2 * HIGHEST / GRID
    formant = (here <= before) & (here < after) & (bandwidth < BROADEST)
    formant &= (frequency > LOWEST_FORMANT) & (frequency < HIGHEST_FORMANT)
    number = np.where(formant, formant.cumsum(axis=1), 0)
    found = np.stack([number == k for k in (1, 2, 3)])
    return _mean_where_none(frequency, found), _mean_where_none(bandwidth, found)


def _frames(signal: Numbers | Samples, width: int) -> Numbers:
    """Centred windows, shape (n // 160 + 1, width)."""
    padded = np.pad(np.asarray(signal, dtype=np.float64), width // 2)
    windows: Numbers = np.lib.stride_tricks.sliding_window_view(padded, width)[::HOP]
    return windows


def _autocorrelation(frames: Numbers) -> Numbers:
    """At ``FINE`` lags per sample."""
    correlation: Numbers = irfft(np.abs(rfft(frames, TRANSFORM)) ** 2, FINE * TRANSFORM)
    return correlation


def _inverse_filter(power: Numbers) -> npt.NDArray[np.complex128]:
    """1 - sum_k a_k e^(-i w k), of the best prediction of signals with these spectra, at w evenly up to pi."""
    correlation = power @ TO_CORRELATION
    # A little white noise, 90 dB under the signal, without which silence has no solution.
    correlation[:, 0] = correlation[:, 0] * (1 + 1e-9) + _TINY
    toeplitz = np.abs(np.subtract.outer(np.arange(ORDER), np.arange(ORDER)))
    coefficients = np.linalg.solve(correlation[:, toeplitz], correlation[:, 1:, None])[:, :, 0]
    return np.asarray(1 - coefficients @ np.exp(-1j * ANGLES), dtype=np.complex128)


def _mean_where_none(values: Numbers, found: Frames) -> Numbers:
    """The one value found of each frame and formant, shape (frames, 3), or the mean over frames where none is.

    Args:
        values: shape (frames, grid).
        found: at most one per frame and formant, shape (3, frames, grid).
    """
    there = found.any(axis=2).T
    chosen = np.where(there, np.take_along_axis(values, found.argmax(axis=2).T, axis=1), 0)
    mean = chosen.sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.asarray(np.where(there, chosen, mean), dtype=np.float64)


def _levels_at(frequencies: Numbers, levels: Numbers) -> Numbers:
    """Of the mel bands nearest to the frequencies, shape as theirs."""
    nearest = np.abs(frequencies[:, :, None] - CENTRES).argmin(axis=2)
    return np.take_along_axis(levels, nearest, axis=1)


def _flux(power: Numbers) -> Numbers:
    shape = np.sqrt(power / power.sum(axis=1, keepdims=True))
    return np.append(0.0, np.sqrt(np.square(np.diff(shape, axis=0)).sum(axis=1)))


def _step(values: Numbers) -> Numbers:
    return np.abs(np.diff(values, prepend=values[:1]))
