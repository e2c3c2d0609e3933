"""Low-level descriptors of the voice, frame by frame: pitch, harmonicity, formants, loudness, spectral balance.

They follow eGeMAPS, the field's set for emotional speech (Eyben et al., IEEE Transactions on Affective Computing
7, 2016), and are free to use in products, which openSMILE is not. Frames are those of the spectrogram, one in 10
ms.
"""

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from didan.audio import RATE
from didan.features.mel import mel_edges
from didan.features.short_time import PowerSpectrum, is_valid, n_samples
from didan.features.spectrogram import SpectrogramSettings

MEANINGFUL_UNVOICED = (
    "loudness_db",
    "alpha_ratio_db",
    "hammarberg_index_db",
    "slope_0-500hz_db_per_khz",
    "slope_500-1500hz_db_per_khz",
    "flux",
)
"""The descriptors that mean something where there is no voice as well."""

NAMES = (
    "hnr_db",
    "pitch_step_semitones",
    "loudness_step_db",
    "f1_hz",
    "f2_hz",
    "f3_hz",
    "f1_bandwidth_hz",
    "f2_bandwidth_hz",
    "f3_bandwidth_hz",
    "f1_level_db",
    "f2_level_db",
    "f3_level_db",
    "pitch_semitones",
    *MEANINGFUL_UNVOICED,
)
"""The descriptors: harmonics-to-noise ratio; steps of pitch and loudness from the frame before; frequencies and
bandwidths of three formants, and the levels there above that at the pitch; pitch over 27.5 Hz; loudness; and the
balance of the spectrum."""

HOP = RATE // 100
N_FFT = 1024
MAX_PITCH_STEP = 6.0  # semitones; more from one frame to the next is a mistake of the tracker

_SPECTROGRAM = SpectrogramSettings()
_CENTRES = mel_edges(_SPECTROGRAM.bands, _SPECTROGRAM.low, _SPECTROGRAM.high)[1:-1]
_TINY = 1e-12


class Descriptors(nn.Module):
    """All low-level descriptors.

    >>> descriptors = Descriptors()(torch.zeros(1, 1600), torch.zeros(1, 11, 64), torch.tensor([11]))
    >>> descriptors["f1_hz"].shape
    torch.Size([1, 11])
    """

    centres: Tensor
    slopes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.pitch, self.formants = Pitch(), Formants()
        self.register_buffer("centres", torch.from_numpy(_CENTRES).float(), persistent=False)
        slopes = np.column_stack([_slope_weights(0, 500), _slope_weights(500, 1500)])
        self.register_buffer("slopes", torch.from_numpy(slopes).float(), persistent=False)

    def forward(self, waveform: Tensor, log_mel: Tensor, n_frames: Tensor) -> dict[str, Tensor]:
        """Describe every frame.

        Args:
            waveform: 16 kHz samples, shape (n, samples); zeros at the end are padding.
            log_mel: its spectrogram of the default settings, not trimmed, in dB, shape (n, frames, 64).
            n_frames: how many frames of each are its own, shape (n,).

        Returns:
            Each of ``NAMES``, shape (n, frames).
        """
        pitch, harmonicity = self.pitch(waveform)
        formants, bandwidths = self.formants(waveform, n_frames)
        semitones = 12 * (pitch / 27.5).log2()
        power = band_power(log_mel)
        loudness = 10 * power.sum(dim=2).log10()
        levels = self._levels_at(torch.cat([formants, pitch[:, :, None]], dim=2), log_mel)
        alpha_ratio = power[:, :, _bands(50, 1000)].sum(dim=2) / power[:, :, _bands(1000, 5000)].sum(dim=2)
        slopes = log_mel @ self.slopes
        descriptors = {
            "hnr_db": 10 * (harmonicity / (1 - harmonicity)).log10(),
            "pitch_step_semitones": _step(semitones).clamp_max(MAX_PITCH_STEP),
            "loudness_step_db": _step(loudness),
            "pitch_semitones": semitones,
            "loudness_db": loudness,
            "alpha_ratio_db": 10 * alpha_ratio.log10(),
            "hammarberg_index_db": log_mel[:, :, _bands(0, 2000)].amax(dim=2)
            - log_mel[:, :, _bands(2000, 5000)].amax(dim=2),
            "slope_0-500hz_db_per_khz": slopes[:, :, 0],
            "slope_500-1500hz_db_per_khz": slopes[:, :, 1],
            "flux": _flux(power),
        }
        for k in range(3):
            descriptors[f"f{k + 1}_hz"] = formants[:, :, k]
            descriptors[f"f{k + 1}_bandwidth_hz"] = bandwidths[:, :, k]
            descriptors[f"f{k + 1}_level_db"] = levels[:, :, k] - levels[:, :, 3]
        return descriptors

    def _levels_at(self, frequencies: Tensor, log_mel: Tensor) -> Tensor:
        """Interpolated linearly between the centres of the mel bands, shape as the frequencies'.

        The level of the nearest band would jump where the last bit of a frequency differs between two runtimes.
        """
        above = (frequencies[:, :, :, None] > self.centres).sum(dim=3).clamp(1, len(self.centres) - 1)
        low, high = self.centres[above - 1], self.centres[above]
        weight = ((frequencies - low) / (high - low)).clamp(0, 1)
        return torch.lerp(log_mel.gather(2, above - 1), log_mel.gather(2, above), weight)


