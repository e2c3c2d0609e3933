"""Recordings of all kinds, and how they travel together."""

from functools import cache

import numpy as np
import torch

from didan.audio import RATE
from didan.typing import Samples
from speech.talk import noise, silence, talk, utterances, vowel


@cache
def clips() -> tuple[Samples, ...]:
    """Speech, whole and in parts, a vowel between silences, noise, a tone, and what has hardly a frame."""
    spoken = talk(12)
    cut = [spoken[first : first + length] for first, length in ((0, 30_000), (50_000, 7_000), (20_000, 150_000))]
    tone = (0.3 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)).astype(np.float32)
    return (
        *utterances()[:5],
        *cut,
        np.concatenate([silence(0.5), vowel(0.7), noise(0.3, 1e-5)]),
        vowel(0.05),
        noise(1.3, 1e-2),
        tone + noise(1, 1e-3),
    )


def padded(batch: tuple[Samples, ...] | list[Samples]) -> torch.Tensor:
    """One batch, with zeros after all of them."""
    waveform = torch.zeros(len(batch), max(map(len, batch)) + 1234)
    for row, clip in zip(waveform, batch, strict=True):
        row[: len(clip)] = torch.from_numpy(clip)
    return waveform
