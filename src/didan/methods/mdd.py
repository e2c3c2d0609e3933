"""MDD: margin disparity discrepancy (Zhang et al., ICML 2019)."""

from pydantic import Field
from torch import Tensor, nn

from didan.alignment import Alignment, margin_disparity
from didan.alignment.adversarial import Discriminator, reverse_gradient
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class MddSettings(AlignmentSettings):
    """Settings of margin disparity discrepancy.

    Attributes:
        trade_off: lambda; chosen on synthetic speech, see ``results/trade-offs``.
        margin: gamma, the exponential of the margin.
    """

    trade_off: float = Field(0.01, ge=0)
    margin: float = Field(4.0, gt=0)


class Mdd(nn.Module):
    """A second classifier that agrees with the first on the source and contradicts it on the target."""

    def __init__(self, settings: MddSettings, context: MethodContext) -> None:
        super().__init__()
        self.margin = settings.margin
        self.adversary = Discriminator(context.widths["fc2"], len(context.emotions))

    def forward(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        loss = margin_disparity(
            self.adversary(reverse_gradient(source.embeddings["fc2"])),
            self.adversary(reverse_gradient(target.embeddings["fc2"])),
            source.scores.argmax(dim=1),
            target.scores.argmax(dim=1),
            self.margin,
        )
        return Alignment(loss, {})


METHOD = Method(
    name="mdd",
    summary="no second classifier can contradict the first on the target alone",
    settings=MddSettings,
    build=Mdd,
)
