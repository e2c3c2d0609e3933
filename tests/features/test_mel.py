"""The reference is librosa."""

import subprocess
import sys

import librosa
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.fft import dct

from didan.features.mel import cepstral_basis, hz_to_mel, mel_edges, mel_filters, mel_to_hz


@given(hz=st.floats(0, 20_000))
def test_the_scale_is_that_of_librosa(hz: float) -> None:
    assert hz_to_mel(hz) == pytest.approx(librosa.hz_to_mel(hz))
    assert mel_to_hz(hz_to_mel(hz)) == pytest.approx(hz, abs=1e-9)


@pytest.mark.parametrize(("n_bands", "n_cepstra"), [(64, 20), (64, 64), (7, 3)])
def test_cepstra_are_those_of_scipy(n_bands: int, n_cepstra: int) -> None:
    expected = dct(np.eye(n_bands), axis=1, norm="ortho")[:, :n_cepstra]
    np.testing.assert_allclose(cepstral_basis(n_bands, n_cepstra), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("n_fft", "n_bands", "low", "high"), [(400, 64, 50, 8000), (512, 40, 0, 4000), (320, 20, 300, 3400)]
)
def test_filters_are_those_of_librosa(n_fft: int, n_bands: int, low: float, high: float) -> None:
    expected = librosa.filters.mel(sr=16_000, n_fft=n_fft, n_mels=n_bands, fmin=low, fmax=high, dtype=np.float64)
    np.testing.assert_allclose(mel_filters(16_000, n_fft, n_bands, low, high), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        mel_edges(n_bands, low, high), librosa.mel_frequencies(n_bands + 2, fmin=low, fmax=high)
    )


def test_features_need_no_librosa() -> None:
    command = "import sys, didan.features; sys.exit(any(name in sys.modules for name in ('librosa', 'numba')))"
    assert subprocess.run([sys.executable, "-c", command], check=False).returncode == 0
