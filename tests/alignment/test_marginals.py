"""Beside scikit-learn's weights of samples."""

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_sample_weight

from didan.alignment import class_balanced_marginal

LABELS = np.array([0, 2, 2, 1, 2, 0, 2])


def test_every_class_has_the_same_weight() -> None:
    weights = compute_sample_weight("balanced", LABELS)
    marginal = class_balanced_marginal(torch.from_numpy(LABELS))
    np.testing.assert_allclose(marginal.numpy(), weights / weights.sum(), rtol=1e-6)


@pytest.mark.parametrize("prior", [[0.2, 0.3, 0.5], [0.7, 0.0, 0.3], [0.0, 0.1, 0.2, 0.7]])
def test_classes_that_occur_have_the_weights_of_the_prior(prior: list[float]) -> None:
    weights = compute_sample_weight(dict(enumerate(prior)), LABELS) / np.bincount(LABELS)[LABELS]
    marginal = class_balanced_marginal(torch.from_numpy(LABELS), torch.tensor(prior))
    np.testing.assert_allclose(marginal.numpy(), weights / weights.sum(), rtol=1e-6)
    assert float(marginal.sum()) == pytest.approx(1)
