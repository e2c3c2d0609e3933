"""Spectrograms of many utterances at once, of operators that every runtime has."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d

from didan.features import Spectrogram, SpectrogramSettings


class SpectrogramGraph(nn.Module):
    """What :class:`didan.features.Spectrogram` computes, for a batch of utterances of different lengths.

    The Fourier transform is a convolution with windowed cosines and sines. Zeros at the end of a waveform count as
    padding.
    """

    filters: Tensor
    waves: Tensor

    def __init__(self, settings: SpectrogramSettings) -> None:
        super().__init__()
        frontend = Spectrogram(settings)
        self.settings, self.n_fft, self.hop = settings, frontend.n_fft, frontend.hop
        self.n_bins = self.n_fft // 2 + 1
        window = torch.hann_window(self.n_fft, dtype=torch.float64)
        self.register_buffer("waves", fourier_waves(window, self.n_fft, self.n_bins))
        self.register_buffer("filters", frontend.filters)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Map 16 kHz samples, shape (n, samples), to spectrograms.

        Returns:
            In dB, shape (n, frames, bands), and how many frames of each are its own, shape (n,).
        """
        power = self.filters @ power_spectrum(waveform, self.waves, self.hop)
        frames = torch.arange(power.shape[2], device=waveform.device)
        valid = frames <= (sample_counts(waveform) // self.hop)[:, None]
        nothing = torch.full((), -torch.inf)
        decibels = torch.where(valid[:, None], 10 * power.clamp_min(1e-10).log10(), nothing)
        decibels = torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - self.settings.floor).mT
        if self.settings.trim is None:
            return decibels, valid.sum(dim=1)
        loudness = torch.where(valid, 10 * power.sum(dim=1).clamp_min(1e-10).log10(), nothing)
        loud = loudness >= loudness.amax(dim=1, keepdim=True) - self.settings.trim
        first, last = span(loud)
        shifted = (frames + first[:, None]).clamp(max=power.shape[2] - 1)
        return decibels.gather(1, shifted[:, :, None].expand_as(decibels)), last - first + 1


def span(chosen: Tensor) -> tuple[Tensor, Tensor]:
    """The first and the last frame chosen of each utterance, each of shape (n,)."""
    frames = torch.arange(chosen.shape[1], device=chosen.device)
    return torch.where(chosen, frames, chosen.shape[1]).amin(dim=1), torch.where(chosen, frames, 0).amax(dim=1)


def sample_counts(waveform: Tensor) -> Tensor:
    """How long each utterance is without the zeros at its end, shape (n,)."""
    places = torch.arange(1, waveform.shape[1] + 1, device=waveform.device)
    return (places * (waveform != 0)).amax(dim=1)


def fourier_waves(window: Tensor, n_fft: int, n_bins: int) -> Tensor:
    """Windowed cosines, then sines, of the first bins of a Fourier transform, shape (2 * n_bins, 1, window).

    In double precision until the end, so that rounding does not add to that of the runtime.
    """
    bins, times = torch.arange(n_bins).double(), torch.arange(len(window)).double()
    angles = 2 * torch.pi * bins[:, None] * times / n_fft
    return (torch.cat([angles.cos(), angles.sin()]) * window).float()[:, None]


def power_spectrum(waveform: Tensor, waves: Tensor, hop: int) -> Tensor:
    """Of every centred frame of waveforms, shape (n, samples): shape (n, n_bins, frames)."""
    spectrum = conv1d(waveform[:, None], waves, stride=hop, padding=waves.shape[2] // 2)
    cosines, sines = spectrum.chunk(2, dim=1)
    return cosines.square() + sines.square()
