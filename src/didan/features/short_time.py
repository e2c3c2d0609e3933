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


class PowerSpectrum(nn.Module):
    """``|X|^2`` of windowed frames, centred at multiples of the hop; beyond the ends the signal is 0.

    The Fourier transform is one step of Cooley and Tukey's (Mathematics of Computation 19, 1965) as matrix
    products: with ``t = b t1 + t2`` and ``k = k1 + a k2``, n_fft = a b,

        X[k] = sum_t2 ( e^(-2 pi i k t2 / n_fft) sum_t1 e^(-2 pi i k1 t1 / a) x[t] )

    so that every runtime computes the same sums, in double precision's coefficients. (onnxruntime's own transform
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

    def __init__(
        self, window: Tensor, n_fft: int, hop: int, n_bins: int | None = None, remove_mean: bool = False
    ) -> None:
        super().__init__()
        self.hop, self.remove_mean = hop, remove_mean
        self.n_bins = n_fft // 2 + 1 if n_bins is None else n_bins
        self.a = next(a for a in range(math.isqrt(n_fft), 0, -1) if n_fft % a == 0)
        self.b = n_fft // self.a
        self.rows = -(-len(window) // self.b)  # of t1; beyond the window there is nothing to sum
        self.register_buffer("window", window.float(), persistent=False)
        k1, t1, t2 = (torch.arange(n).double() for n in (self.a, self.rows, self.b))
        k2 = torch.arange(-(-self.n_bins // self.a)).double()
        angles = 2 * torch.pi / self.a * torch.outer(k1, t1)
        self.register_buffer("inner", torch.cat([angles.cos(), -angles.sin()]).float(), persistent=False)
        angles = 2 * torch.pi / n_fft * t2[:, None] * (k1[:, None, None] + self.a * k2)
        real, imaginary = angles.cos(), -angles.sin()
        outer = torch.cat([torch.cat([real, imaginary], dim=2), torch.cat([-imaginary, real], dim=2)], dim=1)
        self.register_buffer("outer", outer.float(), persistent=False)

    def forward(self, signal: Tensor) -> Tensor:
        """Map signals, shape (n, samples), to power, shape (n, samples // hop + 1, n_bins)."""
        width = len(self.window)
        padded = pad(signal, (width // 2, width - width // 2))
        n_frames = signal.shape[1] // self.hop + 1
        starts = self.hop * torch.arange(n_frames, device=signal.device)
        frames = padded[:, starts[:, None] + torch.arange(width, device=signal.device)]
        if self.remove_mean:
            frames = frames - frames.mean(dim=2, keepdim=True)
        return self.of_frames(frames)

    def of_frames(self, frames: Tensor) -> Tensor:
        """Map frames, shape (n, frames, width), to power, shape (n, frames, n_bins)."""
        n, n_frames, width = frames.shape
        x = pad(frames * self.window, (0, self.rows * self.b - width)).reshape(-1, self.rows, self.b)
        y = (self.inner @ x).reshape(-1, 2, self.a, self.b).permute(2, 0, 1, 3).reshape(self.a, -1, 2 * self.b)
        real, imaginary = (y @ self.outer).chunk(2, dim=2)
        power = (real.square() + imaginary.square()).permute(1, 2, 0)  # frames, k2, k1
        return power.reshape(n, n_frames, -1)[:, :, : self.n_bins]
