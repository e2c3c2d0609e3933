"""Whether groups of utterances differ in mood: then their own statistics would take the mood away with the voice.

A group, a caller say, differs from others in everything that a voice and a microphone do to features. If she is in
one mood all the time, she differs in what sounds like emotion by more than that:

    mood = (ICC(Z) - ICC(R)) / (1 - ICC(R))

Z are the scores of a linear classifier, fitted to the source, for the target's utterances, R is what Z does not
explain linearly of their features, and ICC is the share of the variance that lies between groups; for Z the least
that it is with 95 % confidence, since few utterances differ by chance. Where every group shows all emotions mood
is about 0, where each shows one it is 0.1 to 0.7, see docs/experiments/targets.md. No label of the target is read.
The intraclass correlation is Fisher's; the comparison of the two is ours.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import fdtri

from didan.typing import Floats, Labels

MOODY = 0.05
"""From here on groups are taken for moody."""

_STRENGTH = 3e-3  # 1 / (2 * regularisation) of the classifier, for features of variance 1
_EXTREME = 5.0
_MOST = 20_000  # utterances that are looked at
_GROUPS = 200  # of which there should be so many groups


def mood(source: Floats, labels: Labels, target: Floats, groups: Sequence[object]) -> float:
    """How much groups of the target differ in mood.

    Args:
        source: features of the source, normalised without groups, shape (n_s, d).
        labels: class index of each utterance, shape (n_s,).
        target: features of the target, normalised without groups, shape (n_t, d).
        groups: of each utterance of the target; None or NaN where it is unknown.

    Returns:
        About 0 where they do not, 1 at most; 0 where no two groups have two utterances.
    """
    from sklearn.linear_model import LogisticRegression  # an exported model must not wait for it

    codes, _ = pd.factorize(pd.Series(list(groups), dtype=object))
    known = codes >= 0
    X_t, codes = np.clip(target[known], -_EXTREME, _EXTREME), codes[known]
    if (np.bincount(codes, minlength=2) >= 2).sum() < 2:
        return 0.0
    classifier = LogisticRegression(C=_STRENGTH, class_weight="balanced", max_iter=500)
    classifier.fit(np.clip(source, -_EXTREME, _EXTREME), labels)
    Z = classifier.decision_function(X_t).reshape(len(X_t), -1)
    Z = Z - Z.mean(axis=0)
    R = X_t - X_t.mean(axis=0)
    R = R - Z @ np.linalg.lstsq(Z, R, rcond=None)[0]
    of_rest = between_groups(R, codes)
    return max((between_groups(Z, codes, confidence=0.95) - of_rest) / (1 - of_rest), 0.0)


def some_of_groups(groups: Sequence[object]) -> npt.NDArray[np.int64]:
    """Which utterances are enough to tell: all, or of very many some, of whole groups if there are many of these.

    Args:
        groups: of each utterance; None or NaN where it is unknown.

    Returns:
        Their numbers, in order.

    >>> len(some_of_groups(["a"] * 10)), len(some_of_groups([n // 100 for n in range(10**6)])) < 10**5
    (10, True)
    """
    if len(groups) <= _MOST:
        return np.arange(len(groups))
    codes, names = pd.factorize(pd.Series(list(groups), dtype=object))
    every = max(min(len(groups) // _MOST, len(names) // _GROUPS), 1)
    rows = np.flatnonzero((codes >= 0) & (codes % every == 0))
    return rows if len(rows) <= _MOST else np.sort(np.random.default_rng(0).choice(rows, _MOST, replace=False))


def between_groups(X: Floats, codes: npt.NDArray[np.integer], *, confidence: float | None = None) -> float:
    """The intraclass correlation: the share of the variance of X that lies between groups, over all columns.

    The estimate from one-way analysis of variance for groups of unequal size, 0 where it would be negative:

        ICC = (F - 1) / (F + n - 1)

    with F the ratio of the mean squares between and within, and n the mean size of a group, corrected for unequal
    sizes. The columns are taken for one: if they are independent, the bound is lower than it need be.

    Args:
        X: shape (n, d).
        codes: number of the group of each row, shape (n,); there are at least two groups.
        confidence: of a lower bound, which is F divided by its quantile where groups do not differ (McGraw and
            Wong, Psychological Methods 1996); the estimate itself if None.

    >>> codes = np.repeat(np.arange(200), 5)
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 1))[codes] + rng.normal(size=(1000, 1))     # half of the variance
    >>> round(between_groups(X, codes), 1)
    0.5
    """
    counts = np.bincount(codes)
    n, k = len(X), int((counts > 0).sum())
    means = np.zeros((len(counts), X.shape[1]))
    np.add.at(means, codes, X)
    means /= np.maximum(counts, 1)[:, None]
    within = float(np.square(X - means[codes]).sum()) / max(n - k, 1)
    between = float((counts[:, None] * np.square(means - X.mean(axis=0))).sum()) / (k - 1)
    size = (n - float((counts**2).sum()) / n) / (k - 1)
    if between <= 0:
        return 0.0
    if confidence is not None:
        between /= float(fdtri(k - 1, max(n - k, 1), confidence))
    return max((between - within) / (between + (size - 1) * within), 0.0)
