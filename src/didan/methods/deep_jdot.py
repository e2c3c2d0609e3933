"""DeepJDOT: optimal transport of features and labels jointly (Damodaran et al., ECCV 2018)."""

from pydantic import Field
from torch import Tensor
from torch.nn.functional import one_hot

from didan.alignment import Alignment
from didan.extras import require
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class DeepJdotSettings(AlignmentSettings):
    """Settings of DeepJDOT.

    Attributes:
        distance: alpha, weight of squared distances between features; that of labels is 1.
    """

    distance: float = Field(0.001, gt=0)


class DeepJdot:
    """``min_plan sum_ij plan_ij (alpha ||h_s,i - h_t,j||^2 + L(y_i, scores_j))`` in the last hidden layer.

    L is the loss that the network is fitted with. The transport is skada's (exact, through POT).
    """

    def __init__(self, settings: DeepJdotSettings, context: MethodContext) -> None:
        self.context, self.distance = context, settings.distance
        self.loss = require("skada.deep.losses", "benchmark", "deep-jdot").deepjdot_loss

    def __call__(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`; both batches must be of one size."""
        loss = self.loss(
            labels,
            target.scores,
            source.embeddings["fc2"],
            target.embeddings["fc2"],
            self.distance,
            1.0,
            criterion=None if self.context.link.loss == "cross-entropy" else squared_error,
        )
        return Alignment(loss, {})


def squared_error(scores: Tensor, labels: Tensor) -> Tensor:
    """``||scores_ji - onehot(y_ji)||^2`` for every pair, shape (n, m).

    Args:
        scores: shape (n, c, m).
        labels: shape (n, m).

    >>> import torch
    >>> squared_error(torch.tensor([[[1.0], [1.0]]]), torch.tensor([[0]]))
    tensor([[1.]])
    """
    return (scores - one_hot(labels, scores.shape[1]).movedim(2, 1)).square().sum(dim=1)


METHOD = Method(
    name="deep-jdot",
    summary="optimal transport of features and labels jointly",
    settings=DeepJdotSettings,
    build=DeepJdot,
)
