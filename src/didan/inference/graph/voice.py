"""What :mod:`didan.features.voice` computes, for a batch of utterances of different lengths."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from didan.audio import RATE
from didan.features import voice
from didan.inference.graph.spectrogram import fourier_waves, power_spectrum, sample_counts
from didan.inference.graph.summaries import among_first

_TINY = 1e-12


class VoiceGraph(nn.Module):
    """Descriptors of the voice, frame by frame."""

    centres: Tensor
    slopes: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.pitch, self.resonances = _Pitch(), _Resonances()
        self.register_buffer("centres", torch.from_numpy(voice.CENTRES).float())
        self.register_buffer("slopes", torch.from_numpy(voice.SLOPES).float())

    def forward(self, waveform: Tensor, levels: Tensor, counts: Tensor) -> Tensor:
        """Describe every frame.

        Args:
            waveform: 16 kHz samples, shape (n, samples).
            levels: log-mel spectrograms of them, not trimmed, in dB, shape (n, frames, 64).
            counts: how many frames of each are its own, shape (n,).

        Returns:
            Shape (n, frames, 19), see :func:`didan.features.voice.descriptors`.
        """
        frequency, harmonicity = self.pitch(waveform)
        formants, bandwidths = self.resonances(waveform, counts)
        semitones = 12 * (frequency / 27.5).log2()
        power = 10 ** (levels / 10)
        loudness = 10 * power.sum(dim=2).log10()
        balance = power[:, :, voice.BELOW_1000].sum(dim=2) / power[:, :, voice.ABOVE_1000].sum(dim=2)
        columns = [
            10 * (harmonicity / (1 - harmonicity)).log10(),
            _step(semitones).clamp_max(voice.JUMP),
            _step(loudness),
            *formants.unbind(dim=2),
            *bandwidths.unbind(dim=2),
            *(self._levels_at(formants, levels) - self._levels_at(frequency[:, :, None], levels)).unbind(dim=2),
            semitones,
            loudness,
            10 * balance.log10(),
            levels[:, :, voice.BELOW_2000].amax(dim=2) - levels[:, :, voice.ABOVE_2000].amax(dim=2),
            *(levels @ self.slopes).unbind(dim=2),
            _flux(power),
        ]
        return torch.stack(columns, dim=2)

    def _levels_at(self, frequencies: Tensor, levels: Tensor) -> Tensor:
        nearest = (frequencies[:, :, :, None] - self.centres).abs().argmin(dim=3)
        return levels.gather(2, nearest)


class _Pitch(nn.Module):
    """See :func:`didan.features.voice.pitch`. Fourier transforms and windows are matrices here."""

    waves: Tensor
    correlation: Tensor
    lags: Tensor

    def __init__(self) -> None:
        super().__init__()
        n_bins = voice.TRANSFORM // 2 + 1
        waves = fourier_waves(torch.from_numpy(voice.PITCH_WINDOW), voice.TRANSFORM, n_bins).double()
        # What takes the mean out of a frame before the window, takes the window's share of it out of each wave.
        self.register_buffer("waves", (waves - waves.mean(dim=2, keepdim=True)).float())
        near = np.concatenate([[0], np.arange(voice.LAGS[0] - 1, voice.LAGS[-1] + 2)])
        length = voice.FINE * voice.TRANSFORM
        weights = np.where(np.arange(n_bins) == 0, 1, 2) / length
        back = weights[:, None] * np.cos(2 * np.pi * np.outer(np.arange(n_bins), near) / length)
        own = np.abs(np.fft.rfft(voice.PITCH_WINDOW, voice.TRANSFORM)) ** 2 @ back
        self.register_buffer("correlation", torch.from_numpy(back * own[0] / own).float())
        self.register_buffer("lags", torch.from_numpy(voice.LAGS).float())

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Pitch in Hz and harmonicity, each of shape (n, frames)."""
        correlation = power_spectrum(waveform, self.waves, voice.HOP).mT @ self.correlation
        r = correlation[:, :, 1:] / correlation[:, :, :1].clamp_min(_TINY)
        before, here, after = r[:, :, :-2], r[:, :, 1:-1], r[:, :, 2:]
        peak = (here >= before) & (here >= after)
        cost = voice.OCTAVE_COST * (self.lags / self.lags[0]).log2()
        best = torch.where(peak, here - cost, -1.0).argmax(dim=2, keepdim=True)
        before, here, after = (x.gather(2, best)[:, :, 0] for x in (before, here, after))
        bend = (before - 2 * here + after).clamp_max(-_TINY)
        beside = (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
        return voice.FINE * RATE / (self.lags[best[:, :, 0]] + beside), here.clamp(0.001, 0.999)


class _Resonances(nn.Module):
    """See :func:`didan.features.voice.resonances`."""

    waves: Tensor
    autocorrelation: Tensor
    cosines: Tensor
    sines: Tensor
    frequencies: Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.from_numpy(voice.FORMANT_WINDOW)
        self.register_buffer("waves", fourier_waves(window, voice.TRANSFORM, voice.FORMANT_BINS))
        # The white noise at lag 0 is part of the matrix, since exporters take so small a summand for nothing.
        noise = np.where(np.arange(voice.ORDER + 1) == 0, 1 + 1e-9, 1)
        self._add("autocorrelation", noise * voice.TO_CORRELATION)
        self._add("cosines", np.cos(voice.ANGLES))
        self._add("sines", np.sin(voice.ANGLES))
        self._add("frequencies", np.arange(1, voice.GRID))

    def _add(self, name: str, values: npt.NDArray[Any]) -> None:
        """In double precision: linear prediction takes differences of what is nearly alike."""
        self.register_buffer(name, torch.from_numpy(np.asarray(values, dtype=np.float64)))

    def forward(self, waveform: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
        """Frequencies and bandwidths of three formants in Hz, each of shape (n, frames, 3)."""
        before = torch.cat([torch.zeros_like(waveform[:, :1]), waveform[:, :-1]], dim=1)
        signal = (waveform - voice.PREEMPHASIS * before) * among_first(waveform, sample_counts(waveform))
        inverse = self._inverse(power_spectrum(signal, self.waves, voice.HOP).mT.double())
        before, here, after = inverse[:, :, :-2], inverse[:, :, 1:-1], inverse[:, :, 2:]
        bend = (before - 2 * here + after).clamp_min(_TINY)
        beside = (0.5 * (before - after) / bend).clamp(-0.5, 0.5)
        frequency = (self.frequencies + beside) * voice.HIGHEST / voice.GRID
        lowest = (here - 0.125 * (before - after).square() / bend).clamp_min(0)
        bandwidth = (2 * lowest / bend).sqrt() * 2 * voice.HIGHEST / voice.GRID
        frequency, bandwidth = frequency.float(), bandwidth.float()
        formant = (here <= before) & (here < after) & (bandwidth < voice.BROADEST)
        formant = formant & (frequency > voice.LOWEST_FORMANT) & (frequency < voice.HIGHEST_FORMANT)
        number = torch.where(formant, formant.long().cumsum(dim=2), 0)
        found = [_of_number(k, number, counts, frequency, bandwidth) for k in (1, 2, 3)]
        frequencies, bandwidths = (torch.stack(values, dim=2) for values in zip(*found, strict=True))
        return frequencies, bandwidths

    def _inverse(self, power: Tensor) -> Tensor:
        """Squared magnitude of the inverse filter, shape (n, frames, grid), by Levinson's recursion."""
        r = (power @ self.autocorrelation).unbind(dim=2)
        error = r[0].clamp_min(_TINY)
        filter_ = [torch.ones_like(error)]
        for order in range(1, voice.ORDER + 1):
            reflection = -sum(a * r[order - k] for k, a in enumerate(filter_)) / error
            longer = [*filter_, torch.zeros_like(error)]
            filter_ = [a + reflection * b for a, b in zip(longer, reversed(longer), strict=True)]
            error = error * (1 - reflection.square())
        coefficients = torch.stack(filter_[1:], dim=2)
        return (1 + coefficients @ self.cosines).square() + (coefficients @ self.sines).square()


def _of_number(
    k: int, number: Tensor, counts: Tensor, frequency: Tensor, bandwidth: Tensor
) -> tuple[Tensor, Tensor]:
    """Frequency and bandwidth of the k-th formant, shape (n, frames); where there is none, means over frames."""
    place = (number == k).float().argmax(dim=2, keepdim=True)
    there = (number == k).any(dim=2)
    counted = there & among_first(number, counts)

    def filled(values: Tensor) -> Tensor:
        chosen = values.gather(2, place)[:, :, 0]
        mean = (chosen * counted).sum(dim=1) / counted.sum(dim=1).clamp_min(1)
        return torch.where(there, chosen, mean[:, None])

    return filled(frequency), filled(bandwidth)


def _step(values: Tensor) -> Tensor:
    return (values - torch.cat([values[:, :1], values[:, :-1]], dim=1)).abs()


def _flux(power: Tensor) -> Tensor:
    shape = (power / power.sum(dim=2, keepdim=True)).sqrt()
    return (shape - torch.cat([shape[:, :1], shape[:, :-1]], dim=1)).square().sum(dim=2).sqrt()
