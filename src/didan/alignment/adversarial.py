"""Gradient reversal and domain discriminators: DANN and CDAN."""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, h: Tensor) -> Tensor:
        return h.view_as(h)

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return -gradients[0]


def reverse_gradient(h: Tensor) -> Tensor:
    """The identity, whose gradient has the opposite sign (Ganin et al., JMLR 2016).

    What comes after minimises a loss that what comes before maximises.

    >>> x = torch.ones(1, requires_grad=True)
    >>> reverse_gradient(3 * x).sum().backward(); x.grad
    tensor([-3.])
    """
    reversed_: Tensor = _Reversal.apply(h)  # type: ignore[no-untyped-call]
    return reversed_


def domain_loss(
    source_logits: Tensor,
    target_logits: Tensor,
    source_weights: Tensor | None = None,
    target_weights: Tensor | None = None,
) -> Tensor:
    """How badly a discriminator tells source (1) from target (0): mean over the two of their cross-entropies.

    Args:
        source_logits: shape (n_s,).
        target_logits: shape (n_t,).
        source_weights: of the utterances, shape (n_s,); equal if None. Their scale plays no part.
        target_weights: the same for the target.

    >>> domain_loss(torch.zeros(2), torch.zeros(3)) / torch.log(torch.tensor(2.0))
    tensor(1.)
    """

    def side(logits: Tensor, truth: float, weights: Tensor | None) -> Tensor:
        losses = binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth), reduction="none")
        return losses.mean() if weights is None else (weights * losses).sum() / weights.sum()

    return (side(source_logits, 1.0, source_weights) + side(target_logits, 0.0, target_weights)) / 2


class Discriminator(nn.Module):
    """Two layers that guess the corpus of an utterance.

    Args:
        width: length of a feature vector.
        n_outputs: 1 for a discriminator; more for an adversarial classifier.
        hidden: width of the layer between.
    """

    def __init__(self, width: int, n_outputs: int = 1, hidden: int = 128) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, n_outputs))

    def forward(self, h: Tensor) -> Tensor:
        """Map features, shape (n, width), to logits, shape (n, n_outputs)."""
        logits: Tensor = self.layers(h)
        return logits


def multilinear(h: Tensor, p: Tensor) -> Tensor:
    """Outer product of features and class probabilities (CDAN: Long et al., NeurIPS 2018).

    Args:
        h: shape (n, d).
        p: shape (n, c).

    Returns:
        Shape (n, d * c).

    >>> multilinear(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 1.0]]))
    tensor([[0., 1., 0., 2.]])
    """
    return torch.einsum("nd,nc->ndc", h, p).flatten(1)


def certainty(p: Tensor) -> Tensor:
    """``1 + exp(-H(p))``, CDAN+E's weight of an utterance, shape (n,); H in nats.

    >>> certainty(torch.tensor([[1.0, 0.0]]))
    tensor([2.])
    """
    return 1 + torch.exp(-torch.special.entr(p).sum(dim=1))
