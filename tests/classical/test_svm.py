import numpy as np
from sklearn.svm import SVC, LinearSVC

from classical.shifts import joined, shifted
from didan.classical import CLASSICAL, fit_predict
from didan.classical.method import Array, Labels
from didan.classical.svm import AdaptedSVM, linear_svm


def test_no_adaptation_is_the_machine_of_scikit_learn() -> None:
    X_s, y_s, X_t, _ = shifted(n=60)
    linear = LinearSVC(C=0.01, class_weight="balanced", max_iter=5000, random_state=3).fit(X_s, y_s)
    prediction = fit_predict(CLASSICAL["svm-linear-corpus"], X_s, y_s, X_t, seed=3)
    np.testing.assert_array_equal(prediction.classes, linear.predict(X_t))
    rbf = SVC(C=1, class_weight="balanced").fit(X_s, y_s)
    prediction = fit_predict(CLASSICAL["svm-rbf-corpus"], X_s, y_s, X_t, seed=3)
    np.testing.assert_array_equal(prediction.classes, rbf.predict(X_t))


class Factor:
    """An adapter that multiplies and moves, and wants to know both domains."""

    def __init__(self, factor: float) -> None:
        self.factor = factor

    def fit_transform(self, X: Array, y: Labels, *, sample_domain: Labels) -> Array:
        return self.transform(X, sample_domain=sample_domain, allow_source=True)

    def transform(self, X: Array, *, sample_domain: Labels, allow_source: bool) -> Array:
        assert allow_source or not (sample_domain >= 0).any()
        return self.factor * X + 7


def test_the_scale_of_an_adapter_does_not_matter() -> None:
    X_s, y_s, X_t, _ = shifted(n=60)
    X_s = X_s - X_s.mean(axis=0)
    X, y, domain = joined(X_s, y_s, X_t)
    plain = LinearSVC(C=0.01, class_weight="balanced", max_iter=5000, random_state=0).fit(X_s, y_s)
    for factor in (1e-4, 1.0, 1e3):
        model = AdaptedSVM(Factor(factor), linear_svm(0)).fit(X, y, domain)
        np.testing.assert_allclose(model.transform(X, domain), X, atol=1e-9)
        scores = model.classifier.decision_function(model.transform(X_t))
        np.testing.assert_allclose(scores, plain.decision_function(X_t), atol=1e-3)
        np.testing.assert_array_equal(model.predict(X_t), plain.predict(X_t))
