"""The backbone for spectrograms: a cosine transform, slopes and curvatures in time, statistics over frames.

    c_t = C x_t,    y_t = [c_t, |f_1 * c|_t, ..., |f_5 * c|_t],
    v = [mean y, std y] over all frames, and over the loud ones

x_t is the log-mel spectrum of frame t in dB. C and the filters f_k in time, one of each per cepstral coefficient,
begin as what cepstral analysis has them be: the orthonormal discrete cosine transform (Davis and Mermelstein, IEEE
TASSP 28, 1980), and regression of the first and second order over several lengths (Furui, IEEE TASSP 34, 1986).
There they stay by default: what is learnt of one corpus suits that corpus. Each part was tried without, see
docs/experiments/spectrogram.md.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from didan.features.mel import cepstral_basis
from didan.features.short_time import is_valid, moments_over_time

LEAST_VARIANCE = 1e-6

_LOUD = 20.0  # dB below the loudest frame


class Cepstral(nn.Module):
    """Maps log-mel spectrograms to vectors; see :class:`didan.networks.Backbone`.

    Args:
        n_bands: of the spectrogram.

    >>> Cepstral(64)(torch.randn(2, 100, 64), torch.tensor([100, 80])).shape
    torch.Size([2, 1536])
    """

    rate, begins = 0.0, 0.0
    slopes: tuple[int, ...] = (3, 9, 21)
    curvatures: tuple[int, ...] = (5, 11)
    """Lengths of the filters, in frames."""

    def __init__(self, n_bands: int) -> None:
        super().__init__()
        self.n_bands = n_bands
        self.cosines = nn.Linear(n_bands, n_bands, bias=False)
        self.cosines.weight.data = torch.from_numpy(cepstral_basis(n_bands, n_bands).T).float()
        filters = [_regression(length, order=1) for length in self.slopes]
        filters += [_regression(length, order=2) for length in self.curvatures]
        self.filters = nn.ModuleList(_in_time(own, n_bands) for own in filters)
        self.width = 4 * n_bands * (1 + len(filters))

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """See :class:`didan.networks.Backbone`."""
        valid = is_valid(lengths, features.shape[1])
        # Beyond both ends the first and the last frame go on, as if nothing changed there.
        frames = torch.arange(features.shape[1], device=features.device).minimum(lengths[:, None] - 1)
        cepstra = self.cosines(features.gather(1, frames[:, :, None].expand_as(features))).mT
        changes = [self._filtered(convolution, cepstra).abs() for convolution in self.filters]
        return self.pooled(torch.cat([cepstra, *changes], dim=1).mT, features, valid)

    def pooled(self, tracks: Tensor, features: Tensor, valid: Tensor) -> Tensor:
        """Statistics of cepstra and their changes, shape (n, width).

        Args:
            tracks: shape (n, frames, tracks).
            features: the spectrograms.
            valid: which frames are no padding, shape (n, frames).
        """
        loudness = features.mean(dim=2).masked_fill(~valid, -torch.inf)
        loud = loudness > loudness.amax(dim=1, keepdim=True) - _LOUD
        parts = [moments_over_time(tracks, chosen) for chosen in (valid, loud)]
        statistics = [part for _, mean, variance in parts for part in (mean, (variance + LEAST_VARIANCE).sqrt())]
        return torch.cat(statistics, dim=1)

    @staticmethod
    def _filtered(convolution: nn.Module, tracks: Tensor) -> Tensor:
        reach: int = convolution.kernel_size[0] // 2  # type: ignore[index,assignment]
        filtered: Tensor = convolution(pad(tracks, (reach, reach), mode="replicate"))
        return filtered


def _regression(length: int, order: int) -> npt.NDArray[np.float64]:
    """Weights, of length 1, whose sum with ``length`` frames is their slope (order 1) or curvature (order 2).

    >>> _regression(3, order=1).round(3)
    array([-0.707,  0.   ,  0.707])
    """
    times = np.arange(length) - length // 2
    polynomial = times.astype(np.float64) if order == 1 else np.square(times) - np.square(times).mean()
    return polynomial / np.linalg.norm(polynomial)


def _in_time(filter_: npt.NDArray[np.float64], n_tracks: int) -> nn.Conv1d:
    """A convolution that begins as the same filter for every track."""
    convolution = nn.Conv1d(n_tracks, n_tracks, len(filter_), groups=n_tracks, bias=False)
    convolution.weight.data = torch.from_numpy(filter_).float().repeat(n_tracks, 1, 1)
    return convolution
