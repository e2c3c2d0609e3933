"""w2v-BERT 2.0 (Barrault et al., 2023): a conformer over Kaldi's filter banks."""

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from didan.audio import RATE
from didan.features.encoders.encoder import attention_mask, in_single_precision, run_layers
from didan.features.encoders.wav2vec2 import Wav2Vec2
from didan.features.short_time import PowerSpectrum, is_valid

_WINDOW, _HOP, _FFT = 400, 160, 512  # samples
_BANDS, _LOWEST = 80, 20.0
_PREEMPHASIS = 0.97
_STACKED = 2  # frames of the filter bank in one of the encoder
_FLOOR = 1.192092955078125e-07


class Wav2Vec2Bert(nn.Module):
    """Log filter-bank energies, normalised by band over the utterance, two frames in one; conformer layers.

    Args:
        model: ``Wav2Vec2BertModel`` of transformers.
        setup: its ``preprocessor_config.json``; there is no choice that matters here.
    """

    architecture = "Wav2Vec2BertModel"
    renamed: ClassVar[dict[str, str]] = {}
    heads = Wav2Vec2.heads
    attention = "eager"
    shortest = _WINDOW + _HOP

    filters: Tensor

    def __init__(self, model: Any, setup: dict[str, Any]) -> None:
        super().__init__()
        self.model = model
        window = torch.hann_window(_WINDOW, periodic=False, dtype=torch.float64).pow(0.85)  # Kaldi's "povey"
        self.power_spectrum = PowerSpectrum(window, _FFT, _HOP)
        self.register_buffer(
            "filters", torch.from_numpy(_kaldi_filters()).float().mT.contiguous(), persistent=False
        )

    def forward(self, waveform: Tensor, lengths: Tensor, last: int) -> tuple[list[Tensor], Tensor]:
        """See :class:`didan.features.encoders.Encoder`."""
        with in_single_precision(waveform):
            bands, n_frames = self.filter_bank(waveform, lengths)
        bands = bands[:, : bands.shape[1] // _STACKED * _STACKED]
        stacked = bands.reshape(bands.shape[0], -1, _STACKED * _BANDS)
        n_frames = n_frames // _STACKED
        valid = is_valid(n_frames, stacked.shape[1])
        projected, _ = self.model.feature_projection(stacked)
        first = projected * valid[:, :, None]
        encoder = self.model.encoder
        positions = encoder.embed_positions(first) if encoder.embed_positions is not None else None
        states = run_layers(
            encoder.layers,
            first,
            last,
            None,
            attention_mask=attention_mask(valid).to(first),
            relative_position_embeddings=positions,
            conv_attention_mask=valid,
        )
        return states, n_frames

    def filter_bank(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Kaldi's log filter-bank energies, standardised by band: shape (n, frames, 80), and numbers of frames."""
        # Kaldi's first frame begins at the first sample; the power spectrum's is centred there.
        n_frames = (lengths - _WINDOW) // _HOP + 1
        power = self._power(waveform)
        valid = is_valid(n_frames, power.shape[1])[:, :, None]
        energies = (power @ self.filters).clamp_min(_FLOOR).log()
        count = n_frames[:, None, None]
        mean = (energies * valid).sum(dim=1, keepdim=True) / count
        centred = (energies - mean) * valid
        # One frame alone has no variance.
        variance = centred.square().sum(dim=1, keepdim=True) / (count - 1).clamp_min(1)
        return centred / (variance + 1e-7).sqrt(), n_frames

    def _power(self, waveform: Tensor) -> Tensor:
        """Power of frames without their mean, emphasised frame by frame as Kaldi does, shape (n, frames, bins)."""
        starts = _HOP * torch.arange((waveform.shape[1] - _WINDOW) // _HOP + 1, device=waveform.device)
        frames = waveform[:, starts[:, None] + torch.arange(_WINDOW, device=waveform.device)] * 2**15
        frames = frames - frames.mean(dim=2, keepdim=True)
        before = torch.cat([frames[:, :, :1], frames[:, :, :-1]], dim=2)
        return self.power_spectrum.of_frames(frames - _PREEMPHASIS * before)


def _kaldi_filters() -> npt.NDArray[np.float64]:
    """Triangles in Kaldi's mel scale, 1127 ln(1 + f / 700), shape (80, 257)."""

    def mel(hz: Any) -> Any:
        return 1127.0 * np.log1p(np.asarray(hz) / 700.0)

    edges = np.linspace(mel(_LOWEST), mel(RATE / 2), _BANDS + 2)
    bins = mel(np.fft.rfftfreq(_FFT, 1 / RATE))
    lower, centre, upper = (edges[k : _BANDS + k, None] for k in range(3))
    rising, falling = (bins - lower) / (centre - lower), (upper - bins) / (upper - centre)
    return np.asarray(np.maximum(np.minimum(rising, falling), 0), dtype=np.float64)
