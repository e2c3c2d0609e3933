"""Against a general solver of the full problem, with a column of W per source utterance, and by invariants."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from didan.alignment import carried_labels, class_balanced_marginal

SHARPNESS = 1.5


def predictions(n: int = 4, emotions: int = 3) -> Tensor:
    return torch.randn(n, emotions, generator=torch.Generator().manual_seed(1)).double().log_softmax(dim=1)


def test_they_are_what_the_best_coefficients_carry() -> None:
    log_p, labels = predictions(), torch.tensor([0, 0, 0, 1, 2, 2])
    n_t, n_s = len(log_p), len(labels)
    columns = n_t * class_balanced_marginal(labels).double().numpy()
    log_kernel = SHARPNESS * log_p[:, labels].numpy()

    def divergence(w: np.ndarray) -> float:
        return float((w * (np.log(w) - log_kernel.ravel())).sum())

    sums = [{"type": "eq", "fun": lambda w: w.reshape(n_t, n_s).sum(axis=1) - 1}]
    sums += [{"type": "eq", "fun": lambda w: (w.reshape(n_t, n_s).sum(axis=0) - columns)[:-1]}]
    start = np.tile(columns / n_t, n_t)
    found = minimize(
        divergence,
        start,
        bounds=[(1e-9, 1)] * start.size,
        constraints=sums,
        options={"maxiter": 1000, "ftol": 1e-13},
    )
    assert found.success
    expected = found.x.reshape(n_t, n_s) @ np.eye(3)[labels]
    np.testing.assert_allclose(carried_labels(log_p, SHARPNESS).numpy(), expected, atol=2e-3)


def test_every_emotion_is_carried_to_as_many() -> None:
    labels = carried_labels(predictions(50, 4), SHARPNESS)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(50).double())
    torch.testing.assert_close(labels.sum(dim=0), torch.full((4,), 12.5).double(), rtol=5e-3, atol=0)


def test_what_all_predictions_favour_alike_does_not_count() -> None:
    # A network that prefers one emotion for a whole corpus is corrected, whatever the preference.
    log_p = predictions(30)
    partial = (log_p + torch.tensor([0.0, 2.0, -1.0])).log_softmax(dim=1)
    torch.testing.assert_close(
        carried_labels(log_p, SHARPNESS), carried_labels(partial, SHARPNESS), rtol=0, atol=5e-3
    )


def test_sharpness_decides() -> None:
    certain = [carried_labels(predictions(60), s).amax(dim=1).mean() for s in (0.5, 1, 2, 8, 100)]
    assert certain == sorted(certain)
    assert float(certain[-1]) > 0.99


def test_balanced_predictions_stay_as_they_are() -> None:
    p = torch.tensor([[0.6, 0.3, 0.1], [0.1, 0.6, 0.3], [0.3, 0.1, 0.6]])
    torch.testing.assert_close(carried_labels(p.log(), 1.0), p, rtol=1e-3, atol=0)


@pytest.mark.parametrize("gap", [50.0, 500.0])
def test_certain_predictions_of_one_emotion_are_no_obstacle(gap: float) -> None:
    log_p = torch.tensor([[gap, 0.0]] * 5 + [[gap, 1.0]] * 5).log_softmax(dim=1)
    labels = carried_labels(log_p, 2.0)
    assert labels.isfinite().all()
    assert (labels.argmax(dim=1) == torch.tensor([0] * 5 + [1] * 5)).all()


@pytest.mark.parametrize("sharpness", [1.0, 1.8])
def test_labels_leave_the_undecided_by_sharpness_times_what_predictions_do(sharpness: float) -> None:
    away = 1e-3 * torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0], [-1.0, 0.0, 1.0]]).double()
    labels = carried_labels((1 / 3 + away).log(), sharpness)
    torch.testing.assert_close(labels - 1 / 3, sharpness * away, rtol=0, atol=1e-5)


def test_emotions_are_carried_to_as_many_as_they_are_said_to_be() -> None:
    shares = torch.tensor([0.6, 0.1, 0.1, 0.2]).double()
    labels = carried_labels(predictions(50, 4), SHARPNESS, shares)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(50).double())
    torch.testing.assert_close(labels.sum(dim=0), 50 * shares, rtol=5e-3, atol=0)
