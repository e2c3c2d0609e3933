"""What every network is: a backbone, which makes one vector of an utterance, and a head, which scores it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from didan.hardware import one_thread
from didan.networks.hierarchical import Hierarchical
from didan.typing import Features, Labels, Utterances

if TYPE_CHECKING:
    from didan.features import FeatureSet

LAYERS = ("fc1", "fc2", "output")
"""Names of the fully connected layers, in order; alignment can be attached to any of them."""

_HIDDEN = (64, 64)

_FRAMES = 8192  # of a batch
_MULTIPLE = 64  # frames; for every new length convolutions would keep memory of their own


@dataclass(frozen=True)
class Output:
    """The result of a forward pass.

    Attributes:
        embeddings: features of each layer named in ``LAYERS`` after its activation, shape (n, width).
        scores: one number per emotion, shape (n, n_emotions); under the regression loss an estimate of the
            emotion's probability.
        index: which utterances of their domain these are, shape (n,), in training; None where it does not matter.
        levels: in training, the ``frames`` and ``segments`` that a hierarchical backbone made, shape (how many,
            width); other backbones make none.
    """

    embeddings: dict[str, Tensor]
    scores: Tensor
    index: Tensor | None = None
    levels: dict[str, Tensor] = field(default_factory=dict)

    def __getitem__(self, rows: slice) -> "Output":
        """The same for some of the utterances.

        >>> Output({"fc1": torch.zeros(4, 8)}, torch.zeros(4, 2))[:3].scores.shape
        torch.Size([3, 2])
        """
        index = None if self.index is None else self.index[rows]
        return Output({name: h[rows] for name, h in self.embeddings.items()}, self.scores[rows], index)


class Backbone(Protocol):
    """A module that makes one vector of an utterance.

    Attributes:
        n_bands: of the features.
        width: of the vector.
        rate: its learning rate, as a share of the head's, unless another is given; 0 if it stays as it is.
        begins: share of the training after which it learns, unless another is given.
    """

    n_bands: int
    width: int
    rate: float
    begins: float

    def __call__(self, features: Tensor, lengths: Tensor) -> Tensor:
        """Run the backbone.

        Args:
            features: of the frontend, before normalisation, shape (n, frames, bands), padded at the end.
            lengths: valid frames of each utterance, shape (n,). What lies beyond has no effect.

        Returns:
            Shape (n, width).
        """


class OneFrame(nn.Module):
    """The backbone for features that are one vector per utterance already.

    Args:
        n_bands: number of features.
    """

    rate, begins = 0.0, 0.0

    def __init__(self, n_bands: int) -> None:
        super().__init__()
        self.n_bands = self.width = n_bands

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """See :class:`Backbone`."""
        return features[:, 0]


class Linears(nn.Module):
    """A linear layer for each member of an ensemble, all computed at once.

    Args:
        members: how many.
        n_inputs: of each.
        n_outputs: of each.
    """

    def __init__(self, members: int, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        bound = n_inputs**-0.5  # as nn.Linear begins
        self.weight = nn.Parameter(torch.empty(members, n_inputs, n_outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(members, 1, n_outputs).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Map shape (members, n, n_inputs) to (members, n, n_outputs)."""
        return torch.baddbmm(self.bias, x, self.weight)


class Dropout(nn.Dropout):
    """Dropout that draws 16 random bits for each element, four elements at a time.

    On a CPU that takes a fraction of the Bernoulli draws of PyTorch's own. The probability is right to ``2**-17``.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Of any shape."""
        if not self.training:
            return x
        bits = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = bits.view(torch.int16)[: x.numel()].view(x.shape) >= round(self.p * 2**16) - 2**15
        return (x * kept).mul_(1 / (1 - self.p))


class Ensemble(nn.Module):
    """The head: several networks that differ in how they began and in what they drop out.

    Each has two hidden layers and the output, with names that alignment can refer to. What one of them makes of a
    target depends on its beginning; their mean hardly does.

    Args:
        n_inputs: length of the vectors.
        n_outputs: emotions.
        dropout: share of the inputs of each layer dropped while training.
        members: how many networks.
    """

    def __init__(self, n_inputs: int, n_outputs: int, dropout: float, members: int) -> None:
        super().__init__()
        self.members = members
        self.fc1 = Linears(members, n_inputs, _HIDDEN[0])
        self.fc2 = Linears(members, _HIDDEN[0], _HIDDEN[1])
        self.output = Linears(members, _HIDDEN[1], n_outputs)
        self.dropout = Dropout(dropout)
        self.widths = dict(zip(LAYERS, (*_HIDDEN, n_outputs), strict=True))

    def forward(self, x: Tensor) -> list[Output]:
        """Map normalised vectors, shape (n, n_inputs), to the output of each member."""
        fc1 = torch.relu(self.fc1(self.dropout(x.expand(self.members, *x.shape))))
        fc2 = torch.relu(self.fc2(self.dropout(fc1)))
        scores = self.output(self.dropout(fc2))
        return [
            Output(dict(zip(LAYERS, layers, strict=True)), layers[-1])
            for layers in zip(fc1.unbind(), fc2.unbind(), scores.unbind(), strict=True)
        ]


