"""The link between scores and probabilities, against its formulas in numpy and torch's own losses."""

import math

import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss, one_hot

from didan.networks import Loss, ScoreLink

both_losses = pytest.mark.parametrize("loss", ["regression", "cross-entropy"])


def scores(n: int = 20, n_emotions: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(n, n_emotions, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("loss", "temperature"), [("regression", 0.2), ("cross-entropy", 1.0)])
def test_probabilities_are_a_softmax_with_a_temperature(loss: Loss, temperature: float) -> None:
    link = ScoreLink(loss)
    assert link.temperature == temperature
    for given, divisor in ((None, temperature), (0.7, 0.7), (3.0, 3.0)):
        expected = softmax(scores().double().numpy() / divisor, axis=1)
        np.testing.assert_allclose(link.probabilities(scores(), given).numpy(), expected, rtol=1e-4)
    torch.testing.assert_close(link.logits(scores()).softmax(dim=1), link.probabilities(scores()))


def test_regression_scores_become_nearly_their_own_probabilities() -> None:
    link = ScoreLink()
    sure = link.probabilities(torch.eye(6)[:1])
    assert 0.95 < float(sure[0, 0]) < 1
    torch.testing.assert_close(link.probabilities(torch.zeros(1, 6)), torch.full((1, 6), 1 / 6))


@both_losses
def test_estimates_are_the_scores_themselves_where_these_are_probabilities(loss: Loss) -> None:
    p = scores().softmax(dim=1)
    torch.testing.assert_close(ScoreLink(loss).estimates(p if loss == "regression" else p.log()), p)


def test_estimates_of_a_regression_are_the_nearest_probabilities() -> None:
    given = scores(6)
    nearest = ScoreLink().estimates(given).double()
    torch.testing.assert_close(nearest.sum(dim=1), torch.ones(6).double())
    assert float(nearest.min()) >= 0
    # Nearest point of a convex set: no other point of it lies on the far side.
    others = torch.cat([torch.eye(4), scores(50, seed=1).softmax(dim=1)]).double()
    for score, point in zip(given.double(), nearest, strict=True):
        assert float(((others - point) @ (score - point)).max()) < 1e-5


def test_log_probabilities_under_cross_entropy_are_exact() -> None:
    prior = torch.tensor([0.4, 0.3, 0.2, 0.1])
    log_p = ScoreLink("cross-entropy").log_probabilities(scores(), prior)
    np.testing.assert_allclose(log_p.numpy(), log_softmax(scores().numpy(), axis=1), rtol=1e-5)


@pytest.mark.parametrize("prior", [[0.25, 0.25, 0.25, 0.25], [0.6, 0.2, 0.15, 0.05]])
def test_log_probabilities_of_a_regression_are_those_to_first_order(prior: list[float]) -> None:
    pi = torch.tensor(prior, dtype=torch.float64)
    direction = scores().double() - scores().double().mean(dim=1, keepdim=True)
    for size in (1e-3, 1e-4):
        estimates = pi + size * direction
        error = ScoreLink().log_probabilities(estimates, pi) - (estimates / pi).log()
        error = error - error.mean(dim=1, keepdim=True)  # up to a constant per utterance
        # The next term is (g - prior)^2 / (2 prior^2).
        assert float(error.abs().max()) <= float((size * direction / pi).square().max())


@both_losses
def test_fit_is_the_loss_of_torch(loss: Loss) -> None:
    labels = torch.arange(20) % 4
    targets = one_hot(labels, 4).float()
    expected = 4 * mse_loss(scores(), targets) if loss == "regression" else cross_entropy(scores(), labels)
    torch.testing.assert_close(ScoreLink(loss).fit(scores(), targets), expected)
    soft = scores(seed=2).softmax(dim=1)
    expected = 4 * mse_loss(scores(), soft) if loss == "regression" else cross_entropy(scores(), soft)
    torch.testing.assert_close(ScoreLink(loss).fit(scores(), soft), expected)


@both_losses
def test_fit_divides_by_all_utterances_whatever_their_weights(loss: Loss) -> None:
    link, targets = ScoreLink(loss), scores(seed=2).softmax(dim=1)
    weights = (torch.arange(20) % 3 == 0).float()
    kept = weights.bool()
    share = float(weights.mean())
    expected = share * link.fit(scores()[kept], targets[kept])
    torch.testing.assert_close(link.fit(scores(), targets, weights), expected)
    assert float(link.fit(scores(), targets, torch.zeros(20))) == 0
    torch.testing.assert_close(link.fit(scores(), targets, torch.ones(20)), link.fit(scores(), targets))


@both_losses
def test_everything_can_be_trained_through(loss: Loss) -> None:
    link, given = ScoreLink(loss), scores().requires_grad_()
    prior = torch.full((4,), 0.25)
    for result in (link.probabilities(given), link.logits(given), link.log_probabilities(given, prior)):
        (gradient,) = torch.autograd.grad(result[:, 0].sum(), given)
        assert bool(torch.isfinite(gradient).all())
        assert float(gradient.abs().sum()) > 0
    assert math.isfinite(float(link.fit(given, scores(seed=1).softmax(dim=1)).detach()))
