"""The batch, padded, against the frontend that takes one utterance at a time."""

import numpy as np
import pytest
import torch
from didan.features.voice import descriptors
from didan.inference.graph.functionals import FunctionalsGraph
from didan.inference.graph.spectrogram import SpectrogramGraph
from didan.inference.graph.voice import VoiceGraph

from didan.audio import RATE
from didan.features import FunctionalsSettings, SpectrogramSettings, build_frontend
from didan.features.functionals import Part
from didan.typing import Samples
from speech.talk import noise, silence, talk, utterances, vowel


def clips() -> list[Samples]:
    """Speech, whole and in parts, a vowel between silences, noise, and what has hardly a frame."""
    spoken = talk(12)
    cut = [spoken[first : first + length] for first, length in ((0, 30_000), (50_000, 7_000), (20_000, 150_000))]
    return [*utterances()[:5], *cut, np.concatenate([silence(0.5), vowel(0.7), noise(0.3, 1e-5)]), vowel(0.05)]


def padded(batch: list[Samples]) -> torch.Tensor:
    found = torch.zeros(len(batch), max(map(len, batch)) + 1234)
    for row, clip in zip(found, batch, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)
    return found


@pytest.mark.parametrize("part", ["contours", "cepstra", "modulation"])
def test_a_batch_gets_what_each_alone_gets(part: Part) -> None:
    settings = FunctionalsSettings(parts=(part,))
    alone = build_frontend(settings)
    expected = torch.cat([alone(torch.from_numpy(clip)) for clip in clips()])
    with torch.inference_mode():
        found, counts = FunctionalsGraph(settings).eval()(padded(clips()))
    assert found.shape == (len(clips()), 1, alone.n_bands)
    assert (counts == 1).all()
    # In units of what the functionals differ by from clip to clip.
    away = (found[:, 0] - expected).abs() / (expected.std(dim=0) + 1e-3)
    assert float(away.max()) < 0.05
    assert float(away.quantile(0.99)) < 2e-3


def test_descriptors_are_those_of_the_frontend() -> None:
    batch = [clip for clip in clips() if len(clip) > RATE // 2]
    with torch.inference_mode():
        levels, counts = SpectrogramGraph(SpectrogramSettings(trim=None))(padded(batch))
        found = VoiceGraph()(padded(batch), levels, counts).numpy()
    for clip, own, frames, n in zip(batch, levels.numpy(), found, counts.tolist(), strict=True):
        expected = descriptors(clip, own[:n].astype(np.float64))
        voiced = expected[:, 0] > 0
        # What one frame in a hundred may miss is a peak as high as another, between which rounding chooses.
        away = np.abs(frames[:n] - expected)[voiced]
        assert np.quantile(away / (1 + np.abs(expected[voiced])), 0.99) < 1e-3


def test_nothing_but_zeros_has_functionals() -> None:
    with torch.inference_mode():
        found, _ = FunctionalsGraph(FunctionalsSettings())(torch.zeros(2, RATE))
    assert found.isfinite().all()
