"""What a method is: a name, its settings, and the alignment term it adds to the regression loss."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from didan.alignment import Alignment
from didan.networks import Output


class MethodSettings(BaseModel):
    """Base of every method's settings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def told(self) -> dict[str, float]:
        """What is said of the target beforehand: shares of emotions, empty if nothing is."""
        return {}

    def supposes_even(self) -> bool:
        """Whether the method takes all emotions for equally frequent in the target."""
        return False


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


@runtime_checkable
class LabelCarrier(Protocol):
    """A term that, from time to time, looks at the target whole and gives its utterances labels to learn from.

    Between two such moments the network is fitted to them as it is to the source's, in addition to the term.
    """

    def labels_due(self, step: int, steps: int) -> bool:
        """Whether it is time for new labels, at this step of so many."""

    def carry(self, target: Output) -> Tensor:
        """Labels for the target.

        Args:
            target: output for all target utterances, in evaluation mode.

        Returns:
            Shape (n_t, n_emotions), rows adding up to 1.
        """

    def labels_weight(self) -> float:
        """Weight of fitting the target to its labels; that of the source is 1."""


@dataclass(frozen=True)
class Setting:
    """What a method may know before training.

    Attributes:
        labels: emotion of every source utterance, as class indices, shape (n,).
        emotions: what the indices mean.
        widths: length of the feature vector of each layer.
        loss: by which the network is fitted to the labels, ``regression`` or ``cross-entropy``.
    """

    labels: Tensor
    emotions: tuple[str, ...]
    widths: dict[str, int]
    loss: Literal["regression", "cross-entropy"] = "regression"

    def logits(self, scores: Tensor) -> Tensor:
        """Scores as logits, for methods whose formula has a softmax, shape (n, n_emotions).

        Under cross-entropy they are logits already. Regression scores lie between 0 and 1, where a softmax is
        nearly flat; times 5 a one-hot row gets a probability of 0.96 (six emotions), which is ours.
        """
        return scores if self.loss == "cross-entropy" else 5 * scores

    def probabilities(self, scores: Tensor) -> Tensor:
        """Softmax of :meth:`logits`."""
        return self.logits(scores).softmax(dim=1)


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
    build: Callable[[Any, Setting], AlignmentTerm | None]
