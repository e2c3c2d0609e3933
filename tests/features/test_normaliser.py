import numpy as np
import numpy.typing as npt
import pytest

from didan.features import statistics


def utterances(mean: float, deviation: float) -> list[npt.NDArray[np.float32]]:
    """Three utterances of different length, each around its own mean, in four bands."""
    rng = np.random.default_rng(0)
    return [
        (mean + deviation * (shift + rng.standard_normal((frames, 4)))).astype(np.float32)
        for frames, shift in ((30, -1.0), (7, 2.0), (100, 0.5))
    ]


@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (-60, 12), (5000, 0.1), (0.3, 1e-3)])
def test_moments_are_those_of_all_frames_together(mean: float, deviation: float) -> None:
    parts = utterances(mean, deviation)
    found = statistics(parts)
    frames = np.concatenate(parts).astype(np.float64)
    np.testing.assert_allclose(found.mean, frames.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.deviation, frames.std(axis=0), rtol=1e-5)
    assert found.mean.dtype == found.deviation.dtype == np.float32


def test_utterances_may_come_from_a_generator() -> None:
    parts = utterances(3, 2)
    np.testing.assert_array_equal(statistics(iter(parts)).mean, statistics(parts).mean)


def test_normalised_frames_have_mean_0_and_deviation_1() -> None:
    parts = utterances(-60, 12)
    frames = np.concatenate([statistics(parts).apply(part) for part in parts])
    np.testing.assert_allclose(frames.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(frames.std(axis=0), 1, atol=1e-5)


def test_constant_band_becomes_0() -> None:
    parts = utterances(-60, 12)
    for part in parts:
        part[:, 2] = -80.1
    frames = np.concatenate([statistics(parts).apply(part) for part in parts])
    np.testing.assert_allclose(frames[:, 2], 0, atol=1e-4)
    np.testing.assert_allclose(frames[:, [0, 1, 3]].std(axis=0), 1, atol=1e-5)
