"""Statistics over time of contours, that is of what changes from frame to frame, in a masked batch.

Where a function takes ``n_frames``, only the first so many frames of each utterance count; :func:`select_frames`
moves those selected by a mask to the front.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from didan.features.short_time import is_valid

MOMENTS_AND_PERCENTILES = ("mean", "std", "p10", "p90", "mean_abs_delta")
CONTOUR_STATISTICS = ("mean", "std", "p10", "p25", "p50", "p75", "p90", "mean_abs_delta", "curvature", "slope")
RHYTHM = (
    "voiced_fraction",
    "voiced_segments_per_frame",
    "voiced_segment_frames_mean",
    "voiced_segment_frames_std",
)

MODULATION_EDGES = (0.4, 1.0, 2.0, 4.0, 6.0, 8.0, 12.0, 20.0, 50.0)
"""Edges in Hz: below 2 phrases, about 4 syllables, above 8 phones and roughness."""

MODULATION_FFT = 512
"""Length of the Fourier transform over frames."""

MIN_MODULATION = 1e-1  # dB^2; a level that moves less than 0.3 dB does not move


def select_frames(frames: Tensor, selected: Tensor) -> tuple[Tensor, Tensor]:
    """Move the selected frames of each utterance to the front, in their order.

    Args:
        frames: shape (n, frames, bands).
        selected: shape (n, frames).

    Returns:
        Shape (n, frames, bands), and the number of those selected, shape (n,).

    >>> select_frames(torch.tensor([[[5.0], [6.0], [7.0]]]), torch.tensor([[False, True, True]]))
    (tensor([[[6.],
             [7.],
             [5.]]]), tensor([2]))
    """
    positions = torch.arange(frames.shape[1], device=frames.device)
    order = torch.where(selected, positions, positions + frames.shape[1]).argsort(dim=1)
    return frames.gather(1, order[:, :, None].expand_as(frames)), selected.sum(dim=1)


def moments(frames: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and (population) standard deviation.

    Args:
        frames: shape (n, frames, bands).
        n_frames: shape (n,).

    Returns:
        Two of shape (n, bands).
    """
    valid = is_valid(n_frames, frames.shape[1])[:, :, None]
    mean = (frames * valid).sum(dim=1) / n_frames[:, None]
    variance = ((frames - mean[:, None]).square() * valid).sum(dim=1) / n_frames[:, None]
    return mean, variance.sqrt()


def moments_and_percentiles(frames: Tensor, n_frames: Tensor) -> Tensor:
    """The statistics ``MOMENTS_AND_PERCENTILES`` of every band.

    ``mean_abs_delta`` is the mean absolute difference of neighbouring frames, 0 of a single frame.

    Args:
        frames: shape (n, frames, bands).
        n_frames: at least 1, shape (n,).

    Returns:
        Shape (n, 5, bands).

    >>> moments_and_percentiles(torch.tensor([[[0.0], [2.0], [9.0]]]), torch.tensor([2]))[0, :, 0]
    tensor([1.0000, 1.0000, 0.2000, 1.8000, 2.0000])
    """
    mean, std = moments(frames, n_frames)
    percentiles = _percentiles(frames, n_frames, (10, 90))
    delta = _mean_abs_delta(frames, n_frames)
    return torch.cat([mean[:, None], std[:, None], percentiles, delta[:, None]], dim=1)


def contour_statistics(frames: Tensor, n_frames: Tensor) -> Tensor:
    """The statistics ``CONTOUR_STATISTICS`` of every band.

    They are those of :func:`moments_and_percentiles`, quartiles, and curvature and slope of the parabola that fits
    best, time going from -1 to 1; these are 0 under 3 frames.

    Args:
        frames: shape (n, frames, bands).
        n_frames: at least 1, shape (n,).

    Returns:
        Shape (n, 10, bands).

    >>> rising = torch.tensor([[[0.0], [1.0], [4.0]]])               # (t + 1)^2 = t^2 + 2 t + 1
    >>> contour_statistics(rising, torch.tensor([3]))[0, -2:, 0].numpy().round(3)
    array([1., 2.], dtype=float32)
    """
    mean, std = moments(frames, n_frames)
    percentiles = _percentiles(frames, n_frames, (10, 25, 50, 75, 90))
    delta = _mean_abs_delta(frames, n_frames)
    fit = _quadratic_fit(frames, n_frames)
    return torch.cat([mean[:, None], std[:, None], percentiles, delta[:, None], fit], dim=1)


