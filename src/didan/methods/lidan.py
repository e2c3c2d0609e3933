"""LIDAN: layer-adapted implicit distribution alignment (Zhao et al., arXiv 2310.03992).

The paper's: three modified IDA terms, which use emotion labels at different granularity, in different fully
connected layers, finer with depth. Ours: what they are in detail
(:func:`didan.alignment.grouped_alignment`), coefficients, normalisation and weights.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from didan.alignment import Alignment, grouped_alignment
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import LAYERS, Output


class LidanSettings(AlignmentSettings):
    """Settings of layer-adapted alignment.

    Attributes:
        trade_off: lambda; chosen on synthetic speech, see ``results/trade-offs``.
        tolerance: of the solver, as a fraction of ``||H_t||_F^2``.
        max_iterations: of the solver, per group and step.
    """

    trade_off: float = Field(0.1, ge=0)
    tolerance: float = Field(2e-2, gt=0)
    max_iterations: int = Field(50, ge=1)

    def assumes_uniform_prior(self) -> bool:
        """See :class:`didan.methods.MethodSettings`."""
        return True


class Lidan(nn.Module):
    """Aligns all utterances in the first layer, low and high arousal in the second, emotions in the third.

    Source membership comes from labels, target membership from the current predictions. Coefficients are
    balanced, as DIDAN's are here; the three terms have equal weight.
    """

    groups: Tensor

    def __init__(self, settings: LidanSettings, context: MethodContext) -> None:
        from didan.corpora.emotions import (
            coarse_classes,
        )  # with it comes pandas, for which prediction need not wait

        super().__init__()
        self.settings = settings
        coarse = coarse_classes()
        levels = [
            [0 for _ in context.emotions],
            [coarse[e] for e in context.emotions],
            range(len(context.emotions)),
        ]
        self.register_buffer("groups", torch.tensor([list(level) for level in levels]), persistent=False)

    def forward(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        pseudo_labels = target.scores.argmax(dim=1)
        parts = [
            grouped_alignment(
                source.embeddings[layer],
                target.embeddings[layer],
                labels,
                pseudo_labels,
                groups,
                penalty="none",
                constraint="balanced",
                tolerance=self.settings.tolerance,
                max_iterations=self.settings.max_iterations,
            )
            for layer, groups in zip(LAYERS, self.groups, strict=True)
        ]
        residuals = {
            "residual" if layer == "fc1" else f"residual_{layer}": part.diagnostics["residual"]
            for layer, part in zip(LAYERS, parts, strict=True)
        }
        return Alignment(torch.stack([part.loss for part in parts]).sum(), residuals)


METHOD = Method(
    name="lidan",
    summary="implicit distribution alignment layer by layer: of all, within coarse classes, within emotions",
    settings=LidanSettings,
    build=Lidan,
)
