"""Recall per emotion, UAR, WAR, and an interval for UAR that respects speakers."""

import numpy as np
import numpy.typing as npt

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
    rng = np.random.default_rng(0)
    if speakers is None:
        speaker, times = np.zeros(len(labels), dtype=np.int64), np.ones((_BOOTSTRAPS, 1), dtype=np.int64)
    else:
        names, speaker = np.unique(speakers.astype(str), return_inverse=True)
        times = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=_BOOTSTRAPS)
    n_emotions = int(labels.max()) + 1
    # Utterances of a speaker differ in emotion and success alone: it is enough to draw how many of each there are.
    cells = np.zeros((times.shape[1], 2, n_emotions), dtype=np.int64)
    np.add.at(cells, (speaker, (labels == predicted).astype(int), labels), 1)
    drawn = np.zeros((_BOOTSTRAPS, 2 * n_emotions), dtype=np.int64)
    for own, often in zip(cells.reshape(len(cells), -1), times.T, strict=True):
        drawn += rng.multinomial(often * own.sum(), own / own.sum())
    missed, hits = np.split(drawn, 2, axis=1)
    counts = hits + missed
    shares = np.divide(hits, counts, out=np.full(counts.shape, np.nan), where=counts > 0)
    low, high = np.nanpercentile(np.nanmean(shares, axis=1), [50 - coverage / 2, 50 + coverage / 2])
    return float(low), float(high)
