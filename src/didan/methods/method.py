"""What a method is: a name, its settings, and the alignment term it adds to the regression loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from didan.alignment import Alignment
from didan.networks import Output


class MethodSettings(BaseModel):
    """Base of every method's settings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AlignmentSettings(MethodSettings):
    """Settings of every method that aligns.

    Attributes:
        trade_off: lambda, the weight of the alignment term once the ramp is over.
        ramp: share of training over which the weight rises linearly from 0.
    """

    trade_off: float = Field(1.0, ge=0)
    ramp: float = Field(0.3, ge=0, le=1)


class AlignmentTerm(Protocol):
    """The part of the loss that looks at both corpora. It never sees a target label."""

    def __call__(self, source: Output, target: Output, labels: Tensor, index: Tensor) -> Alignment:
        """Measure how far source and target are apart.

        Args:
            source: output of the network for the source batch.
            target: output for the target batch.
            labels: emotions of the source batch, as class indices, shape (n_s,).
            index: which utterances of the source corpus the batch is made of, shape (n_s,).
        """


@dataclass(frozen=True)
class SourceLabels:
    """What a method may know of the source before training: labels, number of emotions, layer widths."""

    labels: Tensor
    n_emotions: int
    widths: dict[str, int]


@dataclass(frozen=True)
class Method:
    """A way of adapting.

    Attributes:
        name: as given to ``--method``.
        summary: one line for people.
        settings: model of its settings.
        build: makes the alignment term, or None for a method that trains on the source alone. A term that is a
            ``torch.nn.Module`` is moved, trained and saved with the network.
    """

    name: str
    summary: str
    settings: type[MethodSettings]
    build: Callable[[Any, SourceLabels], AlignmentTerm | None]
