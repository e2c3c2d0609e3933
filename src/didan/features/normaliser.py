"""Normalisation of features per band: not at all, per utterance, per speaker or per corpus.

Everything here is computed without labels. Per speaker and per corpus are worth 5 to 15 points of UAR across
corpora before any adaptation, so results always say which was used.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from didan.features.store import Features

Normalisation = Literal["none", "utterance", "speaker", "corpus"]


@dataclass(frozen=True)
class Statistics:
    """Mean and standard deviation of each band, shape (bands,)."""

    mean: npt.NDArray[np.float32]
    deviation: npt.NDArray[np.float32]

    def apply(self, features: Features) -> Features:
        """Subtract the mean and divide by the deviation.

        Args:
            features: shape (frames, bands).

        Returns:
            The same shape, in units of standard deviations.
        """
        return (features - self.mean) / self.deviation


def statistics(utterances: Iterable[Features]) -> Statistics:
    """Mean and deviation over all frames of some utterances.

    A band that never varies gets deviation 1, so it becomes 0 instead of NaN.

    Args:
        utterances: each of shape (frames, bands).

    >>> statistics([np.array([[0.0, 5.0]]), np.array([[2.0, 5.0]])])
    Statistics(mean=array([1., 5.], dtype=float32), deviation=array([1., 1.], dtype=float32))
    """
    count, total, moments = 0, np.zeros(1), []
    for features in utterances:
        count += len(features)
        total = total + features.sum(axis=0, dtype=np.float64)
        mean = features.mean(axis=0, dtype=np.float64)
        moments.append((len(features), mean, features.var(axis=0, dtype=np.float64)))
    mean = total / count
    # Variance within plus between utterances, which loses no digits where the mean is large.
    variance = sum(n * (var + (own - mean) ** 2) for n, own, var in moments) / count
    deviation = np.sqrt(variance)
    deviation[deviation < 1e-5] = 1.0
    return Statistics(mean.astype(np.float32), deviation.astype(np.float32))
