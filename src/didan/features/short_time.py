"""Short-time analysis of a padded batch: how long each utterance is, and the power spectrum of its frames."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import pad


def n_samples(waveform: Tensor) -> Tensor:
    """How long each utterance is without the zeros at its end, which are padding; shape (n,).

    >>> n_samples(torch.tensor([[0.0, 0.5, 0.0, 0.1], [0.2, 0.0, 0.0, 0.0]]))
    tensor([4, 1])
    """
    positions = torch.arange(1, waveform.shape[1] + 1, device=waveform.device)
    return (positions * (waveform != 0)).amax(dim=1)


def is_valid(n_valid: Tensor, length: int) -> Tensor:
    """Which of ``length`` steps in time are no padding, shape (n, length).

    Args:
        n_valid: of each utterance, shape (n,).
        length: of the padded time axis.
    """
    valid: Tensor = torch.arange(length, device=n_valid.device) < n_valid[:, None]
    return valid


def moments_over_time(features: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Number, mean and variance of the chosen frames of each utterance, shapes (n, 1), (n, bands), (n, bands).

    Args:
        features: shape (n, frames, bands).
        chosen: which frames, at least one of each utterance, shape (n, frames).

    >>> moments_over_time(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]))
    (tensor([[2.]]), tensor([[2.]]), tensor([[1.]]))
    """
    weights = chosen[:, :, None].to(features)
    count = weights.sum(dim=1)
    mean = (features * weights).sum(dim=1) / count
    variance = ((features - mean[:, None]).square() * weights).sum(dim=1) / count
    return count, mean, variance


_FEW = 11
"""Frames that are added to any number of them: products of fewer have another order of sums."""


class PowerSpectrum(nn.Module):
    """``|X|^2`` of windowed frames, centred at multiples of the hop; beyond the ends the signal is 0.

    The Fourier transform is one step of Cooley and Tukey's (Mathematics of Computation 19, 1965) as matrix
    products: with ``t = b t1 + t2`` and n_fft = a b,

        X[k] = sum_t2 ( e^(-2 pi i k t2 / n_fft) sum_t1 e^(-2 pi i k t1 / a) x[t] )

    The inner sum depends on the remainder of k by a alone, and is conjugated for the remainder a - k, since x is
    real: half of them are computed. Frames lie side by side, so that between the products nothing moves.

    Every runtime computes the same sums, in double precision's coefficients. (onnxruntime's own transform
    is ten times slower and wrong by -48 dB where n_fft is no power of 2; windowed cosines as a convolution are
    three times slower.)

    Args:
        window: shape (width,).
        n_fft: length of the transform; the window is padded with zeros.
        hop: samples from one frame to the next.
        n_bins: bins to compute, from 0 Hz; all of them if None.
        remove_mean: subtract the mean of each frame before the window.
    """

    window: Tensor
    inner: Tensor
    outer: Tensor
    order: Tensor

    def __init__(
        self, window: Tensor, n_fft: int, hop: int, n_bins: int | None = None, remove_mean: bool = False
    ) -> None:
        super().__init__()
        self.hop, self.remove_mean = hop, remove_mean
        self.n_bins = n_fft // 2 + 1 if n_bins is None else n_bins
        a = next(a for a in range(math.isqrt(n_fft), 0, -1) if n_fft % a == 0)
        self.b = n_fft // a
        self.rows = -(-len(window) // self.b)  # of t1; beyond the window there is nothing to sum
        self.register_buffer("window", window.float(), persistent=False)
        remainders, t1, t2 = (torch.arange(n).double() for n in (a // 2 + 1, self.rows, self.b))
        angles = 2 * torch.pi / a * torch.outer(remainders, t1)
        inner = torch.stack([angles.cos(), -angles.sin()], dim=1).flatten(0, 1)
        self.register_buffer("inner", inner.float(), persistent=False)
        # Of each remainder and its conjugate the bins, the last ones repeated until all have as many.
        bins = torch.arange(self.n_bins)
        own = [bins[(bins % a == r) | (bins % a == (a - r) % a)] for r in range(a // 2 + 1)]
        most = max(map(len, own))
        k = torch.stack([torch.cat([one, one[-1:].expand(most - len(one))]) for one in own])
        angles = 2 * torch.pi / n_fft * t2 * k[:, :, None]
        sign = torch.where(k % a == remainders[:, None], 1.0, -1.0)[:, :, None]
        real, imaginary = angles.cos(), -angles.sin()
        of_real, of_imaginary = (
            torch.cat([real, -sign * imaginary], dim=2),
            torch.cat([imaginary, sign * real], dim=2),
        )
        self.register_buffer("outer", torch.cat([of_real, of_imaginary], dim=1).float(), persistent=False)
        self.register_buffer("order", (k.flatten() == bins[:, None]).int().argmax(dim=1), persistent=False)

    def forward(self, signal: Tensor) -> Tensor:
        """Map signals, shape (n, samples), to power, shape (n, samples // hop + 1, n_bins)."""
        width = len(self.window)
        n_frames, n_hops = signal.shape[1] // self.hop + 1, -(-width // self.hop)
        padded = pad(signal, (width // 2, n_hops * self.hop - width // 2))
        hops = padded[:, : (n_frames + n_hops - 1) * self.hop].reshape(signal.shape[0], -1, self.hop)
        frames = torch.cat([hops[:, k : k + n_frames] for k in range(n_hops)], dim=2)[:, :, :width]
        if self.remove_mean:
            frames = frames - frames.mean(dim=2, keepdim=True)
        return self.of_frames(frames)

    def of_frames(self, frames: Tensor) -> Tensor:
        """Map frames, shape (n, frames, width), to power, shape (n, frames, n_bins)."""
        n, n_frames, width = frames.shape
        enough = n_frames + _FEW  # in products of a few frames sums have another order
        x = pad(frames * self.window, (0, self.rows * self.b - width, 0, _FEW)).mT.reshape(n, self.rows, -1)
        y = (self.inner @ x).reshape(n, len(self.outer), -1, enough)
        real, imaginary = (self.outer @ y).chunk(2, dim=2)
        power = (real.square() + imaginary.square()).flatten(1, 2)
        return power[:, self.order, :n_frames].mT
