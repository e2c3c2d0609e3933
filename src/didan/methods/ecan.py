"""ECAN: emotion-aware contrastive adaptation without the source (Zhao et al., ICASSP 2024, arXiv 2401.12925).

The paper's: a model trained on the source adapts to the target without the source's data, by
``L = L_div + lambda L_ncl + beta L_scl``: diversity of predictions, nearest-neighbour contrastive learning with a
memory bank of features, and supervised contrastive learning with a bank of scores. Ours: all formulas, and that
the last layer stays as the source left it (as in SHOT, Liang et al., ICML 2020).

- ``L_div = KL(mean_i p_i || prior)``.
- L_ncl: predictions among those in the bank, positive the nearest neighbours of the utterance's feature.
- L_scl: features among those in the bank, positive where the pseudo-label is the same. That is the emotion with
  the highest mean score among the nearest neighbours.
"""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import normalize

from didan.alignment import Alignment, contrastive, divergence
from didan.methods.method import Method, MethodContext, SourceFreeSettings
from didan.networks import Output


class EcanSettings(SourceFreeSettings):
    """Settings of contrastive adaptation.

    Attributes:
        trade_off: of the whole.
        neighbours: how many are positives.
        nearest: lambda, weight of L_ncl.
        supervised: beta, weight of L_scl.
        temperature: of the contrastive losses.
    """

    neighbours: int = Field(5, ge=1)
    nearest: float = Field(1.0, ge=0)
    supervised: float = Field(1.0, ge=0)
    temperature: float = Field(0.1, gt=0)

    def assumes_uniform_prior(self) -> bool:
        """See :class:`didan.methods.MethodSettings`."""
        return True

    def uses_class_prior(self) -> bool:
        """See :class:`didan.methods.MethodSettings`."""
        return True


class Ecan(nn.Module):
    """Adapts the last hidden layer. What the bank holds of an utterance is from the last batch that it was in."""

    features: Tensor
    probabilities: Tensor
    known: Tensor
    class_prior: Tensor

    def __init__(self, settings: EcanSettings, context: MethodContext) -> None:
        super().__init__()
        self.settings, self.link = settings, context.link
        self.register_buffer("features", torch.zeros(context.n_target, context.widths["fc2"]))
        self.register_buffer("probabilities", torch.zeros(context.n_target, len(context.emotions)))
        self.register_buffer("known", torch.zeros(context.n_target, dtype=torch.bool))
        self.register_buffer("class_prior", context.class_prior, persistent=False)

    def forward(self, source: Output | None, target: Output, labels: Tensor | None) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`; the source plays no part."""
        settings = self.settings
        h, p = target.embeddings["fc2"], self.link.probabilities(target.scores)
        index = target.index
        self.features[index] = normalize(h.detach())
        self.probabilities[index] = p.detach()
        self.known[index] = True
        bank, scores = self.features[self.known], self.probabilities[self.known]
        places = self.known.cumsum(0)[index] - 1
        itself = places[:, None] == torch.arange(len(bank), device=bank.device)

        near = neighbours(bank, settings.neighbours)
        pseudo_labels = scores[near].mean(dim=1).argmax(dim=1)
        is_near = torch.zeros_like(itself).scatter(1, near[places], True)
        diversity = divergence(p.mean(dim=0), self.class_prior.to(p))
        nearest = contrastive(p, scores, is_near, itself, settings.temperature)
        same = pseudo_labels[places][:, None] == pseudo_labels
        supervised = contrastive(h, bank, same, itself, settings.temperature)
        return Alignment(
            diversity + settings.nearest * nearest + settings.supervised * supervised,
            {name: float(part.detach()) for name, part in (("diversity", diversity), ("nearest", nearest))},
        )


def neighbours(bank: Tensor, count: int) -> Tensor:
    """The nearest others of every row, by cosine; fewer in a smaller bank, the row itself in a bank of one.

    Args:
        bank: rows of length 1, shape (n, d).
        count: how many.

    Returns:
        Shape (n, k).

    >>> neighbours(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]), 1).flatten()
    tensor([2, 2, 1])
    """
    similarity = bank @ bank.T
    if len(bank) > 1:
        similarity.fill_diagonal_(-torch.inf)
    return similarity.topk(min(count, max(len(bank) - 1, 1)), dim=1).indices


METHOD = Method(
    name="ecan",
    summary="without the source, once trained on it: contrast with neighbours, by emotion, and diversity",
    settings=EcanSettings,
    build=Ecan,
)
