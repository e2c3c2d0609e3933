"""Margin disparity discrepancy: MDD."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, softmax


def margin_disparity(
    adversary_s: Tensor, adversary_t: Tensor, predicted_s: Tensor, predicted_t: Tensor, margin: float
) -> Tensor:
    """The loss of MDD's adversary (Zhang et al., ICML 2019).

        gamma * mean_s -log sigma_{f(x)}(f'(x))  +  mean_t -log(1 - sigma_{f(x)}(f'(x)))

    sigma is the softmax, f the classifier's decision, f' the adversary. The adversary minimises this, agreeing
    with f on the source and contradicting it on the target; features seen through
    :func:`didan.alignment.adversarial.reverse_gradient` maximise it.

    Args:
        adversary_s: logits of f' on the source, shape (n_s, c).
        adversary_t: the same on the target, shape (n_t, c).
        predicted_s: decisions of f, class indices, shape (n_s,).
        predicted_t: the same on the target, shape (n_t,).
        margin: gamma.

    >>> zeros, first = torch.zeros(1, 2), torch.zeros(1, dtype=torch.long)
    >>> margin_disparity(zeros, zeros, first, first, 1.0) / torch.log(torch.tensor(2.0))
    tensor(2.)
    """
    agreement = softmax(adversary_t, dim=1).gather(1, predicted_t[:, None])
    contradiction = -torch.log1p(-agreement.clamp_max(1 - 1e-6)).mean()
    return margin * cross_entropy(adversary_s, predicted_s) + contradiction
