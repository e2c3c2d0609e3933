"""The backbone for spectrograms, against cosines by their formula and polynomials fitted by numpy."""

import numpy as np
import numpy.typing as npt
import pytest
import torch

from didan.networks.cepstral import Cepstral
from didan.typing import Floats

BANDS, FRAMES = 16, 50


@pytest.fixture(scope="module")
def spectrogram() -> npt.NDArray[np.float32]:
    """The second half is 30 dB weaker."""
    levels = np.random.default_rng(0).normal(0, 3, (FRAMES, BANDS))
    levels[FRAMES // 2 :] -= 30
    made: npt.NDArray[np.float32] = levels.astype(np.float32)
    return made


def vector(spectrogram: npt.NDArray[np.float32]) -> Floats:
    backbone = Cepstral(spectrogram.shape[1])
    with torch.no_grad():
        made = backbone(torch.from_numpy(spectrogram)[None], torch.tensor([len(spectrogram)]))
    vectors: Floats = made.double().numpy()
    row: Floats = vectors[0]
    return row


def cosines(spectrogram: Floats) -> Floats:
    """Orthonormal: sqrt(2/B) sum_b x_b cos(pi k (b + 1/2) / B), and sqrt(1/2) of it for k = 0."""
    n = spectrogram.shape[1]
    k, b = np.arange(n)[:, None], np.arange(n) + 0.5
    basis = np.sqrt(2 / n) * np.cos(np.pi * k * b / n)
    basis[0] /= np.sqrt(2)
    transformed: Floats = spectrogram.astype(np.float64) @ basis.T
    return transformed


def fitted(tracks: Floats, length: int, degree: int) -> Floats:
    """Size of the highest coefficient of a polynomial fitted around each frame, up to a constant factor."""
    reach = length // 2
    padded = np.pad(tracks, ((reach, reach), (0, 0)), mode="edge")
    times = np.arange(-reach, reach + 1)
    return np.abs([np.polyfit(times, padded[t : t + length], degree)[0] for t in range(len(tracks))])


def statistics(tracks: Floats) -> list[Floats]:
    return [tracks.mean(axis=0), tracks.std(axis=0)]


def test_vector_by_hand(spectrogram: npt.NDArray[np.float32]) -> None:
    tracks = [cosines(spectrogram)]
    for length, degree in ((3, 1), (9, 1), (21, 1), (5, 2), (11, 2)):
        times = np.arange(length) - length // 2
        regressor = times if degree == 1 else np.square(times) - np.square(times).mean()
        # Least squares: the coefficient is the product with the regressor over its squared length; here over its
        # length alone.
        tracks.append(fitted(tracks[0], length, degree) * np.linalg.norm(regressor))
    all_of_them = np.concatenate(tracks, axis=1)
    loudness = spectrogram.mean(axis=1)
    loud = loudness > loudness.max() - 20
    assert 0 < loud.sum() < FRAMES
    expected = np.concatenate([*statistics(all_of_them), *statistics(all_of_them[loud])])
    np.testing.assert_allclose(vector(spectrogram), expected, rtol=1e-3, atol=2e-3)


def test_level_moves_one_coefficient_only(spectrogram: npt.NDArray[np.float32]) -> None:
    """A microphone further away changes the mean of the zeroth cosine, over all and over loud frames."""
    width = 6 * BANDS
    change = vector(spectrogram - 12) - vector(spectrogram)
    moved = np.flatnonzero(np.abs(change) > 1e-2)
    assert moved.tolist() == [0, 2 * width]
    np.testing.assert_allclose(change[moved], -12 * np.sqrt(BANDS), rtol=1e-4)


def test_what_never_changes_has_no_slope() -> None:
    made = vector(np.full((30, BANDS), -40, dtype=np.float32))
    assert made[0] == pytest.approx(-40 * np.sqrt(BANDS), rel=1e-5)
    np.testing.assert_allclose(np.delete(made, [0, 12 * BANDS]), 0, atol=2e-3)


@pytest.mark.parametrize("bands", [1, 2, 23, 64])
def test_any_number_of_bands(bands: int) -> None:
    backbone = Cepstral(bands)
    assert backbone(torch.zeros(2, 30, bands), torch.tensor([30, 5])).shape == (2, backbone.width)
