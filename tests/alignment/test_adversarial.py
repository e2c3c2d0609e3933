import numpy as np
import pytest
import torch
from scipy.special import log_softmax, softmax
from scipy.stats import entropy
from sklearn.metrics import log_loss

from didan.alignment import margin_disparity
from didan.alignment.adversarial import Discriminator, certainty, domain_loss, multilinear, reverse_gradient


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_domain_loss_is_the_mean_of_two_log_losses() -> None:
    source, target = normal(6), normal(9, seed=1)
    expected = [
        log_loss(np.full(len(logits), truth), torch.sigmoid(logits).numpy().astype(float), labels=[0, 1])
        for logits, truth in ((source, 1), (target, 0))
    ]
    assert float(domain_loss(source, target)) == pytest.approx(np.mean(expected), rel=1e-5)


def test_weights_say_how_much_an_utterance_counts() -> None:
    source, target = normal(6), normal(9, seed=1)
    weights = torch.tensor([0.0, 2.0, 0.0, 0.0, 1.0, 1.0])
    repeated = torch.stack([source[1], source[1], source[4], source[5]])
    assert float(domain_loss(source, target, weights)) == pytest.approx(float(domain_loss(repeated, target)))
    assert float(domain_loss(source, target, 7 * weights)) == pytest.approx(float(domain_loss(repeated, target)))


def test_discriminator_learns_while_features_unlearn() -> None:
    torch.manual_seed(0)
    shift = torch.tensor([2.0, 0.0], requires_grad=True)
    discriminator = Discriminator(2)
    h_s, h_t = normal(64, 2), normal(64, 2, seed=1)
    optimiser = torch.optim.SGD([*discriminator.parameters(), shift], 0.5)

    def loss() -> torch.Tensor:
        return domain_loss(
            discriminator(reverse_gradient(h_s + shift))[:, 0], discriminator(reverse_gradient(h_t))[:, 0]
        )

    start = float(loss().detach())
    loss().backward()  # type: ignore[no-untyped-call]
    # For the discriminator a step lowers the loss, for what comes before the reversal it raises it.
    assert shift.grad is not None
    reversed_ = shift.grad.clone()
    direct = torch.autograd.grad(domain_loss(discriminator(h_s + shift)[:, 0], discriminator(h_t)[:, 0]), shift)[0]
    torch.testing.assert_close(reversed_, -direct)
    for _ in range(20):
        optimiser.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        shift.grad.zero_()
        optimiser.step()
    assert float(loss().detach()) < 0.6 * start


def test_a_discriminator_has_one_output_unless_it_is_a_classifier() -> None:
    assert Discriminator(5)(normal(3, 5)).shape == (3, 1)
    assert Discriminator(5, 4, hidden=2)(normal(3, 5)).shape == (3, 4)


def test_multilinear_is_the_outer_product() -> None:
    h, p = normal(4, 3), normal(4, 2, seed=1)
    expected = np.stack([np.outer(a, b).ravel() for a, b in zip(h.numpy(), p.numpy(), strict=True)])
    np.testing.assert_allclose(multilinear(h, p).numpy(), expected, rtol=1e-6)


def test_certainty_goes_by_entropy() -> None:
    p = normal(5, 4).softmax(dim=1)
    np.testing.assert_allclose(certainty(p).numpy(), 1 + np.exp(-entropy(p.numpy(), axis=1)), rtol=1e-5)


def test_margin_disparity_is_its_formula() -> None:
    adversary_s, adversary_t = normal(5, 3), normal(4, 3, seed=1)
    predicted_s, predicted_t = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([2, 2, 0, 1])
    agreed = -log_softmax(adversary_s.numpy(), axis=1)[np.arange(5), predicted_s.numpy()].mean()
    contradicted = -np.log(1 - softmax(adversary_t.numpy(), axis=1)[np.arange(4), predicted_t.numpy()]).mean()
    disparity = margin_disparity(adversary_s, adversary_t, predicted_s, predicted_t, 4.0)
    assert float(disparity) == pytest.approx(4 * agreed + contradicted, rel=1e-5)


def test_margin_disparity_stays_finite_where_the_adversary_is_sure() -> None:
    sure = torch.tensor([[200.0, 0.0]], requires_grad=True)
    first = torch.tensor([0])
    loss = margin_disparity(sure, sure, first, first, 1.0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert bool(torch.isfinite(loss))
    assert sure.grad is not None
    assert bool(torch.isfinite(sure.grad).all())
