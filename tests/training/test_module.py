import numpy as np
import pytest
import torch
from sklearn.metrics import mean_squared_error
from torch.nn.functional import one_hot

from didan.training.module import fitting_loss, ramp


def test_the_regression_loss_is_the_squared_error_on_one_hot_labels() -> None:
    scores = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([0, 3, 1, 1, 2, 0])
    # scikit-learn averages over outputs too; the paper sums over them.
    expected = 4 * mean_squared_error(np.eye(4)[labels], scores)
    assert float(fitting_loss(scores, one_hot(labels, 4), "regression")) == pytest.approx(expected, rel=1e-6)


def test_cross_entropy_is_the_negative_log_likelihood() -> None:
    scores = torch.tensor([[0.0, np.log(3.0)]])
    assert float(fitting_loss(scores, torch.tensor([[0.0, 1.0]]), "cross-entropy")) == pytest.approx(-np.log(0.75))


def test_the_weight_rises_and_stays() -> None:
    assert [ramp(progress, 0.5) for progress in (0, 0.25, 0.5, 1)] == [0, 0.5, 1, 1]
