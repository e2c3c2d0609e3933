"""The reference is numpy, frame by frame."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from didan.features.short_time import PowerSpectrum, is_valid, n_samples
from speech.talk import utterances

WINDOWS = {
    "spectrogram": (torch.hann_window(400), 400, None, False),
    "odd": (torch.hann_window(401), 401, None, False),
    "without the mean": (torch.hann_window(640), 1024, None, True),
    "low bins": (torch.hamming_window(512, periodic=False), 1024, 353, False),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_power_is_that_of_numpy(name: str) -> None:
    window, n_fft, n_bins, remove_mean = WINDOWS[name]
    width = len(window)
    samples = utterances()[0][:8000] + np.float32(0.01)
    padded = np.pad(samples.astype(np.float64), (width // 2, width - width // 2))
    frames = np.stack([padded[160 * k : 160 * k + width] for k in range(len(samples) // 160 + 1)])
    if remove_mean:
        frames -= frames.mean(axis=1, keepdims=True)
    expected = np.abs(np.fft.rfft(frames * window.numpy(), n_fft)) ** 2
    spectrum = PowerSpectrum(window, n_fft, 160, n_bins, remove_mean)
    power = spectrum(torch.from_numpy(samples)[None])[0].numpy()
    # Rounding is of the size of the loudest bin's: the amplitude of 1e-7 is 140 dB down.
    np.testing.assert_allclose(np.sqrt(power), np.sqrt(expected[:, : spectrum.n_bins]), atol=1e-6 * width**0.5)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_few_frames_have_the_power_that_they_have_among_others_to_the_last_bit(name: str) -> None:
    window, n_fft, n_bins, remove_mean = WINDOWS[name]
    spectrum = PowerSpectrum(window, n_fft, 160, n_bins, remove_mean)
    frames = torch.randn(3, 60, len(window), generator=torch.Generator().manual_seed(0))
    together = spectrum.of_frames(frames)
    for n_frames in (1, 2, 7, 13):
        assert torch.equal(spectrum.of_frames(frames[:1, :n_frames]), together[:1, :n_frames])


@given(lengths=st.lists(st.integers(0, 20), min_size=1, max_size=5))
def test_zeros_at_the_end_are_padding(lengths: list[int]) -> None:
    waveform = torch.zeros(len(lengths), 20)
    for row, length in zip(waveform, lengths, strict=True):
        row[:length] = 0.1
        row[: length - 1 : 2] = 0  # within there may be zeros as well
    counted = n_samples(waveform)
    assert counted.tolist() == lengths
    assert is_valid(counted, 20).sum(dim=1).tolist() == lengths
