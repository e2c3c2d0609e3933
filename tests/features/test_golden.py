"""The features of three synthetic signals, as they were when the version of the store was last raised.

The store takes features for those of a recording by content, settings and version. Arithmetic that changes without
the version would mix old numbers with new ones; this test says so.
"""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from didan.audio import RATE
from didan.features import FRONTENDS as ALL
from didan.features import build_frontend, extract_features
from didan.typing import Samples

GOLDEN = Path(__file__).with_name("golden.json")

CHANGED = (
    "the arithmetic of {kind} has changed: raise _VERSION in features/store.py and _FORMAT in model/directory.py, "
    "and make the golden file again with `python -m tests.features.test_golden`"
)

EVERY = 24
"""Of the frames of a spectrogram one in so many is kept."""


FRONTENDS = {kind: settings for kind, settings in ALL.items() if kind != "pretrained"}
"""Those whose arithmetic is all ours; an encoder's is checked against transformers'."""


def signal(seed: int) -> Samples:
    """1.2 s of a gliding voice with three resonances, whose loudness pulses, in noise."""
    times = np.arange(round(1.2 * RATE)) / RATE
    pitch = 110 + 45 * seed
    phase = 2 * np.pi * (pitch * times + 30 * times**2 + 2 * np.sin(2 * np.pi * times))
    voice = np.zeros_like(times)
    for k in range(1, 25):
        gain = sum(1 / (1 + ((k * pitch - f) / 90) ** 2) for f in (500 + 60 * seed, 1500, 2600 - 90 * seed))
        voice += gain / k**0.5 * np.cos(k * phase)
    pulse = 0.55 - 0.45 * np.cos(2 * np.pi * (2.5 + seed) * times)
    noise = np.random.default_rng(seed).normal(size=len(times))
    samples: Samples = (0.05 * pulse * voice + 0.001 * noise).astype(np.float32)
    return samples


def compute(kind: str) -> npt.NDArray[np.float64]:
    """Shape (signals, frames kept, bands)."""
    frontend = build_frontend(FRONTENDS[kind].model_validate({"kind": kind}))
    features = [extract_features(frontend, signal(seed))[::EVERY] for seed in range(3)]
    shortest = min(map(len, features))
    return np.stack([frames[:shortest] for frames in features]).astype(np.float64)


@pytest.mark.parametrize("kind", FRONTENDS)
def test_the_arithmetic_of_features_is_that_of_their_version(kind: str) -> None:
    golden, computed = np.array(json.loads(GOLDEN.read_text())[kind]), compute(kind)
    assert computed.shape == golden.shape, CHANGED.format(kind=kind)
    # In units of what the features vary by; functionals that are the same in all three signals, of their size.
    spread = np.maximum(golden.std(axis=(0, 1)), 0.01 * np.abs(golden).max(axis=(0, 1)) + 1e-4)
    difference = np.abs(computed - golden) / spread
    # Processors differ by 3e-4 at most.
    assert difference.max() < 2e-3, CHANGED.format(kind=kind)


if __name__ == "__main__":
    six_digits = np.vectorize(lambda number: float(f"{number:.6g}"))
    features = {kind: six_digits(compute(kind)).tolist() for kind in FRONTENDS}
    GOLDEN.write_text(json.dumps(features).replace("], [", "],\n["))