def rhythm(voiced: Tensor, n_frames: Tensor) -> Tensor:
    """The four numbers of ``RHYTHM``: how much is voiced, in how many segments, and how long those are.

    Args:
        voiced: shape (n, frames).
        n_frames: how many frames the utterance has, at least 1, shape (n,); those that are voiced are among them.

    Returns:
        Shape (n, 4), lengths in frames; 0 where nothing is voiced.

    >>> rhythm(torch.tensor([[True, True, False, True]]), torch.tensor([4]))
    tensor([[0.7500, 0.5000, 1.5000, 0.5000]])
    """
    unvoiced = torch.zeros_like(voiced[:, :1])
    before, after = torch.cat([unvoiced, voiced], dim=1), torch.cat([voiced, unvoiced], dim=1)
    positions = torch.arange(before.shape[1], device=voiced.device)[None, :, None].expand(voiced.shape[0], -1, 1)
    starts, n_segments = select_frames(positions, after & ~before)
    ends, _ = select_frames(positions, before & ~after)
    mean, std = moments((ends - starts).float(), n_segments.clamp_min(1))
    amounts = torch.stack([voiced.sum(dim=1) / n_frames, n_segments / n_frames], dim=1)
    return torch.cat([amounts, mean, std], dim=1) * (n_segments > 0)[:, None]


class ModulationSpectrum(nn.Module):
    """Log power of the modulations of levels between neighbouring ``MODULATION_EDGES``.

    The Fourier transform of any number of frames, at multiples of 100 / 512 Hz, is that of the frames folded, that
    is summed at distances of 512; where the selected frames begin does not change its power.
    """

    weights: Tensor

    def __init__(self) -> None:
        super().__init__()
        frequencies = torch.fft.rfftfreq(MODULATION_FFT, 0.01)
        edges = torch.tensor(MODULATION_EDGES)[:, None]
        within = ((frequencies >= edges[:-1]) & (frequencies < edges[1:])).float()
        self.register_buffer("weights", within / within.sum(dim=1, keepdim=True), persistent=False)

    def forward(self, levels: Tensor, selected: Tensor) -> Tensor:
        """Map contours of the level to the spectrum of their modulations.

        Args:
            levels: in dB, one frame in 10 ms, shape (n, frames, bands).
            selected: which frames count, a contiguous span, shape (n, frames).

        Returns:
            In ln dB^2, shape (n, 8, bands).
        """
        selected, n_selected = selected[:, :, None], selected.sum(dim=1)[:, None, None]
        mean = (levels * selected).sum(dim=1, keepdim=True) / n_selected
        centred = pad((levels - mean) * selected, (0, 0, 0, -levels.shape[1] % MODULATION_FFT))
        # A power of 2, of which onnxruntime's Fourier transform is as accurate as torch's.
        folded = centred.reshape(levels.shape[0], -1, MODULATION_FFT, levels.shape[2]).sum(dim=1)
        spectrum = torch.fft.rfft(folded, dim=1)
        power = (spectrum.real.square() + spectrum.imag.square()) / n_selected
        modulations: Tensor = (self.weights @ power + MIN_MODULATION).log()
        return modulations


def _percentiles(frames: Tensor, n_frames: Tensor, percents: tuple[int, ...]) -> Tensor:
    """Interpolated linearly, as numpy does by default; shape (n, percents, bands)."""
    valid = is_valid(n_frames, frames.shape[1])[:, :, None]
    ordered = frames.masked_fill(~valid, torch.inf).sort(dim=1).values
    last = (n_frames - 1)[:, None]
    position = last * (torch.tensor(percents, dtype=frames.dtype, device=frames.device) / 100)
    below = position.floor().long()
    above = torch.minimum(below + 1, last)
    low, high = (ordered.gather(1, k[:, :, None].expand(-1, -1, frames.shape[2])) for k in (below, above))
    return low + (position - below)[:, :, None] * (high - low)


def _mean_abs_delta(frames: Tensor, n_frames: Tensor) -> Tensor:
    """Shape (n, bands)."""
    valid = is_valid(n_frames - 1, frames.shape[1] - 1)[:, :, None]
    return ((frames[:, 1:] - frames[:, :-1]).abs() * valid).sum(dim=1) / (n_frames[:, None] - 1).clamp_min(1)


def _quadratic_fit(frames: Tensor, n_frames: Tensor) -> Tensor:
    """Curvature and slope, shape (n, 2, bands)."""
    valid = is_valid(n_frames, frames.shape[1])
    positions = torch.arange(frames.shape[1], dtype=frames.dtype, device=frames.device)
    # Even and odd polynomials are orthogonal on times that lie symmetrically, so the parabola's parts come apart.
    times = (2 * positions / (n_frames[:, None] - 1).clamp_min(1) - 1) * valid
    squares = (times.square() - times.square().sum(dim=1, keepdim=True) / n_frames[:, None]) * valid
    basis = torch.stack([squares, times], dim=1)
    enough = (n_frames >= 3)[:, None, None]
    fit: Tensor = (basis @ frames) / basis.square().sum(dim=2, keepdim=True).clamp_min(1e-12) * enough
    return fit
