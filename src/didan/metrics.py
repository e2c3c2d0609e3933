"""Recall per emotion, UAR, and the interval of UAR from resampling speakers.

UAR is linear in the hits. Of its C emotions, let the target have N_c utterances of emotion c, and let h_sc of
those of speaker s be recognised. Then

    UAR = sum_s u_s,    u_s = (1/C) * sum_c h_sc / N_c,

a sum over speakers, who are the independent draws: utterances of one speaker are not, and resampling them alone
would make an interval far too narrow. Every interval of UAR comes from :func:`speaker_draws`, so that the interval
of an evaluation is that of a report.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from sklearn.metrics import recall_score

from didan.typing import Labels

RESAMPLES = 10_000

Reals = npt.NDArray[np.float64]


def recalls(labels: Labels, predicted: Labels, n_emotions: int) -> Reals:
    """Share of each emotion's utterances that were recognised; NaN for an emotion that does not occur.

    Args:
        labels: class indices, shape (n,).
        predicted: class indices, shape (n,).
        n_emotions: number of classes.

    >>> recalls(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    array([0.5, 1. , nan])
    """
    return np.asarray(
        recall_score(labels, predicted, labels=np.arange(n_emotions), average=None, zero_division=np.nan)
    )


def unweighted_average_recall(labels: Labels, predicted: Labels) -> float:
    """UAR: the mean of the recalls of the emotions that occur.

    >>> unweighted_average_recall(np.array([0, 0, 1]), np.array([0, 1, 1]))
    0.75
    """
    return float(recall_score(labels, predicted, labels=np.unique(labels), average="macro"))


def chance(recall: Iterable[float | None]) -> float:
    """UAR of guessing: 1 divided by the number of emotions that occur in the evaluated labels.

    Args:
        recall: of every emotion; None or NaN for one that does not occur.

    >>> chance([0.9, 0.2, None, 0.5, np.nan, 0.0])
    0.25
    """
    return 1 / sum(value is not None and not np.isnan(value) for value in recall)


def resampling_unit(speakers: npt.ArrayLike | None) -> Literal["speaker", "utterance"]:
    """What intervals resample: speakers if there are two or more, else utterances.

    Args:
        speakers: of each utterance; None where they are unknown.
    """
    return "utterance" if speakers is None or len(np.unique(np.asarray(speakers, dtype=str))) < 2 else "speaker"


def uar_interval(
    labels: Labels,
    predicted: Labels,
    speakers: npt.ArrayLike | None,
    coverage: float = 95,
    *,
    corpus: str = "",
) -> tuple[float, float]:
    """Bootstrap interval of UAR: speakers are drawn with replacement, each with all of their utterances.

    Where :func:`resampling_unit` is the utterance, each utterance is drawn by itself, and the interval is too
    narrow for other speakers. With fewer than some ten speakers it is rough, and mostly too narrow as well.

    Args:
        labels: class indices, shape (n,).
        predicted: class indices, shape (n,).
        speakers: speaker of each utterance, shape (n,); None where they are unknown.
        coverage: percent.
        corpus: name of the target; draws are the same for the same name, and independent for others.

    Returns:
        Lower and upper end.
    """
    n_emotions, hit = int(labels.max()) + 1, labels == predicted
    if speakers is not None and resampling_unit(speakers) == "speaker":
        names, index = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
        hits, counts = np.zeros((2, len(names), n_emotions))
        np.add.at(counts, (index, labels), 1)
        np.add.at(hits, (index[hit], labels[hit]), 1)
        return interval(resampled_uar(hits, counts, speaker_draws(corpus, len(names))), coverage)
    # Utterances differ in emotion and success alone, so it is enough to draw how many of each kind there are.
    kinds = np.bincount(labels + n_emotions * hit, minlength=2 * n_emotions)
    drawn = np.random.default_rng(0).multinomial(len(labels), kinds / len(labels), RESAMPLES)
    missed, recognised = np.split(drawn, 2, axis=1)
    return interval(_uar(recognised, recognised + missed), coverage)


def speaker_contributions(hits: npt.ArrayLike, counts: npt.ArrayLike) -> Reals:
    """How much every speaker contributes to UAR, which is the sum.

    Args:
        hits: utterances recognised, shape (speakers, emotions); means over seeds need not be whole.
        counts: utterances, shape (speakers, emotions). Emotions without any do not count.

    Returns:
        Shape (speakers,).

    >>> speaker_contributions([[2, 0], [1, 1]], [[2, 1], [2, 1]])     # recalls are 3/4 and 1/2
    array([0.25 , 0.375])
    """
    h, n = np.asarray(hits, dtype=float), np.asarray(counts, dtype=float)
    present = n.sum(axis=0) > 0
    contributions: Reals = (h[:, present] / n[:, present].sum(axis=0)).mean(axis=1)
    return contributions


@lru_cache(maxsize=64)
def speaker_draws(corpus: str, n_speakers: int) -> Reals:
    """How often every speaker is drawn in each bootstrap resample, always the same for the same corpus.

    It pairs methods and tasks with the same target: differences and means over tasks are resampled together.

    Returns:
        Shape (RESAMPLES, n_speakers).
    """
    generator = np.random.default_rng([0, *corpus.encode()])
    return generator.multinomial(n_speakers, np.full(n_speakers, 1 / n_speakers), RESAMPLES).astype(float)


def resampled_uar(hits: npt.ArrayLike, counts: npt.ArrayLike, draws: Reals) -> Reals:
    """UAR of every resample of the speakers, over the emotions that occur in it.

    Args:
        hits: shape (speakers, emotions).
        counts: shape (speakers, emotions).
        draws: see :func:`speaker_draws`.

    Returns:
        Shape (RESAMPLES,).
    """
    return _uar(draws @ np.asarray(hits, dtype=float), draws @ np.asarray(counts, dtype=float))


def interval(values: Reals, coverage: float = 95) -> tuple[float, float]:
    """Percentile interval of bootstrapped values; with fewer than some ten speakers it is mostly too narrow."""
    low, high = np.percentile(values, [50 - coverage / 2, 50 + coverage / 2])
    return float(low), float(high)


def _uar(hits: npt.ArrayLike, counts: npt.ArrayLike) -> Reals:
    """UAR of every row of hits and counts, shape (rows, emotions)."""
    h, n = np.asarray(hits, dtype=float), np.asarray(counts, dtype=float)
    shares = np.divide(h, n, out=np.zeros_like(n), where=n > 0)
    uar: Reals = shares.sum(axis=1) / (n > 0).sum(axis=1)
    return uar
