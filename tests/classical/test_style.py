import numpy as np
import torch
from sklearn.svm import LinearSVC

from classical.shifts import joined, shifted, standardised
from didan.classical.style import StyleTranslation, Translator
from didan.metrics import unweighted_average_recall


def test_nothing_is_translated_at_first() -> None:
    x = torch.randn(3, 5)
    torch.testing.assert_close(Translator(5, 4)(x), x)


def bent(X: np.ndarray) -> np.ndarray:
    """Another style: a skewed distribution of every feature."""
    return standardised(np.exp(0.8 * X))


def test_the_source_takes_the_style_of_the_target_and_keeps_its_emotions() -> None:
    X_s, y_s, X_t, y_t = shifted(n=200, d=8)
    X_s, X_t = standardised(X_s), bent(standardised(X_t))
    X, y, domain = joined(X_s, y_s, X_t)
    model = StyleTranslation(0)
    translated = model.fit_transform(X, y, sample_domain=domain)
    np.testing.assert_array_equal(translated[200:], X_t)
    third = [float((X**3).mean()) for X in (X_s, translated[:200], X_t)]
    assert abs(third[1] - third[2]) < abs(third[0] - third[2])
    # What an emotion is in the target can be learnt from the translated source as well as from the source.
    recalls = [
        unweighted_average_recall(y_t, LinearSVC().fit(rows, y_s).predict(X_t)) for rows in (X_s, translated[:200])
    ]
    assert recalls[1] > recalls[0] - 0.02
    again = StyleTranslation(0).fit_transform(X, y, sample_domain=domain)
    np.testing.assert_array_equal(again, translated)