def averaged(members: Sequence[Output]) -> Output:
    """The output of an ensemble: the mean of the scores, the hidden features of all members side by side.

    >>> one, other = (Output({"fc1": torch.ones(3, 8)}, torch.full((3, 2), score)) for score in (0.0, 1.0))
    >>> averaged([one, other]).embeddings["fc1"].shape, averaged([one, other]).scores[0]
    (torch.Size([3, 16]), tensor([0.5000, 0.5000]))
    """
    scores = torch.stack([member.scores for member in members]).mean(dim=0)
    hidden = [layer for layer in members[0].embeddings if layer != "output"]
    embeddings = {layer: torch.cat([member.embeddings[layer] for member in members], dim=1) for layer in hidden}
    return Output({**embeddings, "output": scores}, scores)


class Network(nn.Module):
    """A backbone, which makes one vector of an utterance, and a head, which scores it once it is normalised.

    Between the two stands the normaliser of the domain, see :mod:`didan.features.normaliser`: speaker and
    microphone are in what a backbone makes of an utterance as they are in what a frontend makes of it.

    Args:
        backbone: see :class:`Backbone`.
        n_outputs: emotions.
        dropout: of the head.
        members: of the ensemble that the head is.
    """

    def __init__(self, backbone: nn.Module, n_outputs: int, dropout: float, members: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.width = int(backbone.width)  # type: ignore[arg-type]
        self.head = Ensemble(self.width, n_outputs, dropout, members)

    @property
    def widths(self) -> dict[str, int]:
        """Length of the feature vector of each layer, all members side by side; they share the output."""
        return {
            layer: width if layer == "output" else width * self.head.members
            for layer, width in self.head.widths.items()
        }

    @property
    def has_weights(self) -> bool:
        """Whether the backbone has any."""
        return any(True for _ in self.backbone.parameters())

    def levels(self, features: Tensor, lengths: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """What the backbone makes of a padded batch, and of its frames and segments; see :class:`Output`."""
        if isinstance(self.backbone, Hierarchical):
            return self.backbone.levels(features, lengths)
        return self.backbone(features, lengths), {}

    def vectors(self, features: Utterances) -> Features:
        """What the backbone makes of utterances, whole, in batches of similar length and without gradients.

        Args:
            features: of the frontend, before normalisation.

        Returns:
            Shape (n, width), in the order of the utterances.
        """
        lengths = np.array([len(features[index]) for index in range(len(features))])
        order = np.argsort(lengths, kind="stable")
        vectors = np.empty((len(order), self.width), dtype=np.float32)
        first = 0
        with suitable_threads(self.has_weights), _evaluating(self):
            while first < len(order):
                last = first + 1
                while last < len(order) and (last + 1 - first) * lengths[order[last]] <= _FRAMES:
                    last += 1
                chosen = order[first:last]
                vectors[chosen] = self._vectors(features, chosen, lengths[chosen])
                first = last
        return vectors

    def _vectors(self, features: Utterances, chosen: Labels, lengths: Labels) -> Features:
        """Those of some utterances, padded to the longest."""
        longest = int(lengths.max())
        padded_length = longest if longest == 1 else -(-longest // _MULTIPLE) * _MULTIPLE
        padded = np.zeros((len(chosen), padded_length, features[int(chosen[0])].shape[1]), dtype=np.float32)
        for row, (index, length) in enumerate(zip(chosen, lengths, strict=True)):
            padded[row, :length] = features[int(index)]
        like = self.head.output.weight
        made: Tensor = self.backbone(torch.from_numpy(padded).to(like), torch.from_numpy(lengths).to(like.device))
        vectors: Features = made.cpu().numpy()
        return vectors

    def heard(
        self, features: "FeatureSet", vectors: Callable[[Utterances], Features] | None = None
    ) -> "FeatureSet":
        """What the backbone makes of a set of utterances; of vectors it makes nothing else.

        Args:
            features: the set.
            vectors: how; :meth:`vectors` if None.
        """
        return features if isinstance(self.backbone, OneFrame) else features.through(vectors or self.vectors)

    def run(self, features: "FeatureSet") -> Output:
        """What the network makes of a set of utterances, whole, each normalised as the set says."""
        return self.outputs(self.heard(features).vectors())

    def scores(self, vectors: Features) -> Tensor:
        """The scores of each member for normalised vectors, shape (members, n, n_emotions), without gradients."""
        return torch.stack([member.scores.cpu() for member in self._members(vectors)])

    def outputs(self, vectors: Features) -> Output:
        """What the head makes of normalised vectors, shape (n, width), without gradients."""
        output = averaged(self._members(vectors))
        return Output({layer: h.cpu() for layer, h in output.embeddings.items()}, output.scores.cpu())

    def _members(self, vectors: Features) -> list[Output]:
        with suitable_threads(False), _evaluating(self):
            members: list[Output] = self.head(torch.from_numpy(vectors).to(self.head.output.weight))
        return members


@contextmanager
def suitable_threads(backbone: bool) -> Iterator[None]:
    """All of torch's threads where a backbone with weights runs, one for the head alone.

    The threads of a small network wait for one another most of the time; beside one other busy process each step
    would take as long as the system lets that run.
    """
    with nullcontext() if backbone else one_thread():
        yield


@contextmanager
def _evaluating(network: nn.Module) -> Iterator[None]:
    """Without dropout and gradients; a network that was training trains on afterwards."""
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        network.train(was_training)
