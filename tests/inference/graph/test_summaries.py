"""The first frames of each row against the summaries of one utterance alone."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from didan.features.summaries import Numbers
from didan.inference.graph.summaries import chosen_first, course, modulation_powers, outline, rhythm
from torch import Tensor

from didan.features import summaries as alone

COUNTS = torch.tensor([1, 2, 3, 40, 700])
FRAMES = torch.randn(5, 700, 4, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize(("batched", "one"), [(outline, alone.outline), (course, alone.course)])
def test_summaries_of_the_first_frames(
    batched: Callable[[Tensor, Tensor], Tensor], one: Callable[[Numbers], Numbers]
) -> None:
    for row, frames, count in zip(batched(FRAMES, COUNTS), FRAMES.numpy(), COUNTS.tolist(), strict=True):
        np.testing.assert_allclose(row.numpy(), one(frames[:count]), atol=1e-6)


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_rhythm_of_the_first_frames(share: float) -> None:
    voiced = torch.rand(5, 700, generator=torch.Generator().manual_seed(1)) < share
    voiced &= torch.arange(700) < COUNTS[:, None]
    for row, frames, count in zip(rhythm(voiced, COUNTS), voiced.numpy(), COUNTS.tolist(), strict=True):
        np.testing.assert_allclose(row.numpy(), alone.rhythm(frames[:count]), rtol=1e-5)


def test_modulations_of_the_first_frames() -> None:
    edges = np.array(alone.MODULATIONS)
    frequencies = np.fft.rfftfreq(alone.TRANSFORM, 0.01)
    within = (frequencies[:, None] >= edges[:-1]) & (frequencies[:, None] < edges[1:])
    weights = torch.from_numpy(within / within.sum(axis=0)).float()
    for count in (1, 40, 700):
        frames = FRAMES[:1].float()
        centred = frames - frames[:, :count].mean(dim=1, keepdim=True)
        found = modulation_powers(centred, torch.tensor([count]), weights)[0]
        expected = alone.modulation_spectrum(FRAMES[0, :count].numpy(), 4)
        np.testing.assert_allclose(found.numpy(), expected, atol=1e-3)


def test_chosen_frames_come_first_in_their_order() -> None:
    chosen = torch.rand(5, 700, generator=torch.Generator().manual_seed(2)) < 0.3
    found, counts = chosen_first(FRAMES, chosen)
    for row, frames, kept, count in zip(found, FRAMES, chosen, counts.tolist(), strict=True):
        assert torch.equal(row[:count], frames[kept])
