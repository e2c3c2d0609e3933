"""DIDAN: deep regression with implicit distribution alignment (Zhao et al., ICASSP 2023, arXiv 2302.08921).

    L = L_reg + lambda * L_IDA(H_t, H_s) + mu * (1/n_t) ||G_t - W Y_s||_F^2

The idea of L_IDA is the paper's; its settings here, the constraint on the coefficients first of all, are ours. So
is the last term, which draws the target's scores G_t to mixtures of the source's labels Y_s, see
:mod:`didan.self_training.balanced`; ``labels=0`` leaves it out. Both terms use every source emotion alike,
unless ``proportions`` says how frequent it is in the target.
"""

import math
from typing import Annotated, Literal

from pydantic import Field, model_validator
from torch import Tensor, nn

from didan.alignment import Alignment, MemoryBank, align, carried_labels, class_balanced_marginal
from didan.alignment.reconstruction import Constraint, Penalty, check_combination
from didan.errors import UserError
from didan.methods.class_prior import expected_shares
from didan.methods.method import AlignmentSettings, Method, Setting
from didan.networks import Output


class DidanSettings(AlignmentSettings):
    """Settings of implicit distribution alignment.

    Attributes:
        trade_off: lambda, the weight of L_IDA once the ramp is over.
        penalty: on the coefficients W; ``l1`` with ``constraint="free"`` is the literal lasso form.
        constraint: what W must satisfy; ``balanced`` prescribes equal weight to every source emotion.
        tau: weight of the penalty as a fraction of the one that makes W vanish.
        layer: the fully connected layer whose features are aligned.
        dictionary: reconstruct from the source half of the mini-batch, or from the whole source corpus.
        tolerance: of the solver, as a fraction of ``||H_t||_F^2``.
        max_iterations: of the solver, per step.
        labels: mu, the weight of the target's fit to the labels that coefficients carry to it from the source.
        labels_from: share of training before the first such labels.
        labels_every: steps from one set of labels to the next.
        sharpness: how much further from undecided the labels are than the scores; not above 1, labels fade.
        proportions: roughly, the shares of emotions in the target, where they are known beforehand, such as
            ``{neutral: 0.5}``; emotions not named share the rest alike.
    """

    trade_off: float = Field(0.1, ge=0)
    penalty: Penalty = "none"
    constraint: Constraint = "balanced"
    tau: float = Field(0.1, ge=0)
    layer: Literal["fc1", "fc2", "output"] = "fc1"
    dictionary: Literal["batch", "memory"] = "batch"
    tolerance: float = Field(2e-2, gt=0)
    max_iterations: int = Field(50, ge=1)
    labels: float = Field(2.0, ge=0)
    labels_from: float = Field(0.1, ge=0, le=1)
    labels_every: int = Field(10, ge=1)
    sharpness: float = Field(1.8, gt=0)
    proportions: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _solvable(self) -> "DidanSettings":
        try:
            check_combination(self.penalty, self.constraint, self.tau)
        except UserError as error:
            raise ValueError(str(error)) from error
        return self

    def told(self) -> dict[str, float]:
        """See :class:`didan.methods.MethodSettings`."""
        return self.proportions

    def supposes_even(self) -> bool:
        """See :class:`didan.methods.MethodSettings`."""
        return not self.proportions and (self.labels > 0 or self.constraint == "balanced")


class ImplicitAlignment(nn.Module):
    """L_IDA between the features of one layer, from the batch or from a memory bank, and the labels it carries."""

    shares: Tensor

    def __init__(self, settings: DidanSettings, known: Setting) -> None:
        super().__init__()
        self.settings, self.known = settings, known
        self.register_buffer("shares", expected_shares(settings.proportions, known.emotions), persistent=False)
        in_memory = settings.dictionary == "memory"
        self.bank = MemoryBank(known.labels, known.widths[settings.layer]) if in_memory else None

    def forward(self, source: Output, target: Output, labels: Tensor, index: Tensor) -> Alignment:
        """See :class:`didan.methods.AlignmentTerm`."""
        settings = self.settings
        h_s, h_t = source.embeddings[settings.layer], target.embeddings[settings.layer]
        if self.bank is not None:
            h_s, labels = self.bank.dictionary(h_s, index)
        balanced = settings.constraint == "balanced"
        return align(
            h_s,
            h_t,
            penalty=settings.penalty,
            constraint=settings.constraint,
            tau=settings.tau,
            source_marginal=class_balanced_marginal(labels, self.shares) if balanced else None,
            tolerance=settings.tolerance,
            max_iterations=settings.max_iterations,
        )

    def labels_due(self, step: int, steps: int) -> bool:
        """See :class:`didan.methods.LabelCarrier`."""
        begin = math.ceil(self.settings.labels_from * steps)
        return self.settings.labels > 0 and step >= begin and (step - begin) % self.settings.labels_every == 0

    def labels_weight(self) -> float:
        """See :class:`didan.methods.LabelCarrier`."""
        return self.settings.labels

    def carry(self, target: Output) -> Tensor:
        """See :class:`didan.methods.LabelCarrier`."""
        if self.known.loss == "cross-entropy":
            log_p = target.scores.log_softmax(dim=1)
        else:
            # Fitted to labels whose mean is pi, scores g are probabilities around it: log g ~ g / pi + const.
            log_p = target.scores * (1 / self.shares).to(target.scores)
        return carried_labels(log_p, self.settings.sharpness, self.shares)


METHOD = Method(
    name="didan",
    summary="implicit distribution alignment: target features reconstructed from source features",
    settings=DidanSettings,
    build=ImplicitAlignment,
)
