"""DSAN: maximum mean discrepancy within each emotion (Zhu et al., TNNLS 2021)."""

from pydantic import Field
from torch import Tensor
from torch.nn.functional import one_hot

from didan.alignment import Alignment, local_mmd
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class DsanSettings(AlignmentSettings):
    """Settings of DSAN; the trade-off was chosen on synthetic speech, see ``results/trade-offs``."""

    trade_off: float = Field(0.1, ge=0)


class Dsan:
    """LMMD of the last hidden layer; target membership is the predicted probability, held fixed."""

    def __init__(self, settings: DsanSettings, context: MethodContext) -> None:
        self.context = context

    def __call__(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        members = one_hot(labels, len(self.context.emotions)).to(source.scores)
        probabilities = self.context.link.probabilities(target.scores.detach())
        loss = local_mmd(source.embeddings["fc2"], target.embeddings["fc2"], members, probabilities)
        return Alignment(loss, {})


METHOD = Method(
    name="dsan",
    summary="maximum mean discrepancy within each emotion, target emotions as predicted",
    settings=DsanSettings,
    build=Dsan,
)
