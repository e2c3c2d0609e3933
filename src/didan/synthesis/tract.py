"""The vocal tract: time-varying filters, applied frame by frame to the spectrum."""

import numpy as np
import numpy.typing as npt
from scipy import fft

from didan.audio import RATE

HOP = 128
"""Samples from one frame to the next: 8 ms."""

N_FFT = 512
"""Twice the window's length: the second half takes up the ringing of the filters."""

N_FORMANTS = 7

FREQUENCIES = np.arange(N_FFT // 2 + 1) * (RATE / N_FFT)
"""Hz of the bins of a frame's spectrum."""

Reals = npt.NDArray[np.float32]
Spectra = npt.NDArray[np.complex64]

_WINDOW = np.hanning(2 * HOP + 1)[:-1].astype(np.float32)


def formant_response(formants: npt.NDArray[np.float64], scale: float) -> Spectra:
    """Frequency responses of a tract with the given formants.

    Every formant is a pair of poles of bandwidth B = 50 Hz + 0.03 F::

        H(z) = prod_k (1 - 2 r_k cos t_k + r_k^2) / (1 - 2 r_k cos t_k z^-1 + r_k^2 z^-2)

    with r = exp(-pi B / rate), t = 2 pi F / rate, so that H = 1 at 0 Hz. Above the third formant the tract is
    taken as a uniform tube: 3500, 4500, 5500, 6500 Hz.

    Args:
        formants: the first three formants in Hz, shape (frames, 3).
        scale: the speaker's factor on all of them.

    Returns:
        Shape (frames, bins).

    >>> response = formant_response(np.array([[500.0, 1500.0, 2500.0]]), 1.0)
    >>> round(float(abs(response[0, 0])), 3), float(FREQUENCIES[abs(response[0]).argmax()])
    (1.0, 500.0)
    """
    tube = np.broadcast_to(1000.0 * np.arange(4, N_FORMANTS + 1) - 500.0, (len(formants), N_FORMANTS - 3))
    hertz = scale * np.concatenate([formants, tube], axis=1)
    radius = np.exp(-np.pi * (50.0 + 0.03 * hertz) / RATE)
    middle = -2 * radius * np.cos(2 * np.pi * hertz / RATE)
    poles = np.zeros((len(formants), 2 * N_FORMANTS + 1))
    poles[:, 0] = 1.0
    for k in range(N_FORMANTS):
        delayed = middle[:, k, None] * poles[:, :-1]
        delayed[:, 1:] += radius[:, k, None] ** 2 * poles[:, :-2]
        poles[:, 1:] += delayed
    gain = poles.sum(axis=1, keepdims=True).astype(np.complex64)
    response: Spectra = gain / fft.rfft(poles.astype(np.float32), N_FFT)
    return response


def slope_response(slope_db: float, corner: float = 500.0) -> Reals:
    """Magnitude of a spectrum that turns at ``corner`` Hz to ``slope_db`` dB per octave, shape (bins,).

    >>> response = slope_response(-6.0)
    >>> round(20 * float(np.log10(response[128] / response[64])), 1)  # from 2 to 4 kHz
    -5.1
    """
    magnitude: Reals = (10 ** (slope_db / 20 * np.log2(1 + FREQUENCIES / corner))).astype(np.float32)
    return magnitude


def band_response(centre: npt.NDArray[np.float64], octaves: npt.NDArray[np.float64]) -> Reals:
    """Magnitudes of noise bands: Gaussians over log frequency, of mean power 1.

    Args:
        centre: Hz, shape (bands,).
        octaves: standard deviations, shape (bands,).

    Returns:
        Shape (bands, bins).
    """
    distance = np.log2(np.maximum(FREQUENCIES, 1.0) / centre[:, None]) / octaves[:, None]
    band = np.exp(-0.5 * distance**2)
    unit: Reals = (band / np.sqrt(np.mean(band**2, axis=1, keepdims=True))).astype(np.float32)
    return unit


def to_frames(samples: Reals) -> Spectra:
    """Spectra of half-overlapping windowed frames: shape (n * HOP,) to (n + 1, bins)."""
    blocks = np.pad(samples, HOP).reshape(-1, HOP)
    spectra: Spectra = fft.rfft(np.concatenate([blocks[:-1], blocks[1:]], axis=1) * _WINDOW, N_FFT)
    return spectra


def from_frames(spectra: Spectra) -> Reals:
    """Overlap-add, the inverse of :func:`to_frames`; what rings past the end is cut off.

    >>> samples = np.random.default_rng(0).standard_normal(20 * HOP).astype(np.float32)
    >>> bool(np.allclose(from_frames(to_frames(samples)), samples, atol=1e-5))
    True
    """
    blocks = fft.irfft(spectra, N_FFT).reshape(len(spectra), -1, HOP)
    n_parts = blocks.shape[1]
    added = np.zeros((len(spectra) + n_parts, HOP), dtype=np.float32)
    for part in range(n_parts):
        added[part : part + len(spectra)] += blocks[:, part]
    return added[1 : len(spectra)].ravel()
