"""Against numpy, scipy and closed forms, each utterance alone; the batch is padded with what must not count."""

from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from torch import Tensor

from didan.features.contour_statistics import (
    CONTOUR_STATISTICS,
    MODULATION_EDGES,
    MOMENTS_AND_PERCENTILES,
    RHYTHM,
    ModulationSpectrum,
    contour_statistics,
    moments_and_percentiles,
    rhythm,
    select_frames,
)

Floats = npt.NDArray[np.float64]

LENGTHS = torch.tensor([1, 2, 3, 40, 700])
FRAMES = torch.randn(5, 700, 4, generator=torch.Generator().manual_seed(0)).double()


def statistic(name: str, frames: Floats) -> Any:
    """By numpy and scipy, of frames of shape (frames, bands)."""
    if name == "mean":
        return frames.mean(axis=0)
    if name == "std":
        return np.sqrt(stats.moment(frames, 2))
    if name == "mean_abs_delta":
        return np.abs(np.diff(frames, axis=0)).sum(axis=0) / max(len(frames) - 1, 1)
    if name in ("curvature", "slope"):
        if len(frames) < 3:
            return 0
        curvature, slope, _ = np.polyfit(np.linspace(-1, 1, len(frames)), frames, 2)
        return curvature if name == "curvature" else slope
    return np.percentile(frames, int(name.removeprefix("p")), axis=0)


@pytest.mark.parametrize(
    ("compute", "names"),
    [(moments_and_percentiles, MOMENTS_AND_PERCENTILES), (contour_statistics, CONTOUR_STATISTICS)],
)
def test_statistics_are_those_of_numpy(
    compute: Callable[[Tensor, Tensor], Tensor], names: tuple[str, ...]
) -> None:
    computed = compute(FRAMES, LENGTHS)
    assert computed.shape == (5, len(names), 4)
    for row, frames, length in zip(computed, FRAMES.numpy(), LENGTHS.tolist(), strict=True):
        for values, name in zip(row, names, strict=True):
            np.testing.assert_allclose(values, statistic(name, frames[:length]), atol=1e-6, err_msg=name)


@pytest.mark.parametrize("compute", [moments_and_percentiles, contour_statistics])
def test_statistics_follow_a_change_of_units(compute: Callable[[Tensor, Tensor], Tensor]) -> None:
    # So normalisation per speaker takes out what is constant in a speaker's descriptors.
    before, after = compute(FRAMES, LENGTHS), compute(3 * FRAMES + 7, LENGTHS)
    assert set((after - 3 * before).numpy().round(6).ravel()) == {0.0, 7.0}


def test_a_parabola_has_its_own_slope_and_curvature() -> None:
    t = torch.linspace(-1, 1, 40)[None, :, None]
    computed = contour_statistics(2 * t**2 - 3 * t + 1, torch.tensor([40]))[0, :, 0].tolist()
    by_name = dict(zip(CONTOUR_STATISTICS, computed, strict=True))
    assert (by_name["curvature"], by_name["slope"]) == pytest.approx((2, -3), rel=1e-5)


@given(st.lists(st.lists(st.booleans(), min_size=12, max_size=12), min_size=1, max_size=4), st.integers(1, 12))
def test_rhythm_is_that_of_the_runs(rows: list[list[bool]], length: int) -> None:
    voiced = torch.tensor(rows) & (torch.arange(12) < length)
    for row, computed in zip(voiced.tolist(), rhythm(voiced, torch.tensor([length] * len(rows))), strict=True):
        runs = [len(list(run)) for is_voiced, run in groupby(row) if is_voiced]
        expected = [sum(runs) / length, len(runs) / length, np.mean(runs), np.std(runs)] if runs else [0] * 4
        assert computed.tolist() == pytest.approx(expected, abs=1e-6)
    assert len(RHYTHM) == 4


@pytest.mark.parametrize(("first", "length"), [(0, 1), (0, 30), (200, 40), (513, 400), (100, 1900), (0, 3000)])
def test_modulations_have_the_power_of_their_fourier_transform(first: int, length: int) -> None:
    levels = 10 * torch.randn(2, 3000, 3, generator=torch.Generator().manual_seed(1))
    selected = torch.zeros(2, 3000, dtype=torch.bool)
    selected[1] = True
    selected[0, first : first + length] = True
    computed = ModulationSpectrum()(levels, selected)[0].numpy()
    own = levels[0, first : first + length].double().numpy()
    # At every multiple of 100 / 512 Hz, whatever the length.
    frequencies = np.arange(257) / 512
    waves = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(length)))
    power = np.abs(waves @ (own - own.mean(axis=0))) ** 2 / length
    for row, low, high in zip(computed, MODULATION_EDGES[:-1], MODULATION_EDGES[1:], strict=True):
        within = (100 * frequencies >= low) & (100 * frequencies < high)
        np.testing.assert_allclose(np.exp(row) - 0.1, power[within].mean(axis=0), rtol=1e-4, atol=1e-4)


def test_selected_frames_come_first_in_their_order() -> None:
    selected = torch.rand(5, 700, generator=torch.Generator().manual_seed(2)) < 0.3
    moved, counts = select_frames(FRAMES, selected)
    for row, frames, kept, count in zip(moved, FRAMES, selected, counts.tolist(), strict=True):
        assert torch.equal(row[:count], frames[kept])
