"""Log-mel spectrograms, computed by one torch module for training, prediction and export."""

from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from didan.audio import RATE
from didan.features.mel import mel_filters
from didan.features.short_time import PowerSpectrum, is_valid, n_samples

MIN_POWER = 1e-10
"""Weaker is silence: -100 dB."""


class SpectrogramSettings(BaseModel):
    """What the spectrogram is made of; times in seconds, frequencies in Hz, ranges in dB.

    Attributes:
        kind: ``spectrogram``.
        window: length of the Hann window.
        hop: distance of two frames.
        bands: mel bands.
        low: lower edge of the lowest band.
        high: upper edge of the highest band.
        floor: power below this many dB under the loudest point of the utterance is raised to it.
        trim: leading and trailing frames this many dB under the loudest frame are cut, None to keep them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["spectrogram"] = "spectrogram"
    window: float = Field(0.025, ge=0.001, le=0.5)
    hop: float = Field(0.010, ge=0.001, le=0.5)
    bands: int = Field(64, ge=8, le=512)
    low: float = Field(50.0, ge=0)
    high: float = Field(8000.0, gt=0, le=RATE / 2)
    floor: float = Field(80.0, gt=0)
    trim: float | None = Field(40.0, gt=0)

    @model_validator(mode="after")
    def _edges_in_order(self) -> "SpectrogramSettings":
        if self.low >= self.high:
            raise ValueError(f"low ({self.low} Hz) must be below high ({self.high} Hz)")
        return self


class Spectrogram(nn.Module):
    """Waveforms in, log-mel spectrograms in dB out.

    A centred short-time Fourier transform with a Hann window gives the power ``|X|^2``; mel bands are of unit area
    (see :mod:`didan.features.mel`); ``10 log10`` of their power is clipped from below.

    >>> log_mel, n_frames = Spectrogram(SpectrogramSettings(trim=None))(torch.ones(1, 16_000))   # 1 s
    >>> log_mel.shape, n_frames
    (torch.Size([1, 101, 64]), tensor([101]))
    """

    filters: Tensor

    def __init__(self, settings: SpectrogramSettings) -> None:
        super().__init__()
        self.settings = settings
        self.n_bands = settings.bands
        self.feature_names = tuple(f"log_mel_{band:02d}" for band in range(settings.bands))
        n_fft, self.hop = round(settings.window * RATE), round(settings.hop * RATE)
        self.power_spectrum = PowerSpectrum(torch.hann_window(n_fft, dtype=torch.float64), n_fft, self.hop)
        filters = torch.from_numpy(mel_filters(RATE, n_fft, settings.bands, settings.low, settings.high))
        self.register_buffer("filters", filters.float().mT.contiguous(), persistent=False)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the spectrograms of utterances; zeros at the end of a waveform count as padding.

        Args:
            waveform: 16 kHz samples, shape (n, samples).

        Returns:
            In dB, shape (n, frames, bands), and how many of its frames are each utterance's own, shape (n,).
        """
        power = self.power_spectrum(waveform) @ self.filters
        n_frames = n_samples(waveform) // self.hop + 1
        valid = is_valid(n_frames, power.shape[1])
        decibels = _decibels(power)
        loudest = decibels.amax(dim=2).masked_fill(~valid, -torch.inf).amax(dim=1)
        decibels = torch.maximum(decibels, loudest[:, None, None] - self.settings.floor)
        if self.settings.trim is None:
            return decibels, n_frames
        first, last = loud_span(_decibels(power.sum(dim=2)), valid, self.settings.trim)
        shifted = torch.arange(power.shape[1], device=waveform.device) + first[:, None]
        shifted = shifted.clamp(max=power.shape[1] - 1)
        return decibels.gather(1, shifted[:, :, None].expand_as(decibels)), last - first + 1


def loud_span(loudness: Tensor, valid: Tensor, threshold: float) -> tuple[Tensor, Tensor]:
    """First and last frame that are less than ``threshold`` dB below the loudest, each of shape (n,).

    Args:
        loudness: in dB, shape (n, frames).
        valid: which frames are no padding, shape (n, frames).
        threshold: in dB.
    """
    loudness = loudness.masked_fill(~valid, -torch.inf)
    loud = loudness >= loudness.amax(dim=1, keepdim=True) - threshold
    frames = torch.arange(loud.shape[1], device=loud.device)
    return torch.where(loud, frames, loud.shape[1]).amin(dim=1), torch.where(loud, frames, 0).amax(dim=1)


def _decibels(power: Tensor) -> Tensor:
    return 10 * power.clamp_min(MIN_POWER).log10()