class Pitch(nn.Module):
    """Pitch and harmonicity by autocorrelation (Boersma, IFA Proceedings 17, 1993), without tracking.

    The autocorrelation of a frame is divided by that of its window; its highest peak r between the two pitches is
    at the period. An octave lower costs 0.03, so that of the multiples of a period the first is taken.

    >>> tone = torch.sin(2 * torch.pi * 200 * torch.arange(16_000) / 16_000)
    >>> round(float(Pitch()(tone[None])[0].median()))
    200
    """

    LOWEST, HIGHEST = 60.0, 500.0  # Hz
    OCTAVE_COST = 0.03
    LAGS_PER_SAMPLE = 2  # at 1, a multiple of the period that happens to be a whole number beats the period

    to_correlation: Tensor
    lags: Tensor
    costs: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(640, dtype=torch.float64)  # 40 ms
        self.power_spectrum = PowerSpectrum(window, N_FFT, HOP, remove_mean=True)
        lag_rate = self.LAGS_PER_SAMPLE * RATE
        lags = np.arange(int(lag_rate / self.HIGHEST), int(lag_rate / self.LOWEST) + 1)
        # The inverse Fourier transform of a power spectrum, at lag 0, at those lags and at one more on both sides.
        n_bins, length = N_FFT // 2 + 1, self.LAGS_PER_SAMPLE * N_FFT
        computed = np.concatenate([[0], np.arange(lags[0] - 1, lags[-1] + 2)])
        weights = np.where(np.arange(n_bins) == 0, 1, 2) / length
        inverse = weights[:, None] * np.cos(2 * np.pi / length * np.outer(np.arange(n_bins), computed))
        of_window = np.abs(np.fft.rfft(window.numpy(), N_FFT)) ** 2 @ inverse
        normalised = inverse * of_window[0] / of_window
        self.register_buffer("to_correlation", torch.from_numpy(normalised).float(), persistent=False)
        self.register_buffer("lags", torch.from_numpy(lags).float(), persistent=False)
        self.register_buffer("costs", self.OCTAVE_COST * (self.lags / self.lags[0]).log2(), persistent=False)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Track the pitch.

        Args:
            waveform: 16 kHz samples, shape (n, samples).

        Returns:
            Pitch in Hz and r in [0.001, 0.999], each of shape (n, samples // 160 + 1). A frame with r below about
            a half has no voice, and its pitch means nothing.
        """
        correlation = self.power_spectrum(waveform) @ self.to_correlation
        r = correlation[:, :, 1:] / correlation[:, :, :1].clamp_min(_TINY)
        before, here, after = r[:, :, :-2], r[:, :, 1:-1], r[:, :, 2:]
        is_peak = (here >= before) & (here >= after)
        best = torch.where(is_peak, here - self.costs, -1.0).argmax(dim=2, keepdim=True)
        before, here, after = (values.gather(2, best)[:, :, 0] for values in (before, here, after))
        curvature = (before - 2 * here + after).clamp_max(-_TINY)
        lag = self.lags[best[:, :, 0]] + _vertex_offset(before, after, curvature)
        return self.LAGS_PER_SAMPLE * RATE / lag, here.clamp(0.001, 0.999)


class Formants(nn.Module):
    """Frequencies and bandwidths of the three lowest formants, from the peaks of a linear prediction.

    Selective linear prediction (Makhoul, Proceedings of the IEEE 63, 1975): of the spectrum of a frame only what
    is below 5.5 kHz is modelled, with 12 coefficients. At a resonance of bandwidth B the prediction's inverse
    filter A has a minimum, around which ``|A|^2`` is proportional to ``(w - w0)^2 + (pi B / rate)^2``.

    Linear prediction is done in double precision: it takes differences of what is nearly alike.

    >>> frequencies, bandwidths = Formants()(torch.randn(1, 1600), torch.tensor([11]))
    >>> frequencies.shape, bandwidths.shape
    (torch.Size([1, 11, 3]), torch.Size([1, 11, 3]))
    """

    ORDER = 12
    HIGHEST_MODELLED = 5500.0  # Hz; five formants at most lie below
    GRID = 550  # intervals up to there
    LOWEST, HIGHEST = 150.0, 5000.0  # Hz
    BROADEST = 700.0  # Hz
    PREEMPHASIS = 0.97

    to_autocorrelation: Tensor
    on_grid: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hamming_window(512, periodic=False, dtype=torch.float64)  # 32 ms
        n_bins = round(N_FFT * self.HIGHEST_MODELLED / RATE) + 1
        self.power_spectrum = PowerSpectrum(window, N_FFT, HOP, n_bins)
        bins, lags = torch.arange(n_bins).double(), torch.arange(self.ORDER + 1).double()
        weights = torch.ones_like(bins)
        weights[[0, -1]] = 0.5
        to_autocorrelation = (torch.pi / (n_bins - 1) * lags[:, None] * bins).cos() * weights
        # White noise 90 dB under the signal, without which a pure tone has no solution. It is part of the matrix,
        # since exporters drop so small a summand.
        to_autocorrelation[0] *= 1 + 1e-9
        self.register_buffer("to_autocorrelation", to_autocorrelation, persistent=False)
        angles = torch.pi / self.GRID * lags[:, None] * torch.arange(self.GRID + 1).double()
        self.register_buffer("on_grid", torch.cat([angles.cos(), angles.sin()], dim=1), persistent=False)

    def forward(self, waveform: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
        """Track the formants.

        Args:
            waveform: 16 kHz samples, shape (n, samples).
            n_frames: how many frames of each utterance are its own, shape (n,).

        Returns:
            Two of shape (n, samples // 160 + 1, 3), in Hz; where a frame lacks a formant, the mean of the
            utterance's frames that have it, or 0 if none has.
        """
        before = torch.cat([torch.zeros_like(waveform[:, :1]), waveform[:, :-1]], dim=1)
        emphasised = (waveform - self.PREEMPHASIS * before) * is_valid(n_samples(waveform), waveform.shape[1])
        # Contiguous, since products of other layouts are summed in another order.
        power = self.power_spectrum(emphasised).double().contiguous()
        coefficients = _predict(self.to_autocorrelation @ power.mT)
        real, imaginary = (coefficients.mT @ self.on_grid).chunk(2, dim=2)
        is_minimum, frequency, bandwidth = self._minima(real.square() + imaginary.square())
        is_formant = is_minimum & (bandwidth < self.BROADEST)
        is_formant = is_formant & (frequency > self.LOWEST) & (frequency < self.HIGHEST)
        number = is_formant.long().cumsum(dim=2) * is_formant
        is_kth = number[:, :, :, None] == torch.arange(1, 4, device=waveform.device)
        valid = is_valid(n_frames, number.shape[1])
        return _kth_or_mean(frequency, is_kth, valid), _kth_or_mean(bandwidth, is_kth, valid)

    def _minima(self, inverse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The minima of ``|A|^2``, a polynomial of degree 12 in cos w: its derivative has 11 roots, so 6 at most.

        Args:
            inverse: ``|A|^2`` on the grid, shape (n, frames, grid + 1).

        Returns:
            Three of shape (n, frames, 6), by rising frequency: whether there is one, its frequency and its
            bandwidth in Hz.
        """
        here = inverse[:, :, 1:-1]
        is_minimum = (here <= inverse[:, :, :-2]) & (here < inverse[:, :, 2:])
        order = torch.arange(self.GRID - 1, 0, -1, dtype=torch.float32, device=inverse.device)
        rank, index = (is_minimum * order).topk(self.ORDER // 2, dim=2)
        before, here, after = (inverse.gather(2, index + k) for k in range(3))
        curvature = (before - 2 * here + after).clamp_min(_TINY)
        lowest = (here - 0.125 * (before - after).square() / curvature).clamp_min(0)
        spacing = self.HIGHEST_MODELLED / self.GRID
        frequency = (index + 1 + _vertex_offset(before, after, curvature)) * spacing
        bandwidth = (2 * lowest / curvature).sqrt() * 2 * spacing
        return rank > 0, frequency.float(), bandwidth.float()


def band_power(log_mel: Tensor) -> Tensor:
    """Power of a spectrogram in dB."""
    power: Tensor = (log_mel * (math.log(10) / 10)).exp()
    return power


def loudness_db(log_mel: Tensor) -> Tensor:
    """Power summed over the bands, in dB, shape (n, frames)."""
    return 10 * band_power(log_mel).sum(dim=2).log10()


def _predict(r: Tensor) -> Tensor:
    """Prediction error filters by Levinson's recursion.

    Args:
        r: autocorrelation at lags 0 to the order, shape (n, order + 1, frames).

    Returns:
        Of the same shape, the first coefficient being 1.
    """
    error = r[:, :1].clamp_min(_TINY)
    coefficients, zero, reversed_r = torch.ones_like(error), torch.zeros_like(error), r.flip(1)
    for order in range(1, r.shape[1]):
        reflection = -(coefficients * reversed_r[:, -order - 1 : -1]).sum(dim=1, keepdim=True) / error
        longer = torch.cat([coefficients, zero], dim=1)
        coefficients = longer + reflection * longer.flip(1)
        error = error * (1 - reflection.square())
    return coefficients


def _kth_or_mean(values: Tensor, is_kth: Tensor, valid: Tensor) -> Tensor:
    """The k-th value of each frame, or the mean of those of the other frames where it is missing.

    Args:
        values: shape (n, frames, candidates).
        is_kth: at most one candidate for each k, shape (n, frames, candidates, k).
        valid: which frames are no padding, shape (n, frames).

    Returns:
        Shape (n, frames, k).
    """
    kth = (values[:, :, :, None] * is_kth).sum(dim=2)
    exists = is_kth.any(dim=2)
    counted = exists & valid[:, :, None]
    mean = (kth * counted).sum(dim=1, keepdim=True) / counted.sum(dim=1, keepdim=True).clamp_min(1)
    return kth + ~exists * mean


def _vertex_offset(before: Tensor, after: Tensor, curvature: Tensor) -> Tensor:
    """How far the vertex of the parabola through three points lies from the middle one, at most half a step."""
    return (0.5 * (before - after) / curvature).clamp(-0.5, 0.5)


def _bands(low: float, high: float) -> slice:
    """The mel bands whose centres lie there."""
    first, last = np.searchsorted(_CENTRES, (low, high))
    return slice(int(first), int(last))


def _slope_weights(low: float, high: float) -> npt.NDArray[np.float64]:
    """Multiplied with levels: the slope of the line that fits those between two frequencies best, in dB/kHz."""
    bands = _bands(low, high)
    kilohertz = np.zeros_like(_CENTRES)
    kilohertz[bands] = (_CENTRES[bands] - _CENTRES[bands].mean()) / 1000
    return np.asarray(kilohertz / (kilohertz @ kilohertz), dtype=np.float64)


def _step(values: Tensor) -> Tensor:
    """Absolute difference from the frame before; 0 in the first."""
    return (values - torch.cat([values[:, :1], values[:, :-1]], dim=1)).abs()


def _flux(power: Tensor) -> Tensor:
    """Distance of the spectrum from that of the frame before, by the roots of the bands' proportions."""
    shape = (power / power.sum(dim=2, keepdim=True)).sqrt()
    return (shape - torch.cat([shape[:, :1], shape[:, :-1]], dim=1)).square().sum(dim=2).sqrt()
