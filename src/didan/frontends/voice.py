"""How a voice sounds from frame to frame: pitch, harmonicity, formants, loudness and spectral balance.

Kept to what is known of emotional speech (the descriptors of eGeMAPS, Eyben et al. 2016), written with numpy and
free to use in products, which openSMILE is not. Frames are those of the spectrogram, one in 10 ms.
"""

import librosa
import numpy as np
import numpy.typing as npt
import soxr
from scipy.fft import irfft, rfft

from didan.audio import RATE, Samples
from didan.frontends.spectrogram import SpectrogramSettings
from didan.frontends.summaries import Frames, Numbers

N_DESCRIPTORS = 19
EVERYWHERE = 13
"""The first column of :func:`descriptors` that means something where there is no voice as well."""

LOWEST_PITCH, HIGHEST_PITCH = 60.0, 500.0  # Hz

_HOP = RATE // 100
_PITCH_WINDOW = 0.04
_OCTAVE_COST = 0.03
_FINE = 4  # lags per sample; at one, a multiple of the period that happens to be a whole number beats the period
_JUMP = 6.0  # semitones; more from one frame to the next is a mistake of the tracker
_FORMANT_RATE = 11_000  # three to five formants lie below half of it
_FORMANT_HOP = _FORMANT_RATE // 100
_ORDER = 12
_PREEMPHASIS = 0.97
_BROADEST = 700.0  # Hz
_TINY = 1e-12
_BANDS = SpectrogramSettings()
_CENTRES: Numbers = librosa.mel_frequencies(_BANDS.bands + 2, fmin=_BANDS.low, fmax=_BANDS.high)[1:-1]


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
        np.minimum(_step(semitones), _JUMP),
        _step(loudness),
        formants,
        bandwidths,
        _levels_at(formants, levels) - _levels_at(frequency[:, None], levels),
        semitones,
        loudness,
        10 * np.log10(power[:, _between(50, 1000)].sum(axis=1) / power[:, _between(1000, 5000)].sum(axis=1)),
        levels[:, _between(0, 2000)].max(axis=1) - levels[:, _between(2000, 5000)].max(axis=1),
        _slope(levels, 0, 500),
        _slope(levels, 500, 1500),
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
    width = round(_PITCH_WINDOW * RATE)
    window = np.hanning(width + 1)[:-1]
    frames = _frames(samples, width, _HOP)
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    correlation, own = (_autocorrelation(x, 2048, _FINE) for x in (frames, window[None]))
    rate = _FINE * RATE
    lags = np.arange(int(rate / HIGHEST_PITCH), int(rate / LOWEST_PITCH) + 1)
    r = correlation / np.maximum(correlation[:, :1], _TINY) / np.maximum(own / own[:, :1], 1e-3)
    before, here, after = r[:, lags - 1], r[:, lags], r[:, lags + 1]
    peak = (here >= before) & (here >= after)
    best = np.where(peak, here - _OCTAVE_COST * np.log2(lags / lags[0]), -1.0).argmax(axis=1)
    rows = np.arange(len(r))
    before, here, after = before[rows, best], here[rows, best], after[rows, best]
    # The parabola through three points has its top beside the middle one.
    bend = np.minimum(before - 2 * here + after, -_TINY)
    beside = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    return rate / (lags[best] + beside), np.clip(here, 0.001, 0.999)


