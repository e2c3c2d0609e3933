"""Support vector machines on the source, with no adaptation but normalisation, or on what an adapter made of it.

Both machines weigh the emotions equally (``class_weight="balanced"``); C = 0.01 for the linear one, 1 for RBF.
"""

from typing import Any, Literal, Protocol, Self

import numpy as np
from sklearn.svm import SVC, LinearSVC

from didan.classical.method import TARGET, Array, ClassicalMethod, Labels


class Adapter(Protocol):
    """A transformer that looks at both corpora, as skada's adapters are."""

    def fit_transform(self, X: Array, y: Labels, *, sample_domain: Labels) -> Array:
        """Fit, and adapt the same utterances."""

    def transform(self, X: Array, *, sample_domain: Labels, allow_source: bool) -> Array:
        """Adapt utterances of either domain."""


def linear_svm(seed: int) -> Any:
    """The linear machine that follows every adapter.

    >>> linear_svm(0).C
    0.01
    """
    return LinearSVC(C=0.01, class_weight="balanced", max_iter=5000, random_state=seed)


def rbf_svm(seed: int) -> Any:
    """The RBF machine; it draws nothing. Equal votes are broken by the scores, so the class is the highest score.

    >>> rbf_svm(0).kernel
    'rbf'
    """
    return SVC(kernel="rbf", C=1, class_weight="balanced", break_ties=True)


class SourceSVM:
    """Fitted on the source, whatever the target."""

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def fit(self, X: Array, y: Labels, sample_domain: Labels) -> Self:
        """Fit the classifier to the source's rows of X, shape (n, d)."""
        source = sample_domain >= 0
        self.classifier.fit(X[source], y[source])
        return self

    def predict(self, X: Array) -> Labels:
        """Class indices, shape (n,)."""
        return np.asarray(self.classifier.predict(X))


class AdaptedSVM:
    """An adapter, one common scale, and the linear machine.

    The adapted features are centred at the mean of the source and multiplied by one number, which gives an adapted
    source utterance the mean squared length that it had before. So C = 0.01 means the same after every adapter
    (components of TCA are tiny), while components keep the relative sizes that the adapter gave them: scaling
    each to deviation 1 would blow up the weakest principal components of a subspace. This step is ours.
    """

    def __init__(self, adapter: Adapter, classifier: Any) -> None:
        self.adapter = adapter
        self.classifier = classifier

    def fit(self, X: Array, y: Labels, sample_domain: Labels) -> Self:
        """Adapt X, shape (n, d), to the target and fit the classifier to the source's rows."""
        source = sample_domain >= 0
        Z = self.adapter.fit_transform(X, y, sample_domain=sample_domain)[source]
        self.centre_ = Z.mean(axis=0)
        spread = np.square(X[source] - X[source].mean(axis=0)).sum()
        self.scale_ = float(np.sqrt(spread / np.square(Z - self.centre_).sum()))
        self.classifier.fit((Z - self.centre_) * self.scale_, y[source])
        return self

    def transform(self, X: Array, sample_domain: Labels | None = None) -> Array:
        """Adapted features, shape (n, k); of the target unless domains are given."""
        domain = np.full(len(X), TARGET) if sample_domain is None else sample_domain
        Z = self.adapter.transform(X, sample_domain=domain, allow_source=True)
        return np.asarray((Z - self.centre_) * self.scale_)

    def predict(self, X: Array) -> Labels:
        """Class indices of target utterances, shape (n,)."""
        return np.asarray(self.classifier.predict(self.transform(X)))


def _method(kernel: Literal["linear", "rbf"], kind: Literal["source", "corpus", "speaker"]) -> ClassicalMethod:
    classifier = linear_svm if kernel == "linear" else rbf_svm
    return ClassicalMethod(
        name=f"svm-{kernel}-{kind}",
        summary=f"{kernel} SVM, features normalised by {kind}",
        reference="no adaptation",
        normalisation={"group": "speaker" if kind == "speaker" else "none"},
        by_source=kind == "source",
        make=lambda seed: SourceSVM(classifier(seed)),
    )


METHODS = (
    _method("linear", "source"),
    _method("linear", "corpus"),
    _method("linear", "speaker"),
    _method("rbf", "source"),
    _method("rbf", "corpus"),
    _method("rbf", "speaker"),
)
