"""What a method is: a name, its settings, and the alignment term it adds to the loss on the source."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from didan.alignment import Alignment
from didan.networks import Output, ScoreLink
from didan.self_training import BalancedSettings


class MethodSettings(BaseModel):
    """Base of every method's settings: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def assumes_uniform_prior(self) -> bool:
        """Whether the term takes emotions for equally frequent in the target, unless a class prior is given."""
        return False

    def uses_class_prior(self) -> bool:
        """Whether the term depends on the class prior assumed of the target."""
        return False


class AlignmentSettings(MethodSettings):
    """Settings of every method that aligns.

    Attributes:
        trade_off: lambda, the weight of the alignment term once the ramp is over.
        ramp: share of training over which the weight rises linearly from 0.
    """

    trade_off: float = Field(1.0, ge=0)
    ramp: float = Field(0.3, ge=0, le=1)


class SourceFreeSettings(AlignmentSettings):
    """Settings of every method that adapts without the source, once it has been trained on it.

    From then on the last layer stays as it is: what an emotion is was learnt from labels, and there are none.

    Attributes:
        trade_off: weight of the term.
        ramp: share of training, after that on the source, over which the weight rises linearly from 0.
        pretraining: share of training on the source alone.
        rate: learning rate from then on, as a share of what it would be.
    """

    ramp: float = Field(0.0, ge=0, le=1)
    pretraining: float = Field(0.5, ge=0, lt=1)
    rate: float = Field(0.1, gt=0)


class AlignmentTerm(Protocol):
    """The part of the loss that looks at both corpora. It never sees a target label."""

    def __call__(self, source: Output, target: Output, labels: Tensor) -> Alignment:
        """Measure how far source and target are apart.

        Args:
            source: output of the network for the source batch.
            target: output for the target batch.
            labels: emotions of the source batch, as class indices, shape (n_s,).
        """


@dataclass(frozen=True, kw_only=True)
class MethodContext:
    """What a method may know before training.

    Attributes:
        emotions: what class indices mean.
        widths: length of the feature vector of each layer.
        link: between scores and probabilities; it knows the loss by which the network is fitted.
        class_prior: assumed of the target, shape (n_emotions,).
        source_domains: number of the domain of each source utterance, its corpus where there are several, else its
            speaker; shape (n_source,).
        n_target: number of target utterances.
    """

    emotions: tuple[str, ...]
    widths: dict[str, int]
    link: ScoreLink
    class_prior: Tensor
    source_domains: Tensor
    n_target: int


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way of adapting.

    Attributes:
        name: as given to ``--method``.
        summary: one line for people.
        settings: model of its settings.
        build: makes the alignment term, or None for a method that trains on the source alone. A term that is a
            ``torch.nn.Module`` is moved, trained and saved with the network.
        pseudo_labels: self-training that belongs to the method; most have none by default.
        hierarchical: whether it looks at frames and segments, which the hierarchical backbone makes.
    """

    name: str
    summary: str
    settings: type[MethodSettings]
    build: Callable[[Any, MethodContext], AlignmentTerm | None]
    pseudo_labels: BalancedSettings = field(default_factory=BalancedSettings)
    hierarchical: bool = False
