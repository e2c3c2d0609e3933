"""Two Gaussian corpora whose emotions lie at the same or at other places."""

import numpy as np

from didan.classical.method import MASKED, SOURCE, TARGET, Array, Labels


def shifted(
    seed: int = 0, n: int = 150, d: int = 12, n_classes: int = 3, moved: int = 0
) -> tuple[Array, Labels, Array, Labels]:
    """Source features and labels, target features and labels.

    Every feature of the target has another mean and scale; in the last ``moved`` features its emotions have other
    means, so those features mislead.
    """
    rng = np.random.default_rng(seed)
    means = 0.8 * rng.standard_normal((n_classes, d))
    elsewhere = means.copy()
    elsewhere[:, d - moved :] = 0.8 * rng.standard_normal((n_classes, moved))
    y_s, y_t = rng.permutation(np.arange(2 * n) % n_classes).reshape(2, n)
    X_s = means[y_s] + rng.standard_normal((n, d))
    X_t = (elsewhere[y_t] + rng.standard_normal((n, d))) * rng.uniform(0.5, 3, d) + 3 * rng.standard_normal(d)
    return X_s, y_s, X_t, y_t


def standardised(X: Array) -> Array:
    """Mean 0, deviation 1."""
    return np.asarray((X - X.mean(axis=0)) / X.std(axis=0))


def joined(X_s: Array, y_s: Labels, X_t: Array) -> tuple[Array, Labels, Labels]:
    """Both corpora as an estimator is given them: X, y with the target masked, domains."""
    y = np.concatenate([y_s, np.full(len(X_t), MASKED)])
    return np.concatenate([X_s, X_t]), y, np.repeat([SOURCE, TARGET], [len(X_s), len(X_t)])


def unbalanced(seed: int = 0) -> tuple[Array, Labels, Array]:
    """Standardised corpora of 3 emotions, half of the source being of the first."""
    X_s, y_s, X_t, _ = shifted(seed, n=90, d=6, moved=2)
    kept = np.sort(np.concatenate([np.flatnonzero(y_s == 0), np.flatnonzero(y_s != 0)[::2]]))
    return standardised(X_s[kept]), y_s[kept], standardised(X_t) + 0.3
