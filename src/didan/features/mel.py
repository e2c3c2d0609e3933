"""The mel scale and filter bank of Slaney's Auditory Toolbox (1998): linear below 1 kHz, logarithmic above.

The same as ``librosa.filters.mel`` with its defaults, against which it is tested. Importing librosa would compile
code, which needs a folder to write to.
"""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_HZ_PER_MEL = 200 / 3  # below the corner
_CORNER = 1000.0  # Hz
_LOG_STEP = np.log(6.4) / 27  # per mel above the corner


def hz_to_mel(frequencies: npt.ArrayLike) -> Floats:
    """Frequencies in Hz on the mel scale.

    >>> hz_to_mel([500, 1000, 6400]).round(6)
    array([ 7.5, 15. , 42. ])
    """
    hz = np.asarray(frequencies, dtype=np.float64)
    above = _CORNER / _HZ_PER_MEL + np.log(np.maximum(hz, _CORNER) / _CORNER) / _LOG_STEP
    return np.where(hz < _CORNER, hz / _HZ_PER_MEL, above)


def mel_to_hz(mels: npt.ArrayLike) -> Floats:
    """The inverse of :func:`hz_to_mel`."""
    mel = np.asarray(mels, dtype=np.float64)
    above = _CORNER * np.exp(_LOG_STEP * (mel - _CORNER / _HZ_PER_MEL))
    return np.where(mel < _CORNER / _HZ_PER_MEL, mel * _HZ_PER_MEL, above)


def mel_edges(n_bands: int, low: float, high: float) -> Floats:
    """Edges of triangular bands evenly spaced in mel, in Hz, shape (n_bands + 2,).

    Band k rises from edge k to its centre at edge k + 1 and falls to edge k + 2.
    """
    return mel_to_hz(np.linspace(hz_to_mel(low), hz_to_mel(high), n_bands + 2))


def cepstral_basis(n_bands: int, n_cepstra: int) -> Floats:
    """The orthonormal cosine transform (DCT-II) that makes cepstra of levels, shape (n_bands, n_cepstra).

    The same as ``scipy.fft.dct``, whose import takes a third of a second.
    """
    cosines = np.cos(np.pi / n_bands * np.outer(np.arange(n_bands) + 0.5, np.arange(n_cepstra)))
    return np.asarray(
        cosines * np.where(np.arange(n_cepstra) == 0, 1, np.sqrt(2)) / np.sqrt(n_bands), dtype=np.float64
    )


def mel_filters(rate: int, n_fft: int, n_bands: int, low: float, high: float) -> Floats:
    """Triangular filters of unit area, to be multiplied with a power spectrum.

    Args:
        rate: samples per second.
        n_fft: length of the Fourier transform.
        n_bands: number of filters.
        low: lower edge of the lowest, in Hz.
        high: upper edge of the highest, in Hz.

    Returns:
        Shape (n_bands, n_fft // 2 + 1), in 1/Hz.
    """
    frequencies = np.fft.rfftfreq(n_fft, 1 / rate)
    lower, centre, upper = (mel_edges(n_bands, low, high)[k : n_bands + k, None] for k in range(3))
    rising, falling = (frequencies - lower) / (centre - lower), (upper - frequencies) / (upper - centre)
    return np.asarray(np.maximum(np.minimum(rising, falling), 0) * 2 / (upper - lower), dtype=np.float64)
