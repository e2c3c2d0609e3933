"""DJDA: dynamic joint distribution adaptation (Lu et al., ICASSP 2024, arXiv 2401.09752).

The paper's: several sources, each speaker a domain; marginal and conditional alignment, balanced by a factor from
the A-distance that is updated while training. Ours: all formulas.

    L = w L_marginal + (1 - w) L_conditional,    w = d / (d + mean_c d_c)

L_marginal is the mean, over the source domains of a batch and by their share of it, of the squared MMD between a
domain and the target; L_conditional the local MMD of the emotions. d is the proxy A-distance between source and
target, d_c that between their utterances of an emotion, as labelled and as predicted; w follows a running mean.
"""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from didan.alignment import Alignment, local_mmd, proxy_a_distance
from didan.alignment.kernels import gaussian_kernels
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output

_MOMENTUM = 0.9


class DjdaSettings(AlignmentSettings):
    """Settings of dynamic joint distribution adaptation.

    Attributes:
        trade_off: lambda.
    """

    trade_off: float = Field(0.1, ge=0)


class Djda(nn.Module):
    """Aligns the last hidden layer. Domains are the corpora of the source, or where it is one, its speakers."""

    factor: Tensor
    domains: Tensor

    def __init__(self, settings: DjdaSettings, context: MethodContext) -> None:
        super().__init__()
        self.context = context
        self.register_buffer("factor", torch.tensor(torch.nan))
        self.register_buffer("domains", context.source_domains, persistent=False)

    def forward(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        h_s, h_t = source.embeddings["fc2"], target.embeddings["fc2"]
        probabilities = self.context.link.probabilities(target.scores.detach())
        members = one_hot(labels, len(self.context.emotions)).to(h_s)
        weight = self._updated(balance(h_s, h_t, labels, probabilities.argmax(dim=1)))
        marginal = marginal_mmd(h_s, h_t, self.domains[source.index])
        conditional = local_mmd(h_s, h_t, members, probabilities)
        return Alignment(weight * marginal + (1 - weight) * conditional, {"marginal": weight})

    def _updated(self, weight: float) -> float:
        before = float(self.factor)
        now = weight if before != before else _MOMENTUM * before + (1 - _MOMENTUM) * weight
        self.factor.fill_(now)
        return now


def marginal_mmd(h_s: Tensor, h_t: Tensor, domains: Tensor) -> Tensor:
    """Squared MMD between each source domain and the target, averaged by the domains' shares.

    The unbiased estimate, without the kernel of an utterance with itself (Gretton et al., JMLR 2012). A batch has
    few utterances of a domain; the biased estimate is larger the fewer they are, and to give all utterances the
    same features would be the way to lower it. Domains with one utterance in the batch count as one.

    Args:
        h_s: source features, shape (n_s, d).
        h_t: target features, shape (n_t, d).
        domains: of the source utterances, shape (n_s,).

    >>> h = torch.tensor([[0.0], [1.0]])
    >>> bool(marginal_mmd(h, h, torch.tensor([3, 3])) < 0)      # nearer than chance has it
    True
    """
    members = one_hot(domains).to(h_s)
    alone = members.sum(dim=0) == 1
    members = torch.cat([members[:, ~alone], members[:, alone].sum(dim=1, keepdim=True)], dim=1)
    members = members[:, members.sum(dim=0) > 1]
    counts, n_t = members.sum(dim=0), len(h_t)
    kernel = gaussian_kernels(torch.cat([h_s, h_t])).fill_diagonal_(0)
    within, across, of_target = kernel[:-n_t, :-n_t], kernel[:-n_t, -n_t:], kernel[-n_t:, -n_t:]
    squares = (
        (members * (within @ members)).sum(dim=0) / (counts * (counts - 1))
        - 2 * (members * across.mean(dim=1, keepdim=True)).sum(dim=0) / counts
        + of_target.sum() / (n_t * (n_t - 1))
    )
    mean: Tensor = (squares * counts).sum() / counts.sum().clamp_min(1)
    return mean


def balance(h_s: Tensor, h_t: Tensor, labels: Tensor, pseudo_labels: Tensor) -> float:
    """w, a half where nothing can be told apart.

    Args:
        h_s: source features, shape (n_s, d).
        h_t: target features, shape (n_t, d).
        labels: emotions of the source, shape (n_s,).
        pseudo_labels: predicted emotions of the target, shape (n_t,).
    """
    marginal = proxy_a_distance(h_s, h_t)
    conditional = []
    for emotion in range(int(labels.max()) + 1):
        own_s, own_t = h_s[labels == emotion], h_t[pseudo_labels == emotion]
        if min(len(own_s), len(own_t)) > 1:
            conditional.append(proxy_a_distance(own_s, own_t))
    mean = sum(conditional) / max(len(conditional), 1)
    return marginal / (marginal + mean) if marginal + mean > 0 else 0.5


METHOD = Method(
    name="djda",
    summary="maximum mean discrepancy of every source domain and of every emotion, balanced by the A-distance",
    settings=DjdaSettings,
    build=Djda,
)
