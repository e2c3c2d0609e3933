"""Against a general solver of the full problem, with a column of W per source utterance, and by invariants."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from didan.alignment import class_balanced_marginal
from didan.networks import Loss, ScoreLink
from didan.self_training import BalancedSettings, balanced_pseudo_labels

SHARPENING = 1.5


def predictions(n: int = 4, emotions: int = 3) -> Tensor:
    return torch.randn(n, emotions, generator=torch.Generator().manual_seed(1)).double().log_softmax(dim=1)


@pytest.mark.filterwarnings("ignore:Values in x were outside bounds")  # older SciPy mends that itself
def test_they_are_label_propagation_by_the_best_coefficients() -> None:
    log_p, labels = predictions(), torch.tensor([0, 0, 0, 1, 2, 2])
    n_t, n_s = len(log_p), len(labels)
    columns = n_t * class_balanced_marginal(labels).double().numpy()
    log_kernel = SHARPENING * log_p[:, labels].numpy()

    def divergence(w: np.ndarray) -> float:
        return float((w * (np.log(w) - log_kernel.ravel())).sum())

    sums = [{"type": "eq", "fun": lambda w: w.reshape(n_t, n_s).sum(axis=1) - 1}]
    sums += [{"type": "eq", "fun": lambda w: (w.reshape(n_t, n_s).sum(axis=0) - columns)[:-1]}]
    start = np.tile(columns / n_t, n_t)
    best = minimize(
        divergence,
        start,
        bounds=[(1e-9, 1)] * start.size,
        constraints=sums,
        options={"maxiter": 1000, "ftol": 1e-13},
    )
    assert best.success
    expected = best.x.reshape(n_t, n_s) @ np.eye(3)[labels]
    np.testing.assert_allclose(balanced_pseudo_labels(log_p, SHARPENING).numpy(), expected, atol=2e-3)


def test_every_emotion_labels_as_many() -> None:
    labels = balanced_pseudo_labels(predictions(50, 4), SHARPENING)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(50).double())
    torch.testing.assert_close(labels.sum(dim=0), torch.full((4,), 12.5).double(), rtol=5e-3, atol=0)


def test_what_all_predictions_favour_alike_does_not_count() -> None:
    # A network that prefers one emotion for a whole corpus is corrected, whatever the preference.
    log_p = predictions(30)
    partial = (log_p + torch.tensor([0.0, 2.0, -1.0])).log_softmax(dim=1)
    torch.testing.assert_close(
        balanced_pseudo_labels(log_p, SHARPENING), balanced_pseudo_labels(partial, SHARPENING), rtol=0, atol=5e-3
    )


def test_sharpening_decides() -> None:
    certain = [balanced_pseudo_labels(predictions(60), s).amax(dim=1).mean() for s in (0.5, 1, 2, 8, 100)]
    assert certain == sorted(certain)
    assert float(certain[-1]) > 0.99


def test_labels_may_fade() -> None:
    assert BalancedSettings(sharpening=0.5)(predictions(9), torch.full((3,), 1 / 3)).labels.shape == (9, 3)


def test_balanced_predictions_stay_as_they_are() -> None:
    p = torch.tensor([[0.6, 0.3, 0.1], [0.1, 0.6, 0.3], [0.3, 0.1, 0.6]])
    torch.testing.assert_close(balanced_pseudo_labels(p.log(), 1.0), p, rtol=1e-3, atol=0)


@pytest.mark.parametrize("gap", [50.0, 500.0])
def test_certain_predictions_of_one_emotion_are_no_obstacle(gap: float) -> None:
    log_p = torch.tensor([[gap, 0.0]] * 5 + [[gap, 1.0]] * 5).log_softmax(dim=1)
    labels = balanced_pseudo_labels(log_p, 2.0)
    assert labels.isfinite().all()
    assert (labels.argmax(dim=1) == torch.tensor([0] * 5 + [1] * 5)).all()


@pytest.mark.parametrize("sharpening", [1.0, 1.8])
def test_labels_leave_the_undecided_by_sharpening_times_what_predictions_do(sharpening: float) -> None:
    away = 1e-3 * torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0], [-1.0, 0.0, 1.0]]).double()
    labels = balanced_pseudo_labels((1 / 3 + away).log(), sharpening)
    torch.testing.assert_close(labels - 1 / 3, sharpening * away, rtol=0, atol=1e-5)


def test_emotions_label_as_many_as_the_class_prior_says() -> None:
    prior = torch.tensor([0.6, 0.1, 0.1, 0.2], dtype=torch.float64)
    labels = balanced_pseudo_labels(predictions(50, 4), SHARPENING, prior)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(50).double())
    torch.testing.assert_close(labels.sum(dim=0), 50 * prior, rtol=5e-3, atol=0)


@pytest.mark.parametrize("seed", range(3))
def test_labels_are_those_of_pot(seed: int) -> None:
    ot = pytest.importorskip("ot")
    log_p = torch.randn(12, 4, generator=torch.Generator().manual_seed(seed)).double().log_softmax(dim=1)
    prior = torch.tensor([0.6, 0.1, 0.1, 0.2], dtype=torch.float64)
    # Entropic transport with cost -log p and regularisation 1 / s is the same problem.
    plan = ot.sinkhorn(np.ones(12) / 12, prior.numpy(), -log_p.numpy(), reg=1 / SHARPENING, stopThr=1e-10)
    np.testing.assert_allclose(balanced_pseudo_labels(log_p, SHARPENING, prior).numpy(), 12 * plan, atol=2e-3)


@pytest.mark.parametrize("loss", ["regression", "cross-entropy"])
@pytest.mark.parametrize("prior", [[1 / 3, 1 / 3, 1 / 3], [0.1, 0.2, 0.7]])
def test_both_losses_give_the_same_labels_near_the_prior(loss: Loss, prior: list[float]) -> None:
    # A little away from undecided, where a regression says nearly what a softmax says.
    class_prior = torch.tensor(prior)
    noise = torch.randn(40, 3, generator=torch.Generator().manual_seed(3))
    p = (class_prior.log() + 0.01 * noise).softmax(dim=1)
    log_probabilities = ScoreLink(loss).log_probabilities(p if loss == "regression" else p.log(), class_prior)
    pseudo = BalancedSettings(sharpening=3.0)(log_probabilities, class_prior)
    expected = balanced_pseudo_labels(p.log(), 3.0, class_prior)
    torch.testing.assert_close(pseudo.labels, expected, rtol=0, atol=1e-3)
    torch.testing.assert_close(pseudo.labels.mean(dim=0), class_prior, rtol=1e-2, atol=0)
    assert torch.equal(pseudo.weights, torch.ones(40))
