"""CDAN: a discriminator that sees features and predictions multiplied (Long et al., NeurIPS 2018)."""

from pydantic import Field
from torch import Tensor, nn

from didan.alignment import Alignment
from didan.alignment.adversarial import Discriminator, certainty, domain_loss, multilinear, reverse_gradient
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class CdanSettings(AlignmentSettings):
    """Settings of CDAN; the trade-off was chosen on synthetic speech, see ``results/trade-offs``."""

    trade_off: float = Field(0.1, ge=0)


class Cdan(nn.Module):
    """The paper's CDAN+E: multilinear conditioning, utterances weighted by the certainty of their prediction."""

    def __init__(self, settings: CdanSettings, context: MethodContext) -> None:
        super().__init__()
        self.context = context
        self.discriminator = Discriminator(context.widths["fc2"] * len(context.emotions))

    def forward(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        guesses, weights = [], []
        for side in (source, target):
            p = self.context.link.probabilities(side.scores).detach()
            conditioned = multilinear(side.embeddings["fc2"], p)
            guesses.append(self.discriminator(reverse_gradient(conditioned))[:, 0])
            weights.append(certainty(p))
        return Alignment(domain_loss(*guesses, *weights), {})


METHOD = Method(
    name="cdan",
    summary="as dann, with the discriminator conditioned on predictions and weighted by certainty (CDAN+E)",
    settings=CdanSettings,
    build=Cdan,
)
