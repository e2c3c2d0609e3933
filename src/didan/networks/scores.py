"""How a network's scores become probabilities: here and nowhere else.

Under cross-entropy scores are logits. Under the paper's squared error on one-hot labels they estimate
probabilities: they lie around 0 and 1, need not be positive or sum to 1, and a softmax of them is nearly flat.
Methods whose formulas contain a softmax, calibration, self-training and label-free criteria therefore each need a
way from one to the other.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from didan.simplex import project_simplex

Loss = Literal["regression", "cross-entropy"]


@dataclass(frozen=True)
class ScoreLink:
    """The link between the scores of a network and probabilities.

    Attributes:
        loss: by which the network is fitted.
    """

    loss: Loss = "regression"

    @property
    def temperature(self) -> float:
        """Without calibration; under regression 0.2 (ours): of 6 emotions, a one-hot row gets 96 %."""
        return 1.0 if self.loss == "cross-entropy" else 0.2

    def logits(self, scores: Tensor) -> Tensor:
        """Scores as logits, shape (n, n_emotions): ``scores / temperature``."""
        return scores / self.temperature

    def probabilities(self, scores: Tensor, temperature: float | None = None) -> Tensor:
        """Softmax with a temperature, the uncalibrated one if None, shape (n, n_emotions).

        >>> import torch
        >>> ScoreLink().probabilities(torch.tensor([[1.0, 0.0]])).round(decimals=3)
        tensor([[0.9930, 0.0070]])
        """
        return (scores / (temperature or self.temperature)).softmax(dim=1)

    def log_probabilities(self, scores: Tensor, prior: Tensor) -> Tensor:
        """Logarithms of probabilities up to a constant per utterance, to first order around a class prior.

        A network fitted by squared error to labels with mean ``prior`` scores g near it where it is undecided, and
        ``log g = log prior + (g - prior) / prior + ...``: logits that are steeper for rare emotions.

        Args:
            scores: shape (n, n_emotions).
            prior: adding up to 1, shape (n_emotions,).

        Returns:
            ``log_softmax(scores)`` under cross-entropy, ``scores / prior`` under regression; shape (n,
            n_emotions).
        """
        return scores.log_softmax(dim=1) if self.loss == "cross-entropy" else scores / prior.to(scores)

    def estimates(self, scores: Tensor) -> Tensor:
        """Probabilities with no temperature at all: under regression the nearest to the scores that sum to 1."""
        return scores.softmax(dim=1) if self.loss == "cross-entropy" else project_simplex(scores)

    def fit(self, scores: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """The loss against labels.

        Regression is the paper's, ``(1/n) sum_i ||scores_i - labels_i||^2``; cross-entropy is our option.

        Args:
            scores: shape (n, n_emotions).
            labels: probability of each emotion, one-hot for a known label, shape (n, n_emotions).
            weights: of the utterances, shape (n,); 1 if None. The sum is divided by n, whatever they are.

        >>> import torch
        >>> ScoreLink().fit(torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 0.0]]))
        tensor(1.)
        """
        if self.loss == "cross-entropy":
            losses = -(labels * scores.log_softmax(dim=1)).sum(dim=1)
        else:
            losses = (scores - labels).square().sum(dim=1)
        return (losses if weights is None else weights * losses).mean()
