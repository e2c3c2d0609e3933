"""Calibration: a temperature that makes probabilities mean what they say, on the source at least.

    p = softmax(z / T),    T = argmin  - mean over emotions of mean over their utterances of log p[label]

Temperature scaling (Guo et al., ICML 2017), here with every emotion weighing the same, as in training.

Between corpora a network is right less often than on other utterances of its source, and nothing that can be seen
without labels tells by how much: neither confidence nor the agreement of the members of the ensemble goes with it.
So the temperature is at least ``BETWEEN_CORPORA`` times that of an uncalibrated network, with which confidence and
accuracy agreed best over pairs of emodb, casia and ravdess: an oracle's choice, see docs/experiments/targets.md.
"""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BETWEEN_CORPORA = 1.6
"""The least temperature, in temperatures of an uncalibrated network."""

_RANGE = (1e-2, 1e2)


def fit_temperature(scores: npt.NDArray[np.floating], labels: npt.NDArray[np.integer]) -> float:
    """The temperature under which held-out utterances are most likely.

    Args:
        scores: of every emotion, shape (n, n_emotions), of utterances that were not trained on.
        labels: their emotions as class indices, shape (n,), n >= 1.

    Returns:
        T, between 0.01 and 100. The loss is convex in 1/T, so it is the best one of that range.

    >>> scores = np.log([[0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.8, 0.2], [0.2, 0.8]])
    >>> round(fit_temperature(scores, np.array([0, 0, 0, 1, 1])), 2) > 1        # too sure: right in 3 of 4
    True
    """
    counts = np.bincount(labels)
    weights = 1 / counts[labels]
    weights /= weights.sum()

    def loss(log_temperature: float) -> float:
        likelihoods = log_softmax(scores / np.exp(log_temperature), axis=1)
        return -float(weights @ likelihoods[np.arange(len(labels)), labels])

    best = minimize_scalar(loss, bounds=tuple(np.log(_RANGE)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(best.x))
