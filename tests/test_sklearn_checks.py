"""scikit-learn's own checks of an estimator."""

from typing import Any, Self

import numpy as np
import pytest
from scipy.sparse import issparse
from sklearn.utils.estimator_checks import parametrize_with_checks

from didan.sklearn import DIDANClassifier

pytestmark = pytest.mark.slow


class OnItself(DIDANClassifier):
    """Every row is of the source and of the target: the checks know nothing of domains."""

    def fit(self, X: Any, y: Any, sample_domain: Any = None) -> Self:
        """See :class:`DIDANClassifier`."""
        if sample_domain is not None or y is None or issparse(X):
            return super().fit(X, y, sample_domain)
        X, y = np.asarray(X), np.asarray(y)
        return super().fit(np.concatenate([X, X]), np.concatenate([y, y]), np.repeat([1, -2], len(X)))


@parametrize_with_checks([OnItself(steps=30, batch_size=16)])  # type: ignore[untyped-decorator]
@pytest.mark.filterwarnings("ignore")  # what the checks provoke
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)
