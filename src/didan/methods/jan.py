"""JAN: joint maximum mean discrepancy of features and predictions (Long et al., ICML 2017)."""

from pydantic import Field
from torch import Tensor

from didan.alignment import Alignment, joint_mmd
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class JanSettings(AlignmentSettings):
    """Settings of JAN; the trade-off was chosen on synthetic speech, see ``results/trade-offs``."""

    trade_off: float = Field(0.1, ge=0)


class Jan:
    """MMD^2 of the joint distribution of the last hidden layer and the predicted probabilities."""

    def __init__(self, settings: JanSettings, context: MethodContext) -> None:
        self.context = context

    def __call__(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        features = (source.embeddings["fc2"], target.embeddings["fc2"])
        predictions = (
            self.context.link.probabilities(source.scores),
            self.context.link.probabilities(target.scores),
        )
        return Alignment(joint_mmd([features, predictions]), {})


METHOD = Method(
    name="jan",
    summary="maximum mean discrepancy of features and predictions jointly",
    settings=JanSettings,
    build=Jan,
)
