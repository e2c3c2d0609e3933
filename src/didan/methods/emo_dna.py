"""EMO-DNA: emotion decoupling and alignment (Ye et al., ACM MM 2023, arXiv 2308.02190).

The paper's: a contrastive loss separates what is relevant to emotion from what is specific to the corpus; target
utterances with confident pseudo-labels, the threshold adaptive, are drawn to source classes; and the marginal
distributions of what is relevant are aligned. Ours: all formulas.

    L = L_decouple + L_class + L_corpus

- L_decouple: each emotion-relevant feature among all relevant and specific ones, positive where the emotion is the
  same; and each specific feature among the same, positive where the corpus is the same.
- L_class: confident target utterances among source utterances, positive where the emotion is the same.
- L_corpus: multi-kernel MMD.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from didan.alignment import Alignment, contrastive, multi_kernel_mmd
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class EmoDnaSettings(AlignmentSettings):
    """Settings of emotion decoupling and alignment.

    Attributes:
        trade_off: lambda.
        temperature: of the contrastive losses.
    """

    trade_off: float = Field(0.1, ge=0)
    temperature: float = Field(0.1, gt=0)


class EmoDna(nn.Module):
    """Relevant is the last hidden layer, specific a linear layer on the first that exists in training alone."""

    def __init__(self, settings: EmoDnaSettings, context: MethodContext) -> None:
        super().__init__()
        self.temperature, self.context = settings.temperature, context
        self.specific = nn.Linear(context.widths["fc1"], context.widths["fc2"])

    def forward(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        confidence, pseudo_labels = self.context.link.probabilities(target.scores.detach()).max(dim=1)
        chosen = confident(confidence, pseudo_labels, len(self.context.emotions))
        relevant = torch.cat([source.embeddings["fc2"], target.embeddings["fc2"]])
        specific = self.specific(torch.cat([source.embeddings["fc1"], target.embeddings["fc1"]]))
        emotion = torch.cat([labels, pseudo_labels])
        labelled = torch.cat([torch.ones_like(labels, dtype=torch.bool), chosen])
        corpus = torch.cat([torch.zeros_like(labels), torch.ones_like(pseudo_labels)])

        same_emotion = (emotion[:, None] == emotion) & labelled[:, None] & labelled
        decouple = self._apart(relevant, specific, same_emotion) + self._apart(
            specific, relevant, corpus[:, None] == corpus
        )
        h_s, h_t = source.embeddings["fc2"], target.embeddings["fc2"]
        same_class = (pseudo_labels[:, None] == labels) & chosen[:, None]
        classes = contrastive(h_t, h_s, same_class, temperature=self.temperature)
        return Alignment(
            decouple + classes + multi_kernel_mmd(h_s, h_t),
            {"confident": float(chosen.double().mean())},
        )

    def _apart(self, own: Tensor, other: Tensor, positive: Tensor) -> Tensor:
        """Contrast within own features, with the other ones as negatives."""
        never = torch.zeros_like(positive)
        return contrastive(
            own,
            torch.cat([own, other]),
            torch.cat([positive, never], dim=1),
            torch.cat([torch.eye(len(own), dtype=torch.bool, device=own.device), never], dim=1),
            self.temperature,
        )


def confident(confidence: Tensor, pseudo_labels: Tensor, n_emotions: int) -> Tensor:
    """Who is at least as confident as the batch is on average for the same emotion, shape (n,).

    So an emotion that is predicted with little confidence has pseudo-labels too.

    Args:
        confidence: the largest probability of each utterance, shape (n,).
        pseudo_labels: the emotion that has it, shape (n,).
        n_emotions: how many there are.

    >>> confident(torch.tensor([0.9, 0.7, 0.4]), torch.tensor([0, 0, 1]), 2)
    tensor([ True, False,  True])
    """
    sums = confidence.new_zeros(n_emotions).index_add(0, pseudo_labels, confidence)
    means = sums / pseudo_labels.bincount(minlength=n_emotions).clamp_min(1)
    return confidence >= means[pseudo_labels] * (1 - 1e-6)  # what rounding leaves of a mean of one


METHOD = Method(
    name="emo-dna",
    summary="emotion decoupled from corpus by contrast, then aligned by emotion and as a whole",
    settings=EmoDnaSettings,
    build=EmoDna,
)