def resonances(samples: Samples) -> tuple[Numbers, Numbers]:
    """Frequencies and bandwidths of the three lowest formants, from the roots of a linear prediction.

    The autocorrelation method of order 12 at 11 kHz (Markel and Gray, 1976): a root z is a resonance at
    ``arg z * rate / 2 pi`` of bandwidth ``-log|z| * rate / pi``.

    Args:
        samples: 16 kHz, shape (n,).

    Returns:
        Two of shape (n // 160 + 1, 3), in Hz; where a formant is not found, the mean of the frames
        that have it, or 0 if none has.

    >>> frequencies, bandwidths = resonances(np.random.default_rng(0).normal(size=1600))
    >>> frequencies.shape, bandwidths.shape
    ((11, 3), (11, 3))
    """
    n_frames = len(samples) // _HOP + 1
    signal = soxr.resample(np.asarray(samples, dtype=np.float64), RATE, _FORMANT_RATE)
    signal = np.append(signal[:1], signal[1:] - _PREEMPHASIS * signal[:-1])
    width = 2 * round(0.016 * _FORMANT_RATE)
    signal = np.pad(signal, (0, max(0, (n_frames - 1) * _FORMANT_HOP - len(signal))))
    frames = _frames(signal, width, _FORMANT_HOP)[:n_frames] * np.hamming(width)
    roots = _roots(_linear_prediction(frames))
    frequency = np.angle(roots) * _FORMANT_RATE / (2 * np.pi)
    bandwidth = -np.log(np.abs(roots) + _TINY) * _FORMANT_RATE / np.pi
    formant = (frequency > 150) & (frequency < 5000) & (bandwidth < _BROADEST)
    order = np.where(formant, frequency, np.inf).argsort(axis=1)[:, :3]
    there = np.take_along_axis(formant, order, axis=1)
    frequency, bandwidth = (np.take_along_axis(x, order, axis=1) for x in (frequency, bandwidth))
    return _filled(frequency, there), _filled(bandwidth, there)


def _frames(signal: Numbers | Samples, width: int, hop: int) -> Numbers:
    """Centred windows, shape (n // hop + 1, width)."""
    padded = np.pad(np.asarray(signal, dtype=np.float64), width // 2)
    windows: Numbers = np.lib.stride_tricks.sliding_window_view(padded, width)[::hop]
    return windows


def _autocorrelation(frames: Numbers, length: int, fine: int = 1) -> Numbers:
    """By a Fourier transform of some length, at so many lags per sample."""
    correlation: Numbers = irfft(np.abs(rfft(frames, length)) ** 2, fine * length)
    return correlation[:, : fine * frames.shape[1]]


def _linear_prediction(frames: Numbers) -> Numbers:
    """Coefficients of the prediction from the samples before, shape (frames, order)."""
    correlation = _autocorrelation(frames, 1 << (frames.shape[1] + _ORDER).bit_length())[:, : _ORDER + 1]
    lags = np.abs(np.subtract.outer(np.arange(_ORDER), np.arange(_ORDER)))
    # A little white noise, 90 dB under the signal, without which silence has no solution.
    ridge = (1e-9 * correlation[:, :1] + _TINY)[:, :, None] * np.eye(_ORDER)
    solved = np.linalg.solve(correlation[:, lags] + ridge, correlation[:, 1:, None])
    return np.asarray(solved[:, :, 0], dtype=np.float64)


def _roots(coefficients: Numbers) -> npt.NDArray[np.complex128]:
    companion = np.zeros((len(coefficients), _ORDER, _ORDER))
    companion[:, 0] = coefficients
    companion[:, np.arange(1, _ORDER), np.arange(_ORDER - 1)] = 1
    return np.linalg.eigvals(companion).astype(np.complex128)


def _filled(values: Numbers, there: Frames) -> Numbers:
    """With a mean where nothing is."""
    number = there.sum(axis=0)
    mean = np.where(there, values, 0).sum(axis=0) / np.maximum(number, 1)
    return np.where(there, values, mean)


def _between(low: float, high: float) -> Frames:
    return (low <= _CENTRES) & (high > _CENTRES)


def _levels_at(frequencies: Numbers, levels: Numbers) -> Numbers:
    """Of the mel bands nearest to the frequencies, shape as theirs."""
    nearest = np.abs(frequencies[:, :, None] - _CENTRES).argmin(axis=2)
    return np.take_along_axis(levels, nearest, axis=1)


def _slope(levels: Numbers, low: float, high: float) -> Numbers:
    """Of the straight line that fits levels over frequency best, in dB/kHz."""
    within = _between(low, high)
    kilohertz = _CENTRES[within] / 1000
    kilohertz = kilohertz - kilohertz.mean()
    slope: Numbers = levels[:, within] @ kilohertz / (kilohertz @ kilohertz)
    return slope


def _flux(power: Numbers) -> Numbers:
    shape = np.sqrt(power / power.sum(axis=1, keepdims=True))
    return np.append(0.0, np.sqrt(np.square(np.diff(shape, axis=0)).sum(axis=1)))


def _step(values: Numbers) -> Numbers:
    return np.abs(np.diff(values, prepend=values[:1]))
