"""Deep CORAL: equal covariances of the output layer (Sun and Saenko, ECCV workshops 2016)."""

from pydantic import Field
from torch import Tensor

from didan.alignment import Alignment
from didan.extras import require
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output


class DeepCoralSettings(AlignmentSettings):
    """Settings of Deep CORAL; the trade-off was chosen on synthetic speech, see ``results/trade-offs``."""

    trade_off: float = Field(100.0, ge=0)


class DeepCoral:
    """``||C_s - C_t||_F^2 / (4 d^2)`` with the covariances C of the output layer of width d; skada's loss."""

    def __init__(self, settings: DeepCoralSettings, context: MethodContext) -> None:
        self.loss = require("skada.deep.losses", "benchmark", "deep-coral").deepcoral_loss

    def __call__(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        return Alignment(self.loss(source.embeddings["output"], target.embeddings["output"]), {})


METHOD = Method(
    name="deep-coral",
    summary="equal covariances of the output layer",
    settings=DeepCoralSettings,
    build=DeepCoral,
)
