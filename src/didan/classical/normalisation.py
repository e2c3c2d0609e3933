"""Z-normalisation of functionals: by the statistics of the source, of each corpus or of each speaker."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from didan.classical.method import Array

Groups = npt.NDArray[Any]


def normalise(
    X_s: Array, X_t: Array, groups_s: Groups, groups_t: Groups, kind: Literal["source", "corpus", "speaker"]
) -> tuple[Array, Array]:
    """Every feature less its mean, divided by its standard deviation.

    Args:
        X_s: source features, shape (n_s, d).
        X_t: target features, shape (n_t, d).
        groups_s: of each source utterance, its corpus, or its corpus and speaker in one, shape (n_s,); not
            looked at for ``source``.
        groups_t: of each target utterance, shape (n_t,).
        kind: ``source`` takes the statistics of the whole source for both sides, ``corpus`` and ``speaker`` those
            of each group for the group itself. A group of one utterance becomes 0.

    Returns:
        Both sides, in units of standard deviations.

    >>> X = np.array([[1.0], [3.0], [10.0], [30.0]])
    >>> normalise(X, X[2:], np.array(["a", "a", "b", "b"]), np.array(["c", "c"]), "corpus")[1].T
    array([[-1.,  1.]])
    """
    if kind == "source":
        mean, deviation = _statistics(X_s)
        return (X_s - mean) / deviation, (X_t - mean) / deviation
    return _within(X_s, groups_s), _within(X_t, groups_t)


def _within(X: Array, groups: Groups) -> Array:
    result = np.empty(X.shape)
    for group in np.unique(groups):
        mean, deviation = _statistics(X[groups == group])
        result[groups == group] = (X[groups == group] - mean) / deviation
    return result


def _statistics(X: Array) -> tuple[Array, Array]:
    """Mean and deviation; deviation 1 for what varies by no more than single precision rounds."""
    mean, deviation = X.mean(axis=0, dtype=np.float64), X.std(axis=0, dtype=np.float64)
    deviation[deviation <= 1e-6 * np.abs(mean)] = 1
    return mean, deviation
