"""Whisper's encoder (Radford et al., ICML 2023), at the true length of the utterance instead of 30 s."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu

from didan.audio import RATE
from didan.features.encoders.encoder import attention_mask, in_single_precision, run_layers
from didan.features.mel import mel_filters
from didan.features.short_time import PowerSpectrum, is_valid

_WINDOW, _HOP = 400, 160  # samples
_REFLECTED = 2 * _HOP  # samples before the beginning, which mirror those after it


class Whisper(nn.Module):
    """Log-mel spectrogram, two convolutions, positions, transformer layers.

    Args:
        model: ``WhisperEncoder`` of transformers.
        setup: its ``preprocessor_config.json``; Whisper has no choice that matters here.
    """

    architecture = "WhisperEncoder"
    renamed: ClassVar[dict[str, str]] = {r"^(model\.)?encoder\.": ""}
    heads = ("decoder.", "model.decoder.", "proj_out.", "projector.", "classifier.", "layer_weights")
    attention = "sdpa"
    shortest = _REFLECTED + 1

    filters: Tensor

    def __init__(self, model: Any, setup: dict[str, Any]) -> None:
        super().__init__()
        self.model = model
        self.power_spectrum = PowerSpectrum(torch.hann_window(_WINDOW, dtype=torch.float64), _WINDOW, _HOP)
        filters = torch.from_numpy(mel_filters(RATE, _WINDOW, model.config.num_mel_bins, 0, RATE / 2))
        self.register_buffer("filters", filters.float().mT.contiguous(), persistent=False)

    def forward(self, waveform: Tensor, lengths: Tensor, last: int) -> tuple[list[Tensor], Tensor]:
        """See :class:`didan.features.encoders.Encoder`."""
        with in_single_precision(waveform):
            log_mel, n_frames = self.log_mel(waveform, lengths)
        return self.hidden_states(log_mel, n_frames, last)

    def hidden_states(self, log_mel: Tensor, n_frames: Tensor, last: int) -> tuple[list[Tensor], Tensor]:
        """The same for what Whisper hears.

        Args:
            log_mel: see :meth:`log_mel`, shape (n, frames, bands), at most 30 s.
            n_frames: valid frames of each utterance, shape (n,).
            last: the highest hidden state that is wanted.
        """
        valid = is_valid(n_frames, log_mel.shape[1])
        # Convolutions see zeros beyond both ends, whatever follows the utterance in its batch.
        x = gelu(self.model.conv1((log_mel * valid[:, :, None]).mT))
        x = gelu(self.model.conv2(x * valid[:, None])).mT
        n_frames = (n_frames + 1) // 2
        valid = is_valid(n_frames, x.shape[1])
        first = x + self.model.embed_positions.weight[: x.shape[1]]
        mask = attention_mask(valid)
        states = run_layers(self.model.layers, first, last, self.model.layer_norm, attention_mask=mask.to(first))
        return states, n_frames

    def log_mel(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """What Whisper hears: shape (n, frames, bands), a frame every 10 ms, and the number of frames of each."""
        mirrored = torch.cat([waveform[:, 1 : _REFLECTED + 1].flip(1), waveform], dim=1)
        power = self.power_spectrum(mirrored)[:, _REFLECTED // _HOP : -1] @ self.filters
        n_frames = (lengths // _HOP).clamp_min(1)
        valid = is_valid(n_frames, power.shape[1])[:, :, None]
        return scaled(power.clamp_min(1e-10).log10(), valid), n_frames


def scaled(log_mel: Tensor, valid: Tensor) -> Tensor:
    """A spectrogram as Whisper hears it: nothing is more than 80 dB below the loudest point.

    Args:
        log_mel: logarithm to base 10 of power, shape (n, frames, bands).
        valid: which frames are no padding, shape (n, frames, 1).
    """
    loudest = log_mel.masked_fill(~valid, -torch.inf).amax(dim=(1, 2), keepdim=True)
    return (torch.maximum(log_mel, loudest - 8) + 4) / 4
