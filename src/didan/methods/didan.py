"""DIDAN: implicit distribution alignment (Zhao et al., ICASSP 2023, arXiv 2302.08921), by default with balanced
pseudo-labels.

    L = L_reg + lambda * L_IDA(H_t, H_s) + weight * (1/n_t) ||G_t - Q||_F^2

The idea of L_IDA is the paper's; its settings here, the constraint on the coefficients first of all, are ours. So
is the last term, self-training on balanced pseudo-labels Q (:mod:`didan.self_training.balanced`), which any method
can have and DIDAN has by default; ``pseudo_labels.weight=0`` is IDA alone.
"""

from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from didan.alignment import Alignment, align, class_balanced_marginal
from didan.alignment.reconstruction import Constraint
from didan.methods.method import AlignmentSettings, Method, MethodContext
from didan.networks import Output
from didan.self_training import BalancedSettings


class DidanSettings(AlignmentSettings):
    """Settings of implicit distribution alignment.

    Attributes:
        trade_off: lambda, the weight of L_IDA once the ramp is over.
        penalty: on the coefficients W; ``l1`` with ``constraint="free"`` is the literal lasso form.
        constraint: what W must satisfy; ``balanced`` prescribes the class prior for the use of source emotions.
        tau: weight of the penalty as a fraction of the one that makes W vanish.
        tolerance: of the solver, as a fraction of ``||H_t||_F^2``.
        max_iterations: of the solver, per step.
    """

    trade_off: float = Field(0.1, ge=0)
    penalty: Literal["none", "l1", "ridge"] = "none"
    constraint: Constraint = "convex"
    tau: float = Field(0.1, ge=0)
    tolerance: float = Field(2e-2, gt=0)
    max_iterations: int = Field(50, ge=1)

    def assumes_uniform_prior(self) -> bool:
        """See :class:`didan.methods.MethodSettings`."""
        return self.constraint == "balanced"

    def uses_class_prior(self) -> bool:
        """See :class:`didan.methods.MethodSettings`."""
        return self.constraint == "balanced"


class ImplicitAlignment(nn.Module):
    """L_IDA between the features of the first fully connected layer of a source and a target batch."""

    class_prior: Tensor

    def __init__(self, settings: DidanSettings, context: MethodContext) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("class_prior", context.class_prior, persistent=False)

    def forward(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        settings = self.settings
        balanced = settings.constraint == "balanced"
        return align(
            source.embeddings["fc1"],
            target.embeddings["fc1"],
            penalty=settings.penalty,
            constraint=settings.constraint,
            tau=settings.tau,
            source_marginal=class_balanced_marginal(labels, self.class_prior) if balanced else None,
            tolerance=settings.tolerance,
            max_iterations=settings.max_iterations,
        )


METHOD = Method(
    name="didan",
    summary="implicit distribution alignment (target features reconstructed from source features)",
    settings=DidanSettings,
    build=ImplicitAlignment,
    pseudo_labels=BalancedSettings(weight=2.0),
)
