"""Speech of which is known when somebody speaks."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt

from didan.audio import RATE
from didan.synthesis import Speaker, style, synthesise
from didan.typing import Samples


@cache
def utterances() -> tuple[Samples, ...]:
    """18 utterances of about a second by two voices."""
    rng = np.random.default_rng(0)
    made = replace(style("alpha"), syllables=3.0, silence=0.0)
    voices = (Speaker("low", f0=115.0, tract=1.0), Speaker("high", f0=210.0, tract=0.85))
    emotions = ("anger", "neutral", "sadness") * 3
    return tuple(synthesise(emotion, voice, made, rng) for voice in voices for emotion in emotions)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE), dtype=np.float32)


def noise(seconds: float, level: float, seed: int = 0) -> Samples:
    return (level * np.random.default_rng(seed).normal(size=round(seconds * RATE))).astype(np.float32)


@cache
def talk(seconds: float = 60.0) -> Samples:
    """Speech with no pauses but those between words."""
    rng = np.random.default_rng(1)
    spoken: list[Samples] = []
    while sum(map(len, spoken)) < seconds * RATE:
        spoken.append(utterances()[int(rng.integers(len(utterances())))])
    return np.concatenate(spoken)[: round(seconds * RATE)]


def vowel(seconds: float) -> Samples:
    """One vowel without end: not even a word's pause."""
    times = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * times)) / RATE
    harmonics: npt.NDArray[np.float64] = sum((np.sin(k * phase) / k for k in range(1, 20)), np.zeros(len(times)))
    return (0.1 * harmonics).astype(np.float32)


def conversation(pauses: list[float]) -> tuple[Samples, list[tuple[float, float]]]:
    """Utterances with a pause of so many seconds before each and 2 s at the end, and when each is spoken."""
    parts, times, at = [], [], 0
    for pause, utterance in zip(pauses, utterances() * (1 + len(pauses) // len(utterances())), strict=False):
        parts += [silence(pause), utterance]
        at += len(parts[-2])
        times.append((at / RATE, (at + len(utterance)) / RATE))
        at += len(utterance)
    return np.concatenate([*parts, silence(2.0)]), times


def blocks(samples: Samples, size: int) -> Iterator[Samples]:
    """The recording as a stream."""
    for first in range(0, len(samples), size):
        yield samples[first : first + size]
