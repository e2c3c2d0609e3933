"""The voice source: pulses of the vocal folds."""

import numpy as np
import numpy.typing as npt

from didan.audio import RATE

JITTER = 0.006
"""Standard deviation of the pulse times of a neutral voice, as a share of the period."""

SHIMMER = 0.03
"""Standard deviation of the pulse heights of a neutral voice, as a log ratio."""


def glottal_pulses(
    f0: npt.NDArray[np.float64], jitter: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """A train of impulses at the given fundamental frequency.

    Pulse k falls where the phase, the running sum of f0 / rate, reaches k; the two nearest samples share it.
    Its height is the root of the period, so that the power does not depend on f0. The slope of the
    glottal spectrum is left to the filter.

    Args:
        f0: Hz, one per sample, shape (n,).
        jitter: log ratio by which the voice is more irregular than a neutral one.
        rng: source of randomness.

    Returns:
        Samples of mean power 1, shape (n,).

    >>> pulses = glottal_pulses(np.full(16_000, 100.0), -100.0, np.random.default_rng(0))
    >>> np.flatnonzero(pulses)[:3].tolist(), round(float(np.mean(pulses**2)), 1)
    ([159, 319, 479], 1.0)
    """
    n = len(f0)
    phase = np.cumsum(f0) / RATE
    irregular = np.exp(jitter)
    numbers = np.arange(1, max(int(phase[-1]), 1))
    position = np.interp(numbers + JITTER * irregular * rng.standard_normal(len(numbers)), phase, np.arange(n))
    before = position.astype(np.intp)
    share = position - before
    height = np.sqrt(RATE / f0[before]) * np.exp(SHIMMER * irregular * rng.standard_normal(len(numbers)))
    pulses = np.bincount(before, height * (1 - share), n + 1)
    pulses += np.bincount(before + 1, height * share, n + 1)
    return pulses[:n].astype(np.float32)
