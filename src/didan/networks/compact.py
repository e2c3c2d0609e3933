"""The default network: four small convolutions with an early time stride, made for a CPU."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from didan.networks.network import FullyConnected, Output

_CHANNELS = (1, 16, 32, 64, 96)
_KERNELS = ((5, 5), (3, 3), (3, 3), (3, 3))
_STRIDES = ((4, 2), (2, 2), (2, 2), (1, 2))


class Compact(nn.Module):
    """Convolutions over (time, frequency), mean and standard deviation over time, two hidden layers.

    A frame of the last layer sees 61 frames, 0.6 s at a hop of 10 ms, and comes every 160 ms. Frames
    beyond an utterance's end are set to zero before every convolution and left out of the pooling, so padding
    has no effect: an utterance scores the same alone and in any batch.

    Args:
        n_bands: bands of the spectrogram.
        n_outputs: emotions.
        dropout: share of the inputs of each fully connected layer dropped while training.
    """

    def __init__(self, n_bands: int, n_outputs: int, dropout: float = 0.3) -> None:
        super().__init__()
        convolutions = [
            nn.Conv2d(before, after, kernel, stride, padding=(kernel[0] // 2, kernel[1] // 2), bias=False)
            for (before, after), kernel, stride in zip(pairwise(_CHANNELS), _KERNELS, _STRIDES, strict=True)
        ]
        self.convolutions = nn.ModuleList(convolutions)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in _CHANNELS[1:])
        for _, stride in _STRIDES:
            n_bands = (n_bands - 1) // stride + 1
        self.head = FullyConnected(2 * _CHANNELS[-1] * n_bands, n_outputs, (256, 128), dropout)
        self.widths = self.head.widths
        for convolution in convolutions:  # twice as fast on a CPU
            convolution.weight.data = convolution.weight.data.contiguous(memory_format=torch.channels_last)

    def forward(self, features: Tensor, lengths: Tensor) -> Output:
        """See :class:`didan.networks.Network`."""
        x = features.unsqueeze(1)
        valid = _valid(x, lengths)
        for convolution, norm, (stride, _) in zip(self.convolutions, self.norms, _STRIDES, strict=True):
            # One channel alone counts as either layout; without this its gradient would be laid out again.
            x = norm(convolution(x * valid).contiguous(memory_format=torch.channels_last))
            lengths = (lengths - 1) // stride + 1
            valid = _valid(x, lengths)
            x = torch.relu_(x)
        return self.head(_pool_over_time(x, valid))  # type: ignore[no-any-return]


def _valid(x: Tensor, lengths: Tensor) -> Tensor:
    """1 for the frames that belong to the utterance, shape (n, 1, frames, 1)."""
    frames = torch.arange(x.shape[2], device=x.device)
    return (frames < lengths[:, None]).to(x.dtype)[:, None, :, None]


def _pool_over_time(x: Tensor, valid: Tensor) -> Tensor:
    """Mean and standard deviation of each channel and band over the valid frames, shape (n, 2 * c * bands)."""
    count = valid.sum(dim=2)
    mean = (x * valid).sum(dim=2) / count
    variance = ((x - mean.unsqueeze(2)).square() * valid).sum(dim=2) / count
    return torch.cat([mean, (variance + 1e-5).sqrt()], dim=1).flatten(1)
