"""What a classical method is, and how one is run: fixed-length features in, emotions of the target out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.integer[Any]]

SOURCE, TARGET = 1, -2
"""Domains as skada numbers them: positive for a source, negative for a target."""

MASKED = -1
"""The label of every target utterance while fitting."""


@dataclass(frozen=True)
class ClassicalMethod:
    """A way of adapting that needs no network.

    Attributes:
        name: as given to ``--method``.
        summary: one line for people.
        reference: whose method it is.
        make: an unfitted estimator for a seed, with ``fit(X, y, sample_domain=)`` and ``predict(X)``; a skada
            pipeline is one. ``transform(X, sample_domain=)`` is used if there.
        normalisation: settings of it, see :class:`didan.features.NormalisationSettings`; None takes those that
            networks are given, as methods that adapt do.
        by_source: whether both corpora are normalised with the statistics of the source instead.
        by_family: whether ``fit`` takes ``families``, the family of every feature, too.
        random: whether the seed matters.
    """

    name: str
    summary: str
    reference: str
    make: Callable[[int], Any]
    normalisation: dict[str, Any] | None = None
    by_source: bool = False
    by_family: bool = False
    random: bool = False


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """A method's predictions for the target.

    Attributes:
        classes: class indices, shape (n_t,).
        source_embeddings: adapted features, shape (n_s, k); None where nothing is adapted.
        target_embeddings: the same of the target, shape (n_t, k).
    """

    classes: Labels
    source_embeddings: Array | None
    target_embeddings: Array | None


def joined(X_s: Array, y_s: Labels, X_t: Array) -> tuple[Array, Labels, Labels]:
    """Both corpora as an estimator takes them: features, labels with the target's masked, and domains.

    >>> joined(np.zeros((1, 2)), np.array([3]), np.zeros((1, 2)))[1:]
    (array([ 3, -1]), array([ 1, -2]))
    """
    y = np.concatenate([y_s, np.full(len(X_t), MASKED)])
    return np.concatenate([X_s, X_t]), y, np.repeat([SOURCE, TARGET], [len(X_s), len(X_t)])


def fit_predict(
    method: ClassicalMethod,
    X_s: Array,
    y_s: Labels,
    X_t: Array,
    seed: int,
    families: Sequence[str] | None = None,
) -> Prediction:
    """Adapt to the target without its labels, and predict it.

    Args:
        method: one of ``CLASSICAL``.
        X_s: normalised source features, shape (n_s, d).
        y_s: class indices from 0, shape (n_s,).
        X_t: normalised target features, shape (n_t, d).
        seed: of whatever is drawn.
        families: which family of acoustic parameters each feature belongs to, see
            :mod:`didan.features.families`; they are one if None.

    Returns:
        The target's predicted emotions.

    >>> from didan.classical import CLASSICAL
    >>> X = np.array([[-1.0, 0.0], [-2.0, 1.0], [1.0, 0.0], [2.0, 1.0]])
    >>> fit_predict(CLASSICAL["svm-linear-source"], X, np.array([0, 0, 1, 1]), X[::-1], seed=0).classes
    array([1, 1, 0, 0])
    """
    X, y, domain = joined(X_s, y_s, X_t)
    model = method.make(seed)
    known = {"families": families} if method.by_family else {}
    model.fit(X, y, sample_domain=domain, **known)
    adapted = model.transform(X, sample_domain=domain) if hasattr(model, "transform") else None
    return Prediction(
        classes=np.asarray(model.predict(X_t)),
        source_embeddings=None if adapted is None else adapted[: len(X_s)],
        target_embeddings=None if adapted is None else adapted[len(X_s) :],
    )
