"""What every network gives: the features of its fully connected layers, and a score for each emotion."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from didan.hardware import one_thread
from didan.typing import Labels, Utterances

LAYERS = ("fc1", "fc2", "output")
"""Names of the fully connected layers, in order; alignment can be attached to any of them."""


_FRAMES = 8192  # of a batch
_MULTIPLE = 64  # frames; for every new length convolutions would keep memory of their own


@dataclass(frozen=True)
class Output:
    """The result of a forward pass.

    Attributes:
        embeddings: features of each layer named in ``LAYERS`` after its activation, shape (n, width).
        scores: one number per emotion, shape (n, n_emotions); under the regression loss an estimate of the
            emotion's probability.
    """

    embeddings: dict[str, Tensor]
    scores: Tensor

    def __getitem__(self, rows: slice) -> "Output":
        """The same for some of the utterances.

        >>> Output({"fc1": torch.zeros(4, 8)}, torch.zeros(4, 2))[:3].scores.shape
        torch.Size([3, 2])
        """
        return Output({name: h[rows] for name, h in self.embeddings.items()}, self.scores[rows])


class Network(Protocol):
    """A module that maps features to an :class:`Output`."""

    widths: dict[str, int]
    """Length of the feature vector of each layer."""

    def __call__(self, features: Tensor, lengths: Tensor) -> Output:
        """Run the network.

        Args:
            features: shape (n, frames, bands), padded at the end.
            lengths: valid frames of each utterance, shape (n,). What lies beyond has no effect on the output.
        """


@contextmanager
def suitable_threads(network: nn.Module) -> Iterator[None]:
    """All of torch's threads for convolutions, one for less.

    The threads of a small network wait for one another most of the time; beside one other busy process each step
    would take as long as the system lets that run.
    """
    convolves = any(isinstance(module, nn.Conv1d | nn.Conv2d) for module in network.modules())
    with nullcontext() if convolves else one_thread():
        yield


def network_outputs(network: nn.Module, features: Utterances) -> Output:
    """Run a network over utterances, whole, in batches of similar length, in evaluation mode and without
    gradients.

    Args:
        network: the network.
        features: of at least one utterance.

    Returns:
        Embeddings and scores in the order of the utterances.
    """
    lengths = np.array([len(features[index]) for index in range(len(features))])
    order = np.argsort(lengths, kind="stable")
    network.eval()
    parts: list[Output] = []
    first = 0
    with suitable_threads(network):
        while first < len(order):
            last = first + 1
            while last < len(order) and (last + 1 - first) * lengths[order[last]] <= _FRAMES:
                last += 1
            parts.append(_run_padded(network, features, order[first:last], lengths[order[first:last]]))
            first = last
    back = torch.from_numpy(np.argsort(order))
    embeddings = {layer: torch.cat([part.embeddings[layer] for part in parts])[back] for layer in LAYERS}
    return Output(embeddings, torch.cat([part.scores for part in parts])[back])


def _run_padded(network: nn.Module, features: Utterances, chosen: Labels, lengths: Labels) -> Output:
    """Run a network over some utterances, padded to the longest."""
    longest = int(lengths.max())
    padded_length = longest if longest == 1 else -(-longest // _MULTIPLE) * _MULTIPLE
    padded = np.zeros((len(chosen), padded_length, features[int(chosen[0])].shape[1]), dtype=np.float32)
    for row, (index, length) in enumerate(zip(chosen, lengths, strict=True)):
        padded[row, :length] = features[int(index)]
    device = next(network.parameters()).device
    with torch.inference_mode():
        output: Output = network(torch.from_numpy(padded).to(device), torch.from_numpy(lengths).to(device))
    return Output({layer: h.cpu() for layer, h in output.embeddings.items()}, output.scores.cpu())


class FullyConnected(nn.Module):
    """The head: two hidden layers and the output, each with a name that alignment can refer to."""

    def __init__(self, n_inputs: int, n_outputs: int, hidden: tuple[int, int], dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(n_inputs, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.output = nn.Linear(hidden[1], n_outputs)
        self.dropout = nn.Dropout(dropout)
        self.widths = dict(zip(LAYERS, (*hidden, n_outputs), strict=True))

    def forward(self, x: Tensor) -> Output:
        """Map pooled features, shape (n, n_inputs), to an output."""
        fc1 = torch.relu(self.fc1(self.dropout(x)))
        fc2 = torch.relu(self.fc2(self.dropout(fc1)))
        scores = self.output(self.dropout(fc2))
        return Output({"fc1": fc1, "fc2": fc2, "output": scores}, scores)
