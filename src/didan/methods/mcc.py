"""MCC: minimum class confusion on the target (Jin et al., ECCV 2020)."""

from pydantic import Field
from torch import Tensor

from didan.alignment import Alignment
from didan.extras import require
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class MccSettings(AlignmentSettings):
    """Settings of minimum class confusion.

    Attributes:
        temperature: divides the logits before the softmax.
    """

    temperature: float = Field(2.5, gt=0)


class Mcc:
    """How often two emotions compete for the same target utterance; skada's loss."""

    def __init__(self, settings: MccSettings, context: MethodContext) -> None:
        self.context, self.temperature = context, settings.temperature
        self.loss = require("skada.deep.losses", "benchmark", "mcc").mcc_loss

    def __call__(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        return Alignment(self.loss(self.context.link.logits(target.scores), T=self.temperature), {})


METHOD = Method(
    name="mcc",
    summary="as little confusion between emotions on the target as possible",
    settings=MccSettings,
    build=Mcc,
)
