"""DANN: features from which a discriminator cannot tell the corpus (Ganin et al., JMLR 2016)."""

from pydantic import Field
from torch import Tensor, nn

from didan.alignment import Alignment
from didan.alignment.adversarial import Discriminator, domain_loss, reverse_gradient
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class DannSettings(AlignmentSettings):
    """Settings of DANN; the trade-off was chosen on synthetic speech, see ``results/trade-offs``."""

    trade_off: float = Field(0.1, ge=0)


class Dann(nn.Module):
    """A domain discriminator on the last hidden layer, behind a gradient reversal."""

    def __init__(self, settings: DannSettings, context: MethodContext) -> None:
        super().__init__()
        self.discriminator = Discriminator(context.widths["fc2"])

    def forward(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        guesses = [self.discriminator(reverse_gradient(side.embeddings["fc2"]))[:, 0] for side in (source, target)]
        return Alignment(domain_loss(*guesses), {})


METHOD = Method(
    name="dann",
    summary="features from which a discriminator cannot tell the corpus",
    settings=DannSettings,
    build=Dann,
)
