"""Recall per emotion, UAR, WAR, and an interval for UAR that respects speakers."""

import numpy as np
import numpy.typing as npt
from confidence_intervals import evaluate_with_conf_int

Classes = npt.NDArray[np.integer]

_BOOTSTRAPS = 1000


def recalls(labels: Classes, predicted: Classes, n_emotions: int) -> npt.NDArray[np.float64]:
    """Share of each emotion's utterances that were recognised; NaN for an emotion that does not occur.

    Args:
        labels: class indices, shape (n,).
        predicted: class indices, shape (n,).
        n_emotions: number of classes.

    >>> recalls(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    array([0.5, 1. , nan])
    """
    counts = np.bincount(labels, minlength=n_emotions).astype(float)
    hits = np.bincount(labels[labels == predicted], minlength=n_emotions)
    shares: npt.NDArray[np.float64] = np.divide(hits, counts, out=np.full(n_emotions, np.nan), where=counts > 0)
    return shares


def unweighted_average_recall(labels: Classes, predicted: Classes) -> float:
    """UAR: the mean of the recalls of the emotions that occur.

    >>> unweighted_average_recall(np.array([0, 0, 1]), np.array([0, 1, 1]))
    0.75
    """
    n_emotions = int(max(labels.max(), predicted.max())) + 1
    return float(np.nanmean(recalls(labels, predicted, n_emotions)))


def uar_interval(
    labels: Classes, predicted: Classes, speakers: npt.NDArray[np.object_] | None, coverage: float = 95
) -> tuple[float, float]:
    """Bootstrap interval of UAR: speakers are drawn with replacement, then utterances within each.

    Utterances of one speaker are no independent draws, so resampling them alone would make the interval far
    too narrow. With few speakers even this one is rough.

    Args:
        labels: class indices, shape (n,).
        predicted: class indices, shape (n,).
        speakers: speaker of each utterance, or None to resample utterances.
        coverage: percent.

    Returns:
        Lower and upper end.
    """
    conditions = None if speakers is None else np.unique(speakers.astype(str), return_inverse=True)[1]
    _, (low, high) = evaluate_with_conf_int(
        predicted, unweighted_average_recall, labels, conditions, _BOOTSTRAPS, 100 - coverage
    )
    return float(low), float(high)
