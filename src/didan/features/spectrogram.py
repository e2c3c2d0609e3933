"""Log-mel and linear spectrograms, computed by one torch module for training, inference and export."""

from typing import Literal

import librosa
import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from didan.audio import RATE


class SpectrogramSettings(BaseModel):
    """What the spectrogram is made of; times in seconds, frequencies in Hz, ranges in dB.

    Attributes:
        kind: ``spectrogram`` (log-mel) or ``linear`` (every bin of the FFT up to ``high``).
        window: length of the Hann window.
        hop: distance of two frames.
        bands: mel bands; the linear spectrogram has as many as the window gives.
        low: lower edge of the lowest band.
        high: upper edge of the highest band.
        floor: power below this many dB under the loudest point of the utterance is raised to it.
        trim: leading and trailing frames this many dB under the loudest frame are cut, None to keep them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["spectrogram", "linear"] = "spectrogram"
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
        if self.kind == "linear" and self.high - self.low < 1 / self.window:
            raise ValueError(
                f"low and high must be {1 / self.window:g} Hz apart at least, the distance of two bins"
            )
        return self


class Spectrogram(nn.Module):
    """Waveform in, spectrogram in dB out.

    A centred short-time Fourier transform with a Hann window gives the power |X|^2; mel bands are librosa's
    (Slaney's scale, unit area); ``10 log10`` of it is clipped from below.

    >>> Spectrogram(SpectrogramSettings(trim=None))(torch.ones(16_000)).shape      # 1 s: frames, bands
    torch.Size([101, 64])
    """

    window: Tensor
    filters: Tensor

    def __init__(self, settings: SpectrogramSettings) -> None:
        super().__init__()
        self.settings = settings
        self.n_fft = round(settings.window * RATE)
        self.hop = round(settings.hop * RATE)
        if settings.kind == "spectrogram":
            filters = librosa.filters.mel(
                sr=RATE, n_fft=self.n_fft, n_mels=settings.bands, fmin=settings.low, fmax=settings.high
            )
        else:
            frequencies = librosa.fft_frequencies(sr=RATE, n_fft=self.n_fft)
            kept = (frequencies >= settings.low) & (frequencies <= settings.high)
            filters = np.eye(len(frequencies), dtype=np.float32)[kept]
        self.register_buffer("window", torch.hann_window(self.n_fft), persistent=False)
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)
        self.n_bands = len(filters)

    def forward(self, waveform: Tensor) -> Tensor:
        """Compute the spectrogram of one utterance.

        Args:
            waveform: 16 kHz samples, shape (n,).

        Returns:
            Shape (frames, bands), in dB.
        """
        spectrum = torch.stft(
            waveform, self.n_fft, self.hop, window=self.window, return_complex=True, pad_mode="constant"
        )
        power = (self.filters @ (spectrum.real.square() + spectrum.imag.square())).mT
        decibels = 10 * power.clamp_min(1e-10).log10()
        decibels = torch.maximum(decibels, decibels.amax() - self.settings.floor)
        if self.settings.trim is None:
            return decibels
        loudness = 10 * power.sum(dim=1).clamp_min(1e-10).log10()
        loud = torch.nonzero(loudness >= loudness.amax() - self.settings.trim)[:, 0]
        return decibels[loud[0] : loud[-1] + 1]
