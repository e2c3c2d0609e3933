"""The features of the whole source corpus, as they were when each utterance was last seen."""

import torch
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """A dictionary of source features that spans the corpus instead of one mini-batch.

    Utterances of the current batch enter with their gradient, all others as stored: features of a few steps
    ago, without one. Utterances never seen yet take no part.

    Args:
        labels: emotion of every source utterance, shape (n,), as class indices.
        width: length of a feature vector.
    """

    features: Tensor
    seen: Tensor
    labels: Tensor

    def __init__(self, labels: Tensor, width: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(len(labels), width))
        self.register_buffer("seen", torch.zeros(len(labels), dtype=torch.bool))
        self.register_buffer("labels", labels.clone())

    def dictionary(self, h_s: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
        """Store a batch and return all features known so far.

        Args:
            h_s: features of the batch, shape (n_s, width).
            index: which utterances of the corpus they are, shape (n_s,).

        Returns:
            Features, shape (m, width), the batch first; and their labels, shape (m,).
        """
        others = self.seen.clone()
        others[index] = False
        # Copies, since the next batch overwrites the bank before this one's gradient is taken.
        features = torch.cat([h_s, self.features[others].clone()])
        labels = torch.cat([self.labels[index], self.labels[others]])
        self.features[index] = h_s.detach().to(self.features)
        self.seen[index] = True
        return features, labels


def class_balanced_marginal(labels: Tensor, shares: Tensor | None = None) -> Tensor:
    """A source marginal under which every class that occurs has the same weight, or its share.

    Args:
        labels: class indices, shape (n,).
        shares: weight of every class, shape (n_classes,); None takes all alike.

    Returns:
        Weights adding up to 1, shape (n,).

    >>> class_balanced_marginal(torch.tensor([0, 0, 1]))
    tensor([0.2500, 0.2500, 0.5000])
    >>> class_balanced_marginal(torch.tensor([0, 0, 1]), torch.tensor([0.8, 0.2]))
    tensor([0.4000, 0.4000, 0.2000])
    """
    counts = torch.bincount(labels)
    weights = 1 / counts[labels].double()
    if shares is not None:
        weights = weights * shares.to(weights)[labels]
    return (weights / weights.sum()).float()
