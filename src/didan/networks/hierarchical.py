"""The backbone of nested transformers: frames of a segment attend to one another, then segments of an utterance.

    h_kt = T_1(W x_kt + p_t),    g_k = T_2(mean_t h_kt),    v = [mean_k g_k, std_k g_k]

x_kt is frame t of segment k, about half a second, p_t a learnt position; T_1 and T_2 are a transformer layer each
(Vaswani et al., NeurIPS 2017). That HDA (Lu et al., Interspeech 2024) nests transformers for frames, segments and
utterances is the paper's; sizes, means and positions are ours.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, pad

from didan.features.short_time import is_valid, moments_over_time
from didan.networks.cepstral import LEAST_VARIANCE

_WIDTH = 64
_HEADS = 4


class Hierarchical(nn.Module):
    """Maps log-mel spectrograms or frames of hidden states to vectors; see :class:`didan.networks.Backbone`.

    Args:
        n_bands: of a frame.
        spectrogram: whether frames are log-mel spectra, every 10 ms; else they are hidden states, every 100 ms.

    >>> Hierarchical(64, spectrogram=True)(torch.randn(2, 100, 64), torch.tensor([100, 80])).shape
    torch.Size([2, 128])
    """

    rate, begins = 1.0, 0.0
    width = 2 * _WIDTH

    def __init__(self, n_bands: int, *, spectrogram: bool) -> None:
        super().__init__()
        self.n_bands, self.spectrogram = n_bands, spectrogram
        self.stacked, self.n_frames = (4, 12) if spectrogram else (1, 5)  # of a segment
        self.project = nn.Linear(n_bands * self.stacked, _WIDTH)
        self.positions = nn.Parameter(torch.randn(self.n_frames, _WIDTH) / _WIDTH**0.5)
        self.of_frames, self.of_segments = _Transformer(), _Transformer()

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """See :class:`didan.networks.Backbone`."""
        return self._levels(features, lengths)[0]

    def levels(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The same vectors, and what they were made of: ``frames`` and ``segments``, of shape (how many, width).

        Args:
            features: shape (n, frames, bands), padded at the end.
            lengths: valid frames of each utterance, shape (n,).

        >>> made = Hierarchical(64, spectrogram=True).levels(torch.randn(2, 100, 64), torch.tensor([100, 80]))[1]
        >>> {level: tuple(h.shape) for level, h in made.items()}
        {'frames': (45, 64), 'segments': (5, 64)}
        """
        vectors, h, g, valid = self._levels(features, lengths)
        return vectors, {"frames": h[valid], "segments": g[valid.any(dim=2)]}

    def _levels(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Vectors, frames, segments, and which frames are valid.

        Shapes (n, width), (n, segments, frames, width), (n, segments, width), (n, segments, frames).
        """
        # Decibels lie around -40; hidden states are scaled as between the layers of their encoder.
        x = (features + 40) / 20 if self.spectrogram else layer_norm(features, features.shape[2:])
        n, length, bands = x.shape
        x = x * is_valid(lengths, length)[:, :, None]
        x = pad(x, (0, 0, 0, -length % (self.stacked * self.n_frames)))
        x = x.reshape(n, -1, self.n_frames, self.stacked * bands)
        n_segments = x.shape[1]
        valid = is_valid((lengths + self.stacked - 1) // self.stacked, n_segments * self.n_frames)
        valid = valid.reshape(n, n_segments, self.n_frames)
        frames = (self.project(x) + self.positions).flatten(0, 1)
        h = self.of_frames.over(frames, valid.flatten(0, 1)).reshape(n, n_segments, self.n_frames, _WIDTH)
        weights = valid[:, :, :, None].to(h)
        segments = (h * weights).sum(dim=2) / weights.sum(dim=2).clamp(min=1)
        g = self.of_segments.over(segments, valid.any(dim=2))
        _, mean, variance = moments_over_time(g, valid.any(dim=2))
        return torch.cat([mean, (variance + LEAST_VARIANCE).sqrt()], dim=1), h, g, valid


class _Transformer(nn.TransformerEncoderLayer):
    """One layer, which attends to valid places alone."""

    def __init__(self) -> None:
        super().__init__(
            _WIDTH, _HEADS, 2 * _WIDTH, dropout=0, activation="gelu", batch_first=True, norm_first=True
        )

    def over(self, x: Tensor, valid: Tensor) -> Tensor:
        """Map features, shape (n, places, width), where ``valid`` says so, shape (n, places)."""
        # Where nothing is valid, everything is attended to and nobody looks at the outcome: else it were NaN.
        made: Tensor = self(x, src_key_padding_mask=~(valid | ~valid.any(dim=1, keepdim=True)))
        return made
