"""What every network gives: the features of its fully connected layers, and a score for each emotion."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from didan.typing import Utterances

LAYERS = ("fc1", "fc2", "output")
"""Names of the fully connected layers, in order; alignment can be attached to any of them."""


_BATCH = 32
_MULTIPLE = 64  # frames


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


def run_padded(network: nn.Module, utterances: Sequence[Tensor]) -> Output:
    """Run a network over utterances of different lengths, padded to the longest; keeps no gradient.

    Args:
        network: in evaluation mode.
        utterances: features, each of shape (frames, bands).
    """
    device = next(network.parameters()).device
    lengths = torch.tensor([len(features) for features in utterances], device=device)
    padded = pad_sequence(list(utterances), batch_first=True)
    # Few different lengths: for every new one the convolutions would keep memory of its own.
    padded = pad(padded, (0, 0, 0, -padded.shape[1] % _MULTIPLE)).to(device)
    with torch.inference_mode():
        output: Output = network(padded, lengths)
    return output


def network_outputs(network: nn.Module, features: Utterances) -> Output:
    """Run a network over utterances, whole, in batches of similar length, in evaluation mode.

    Args:
        network: the network.
        features: of at least one utterance.

    Returns:
        Embeddings and scores in the order of the utterances.
    """
    lengths = [len(features[index]) for index in range(len(features))]
    order = np.argsort(np.asarray(lengths), kind="stable")
    parts: list[Output] = []
    network.eval()
    for first in range(0, len(order), _BATCH):
        chosen = order[first : first + _BATCH]
        parts.append(
            run_padded(network, [torch.from_numpy(np.asarray(features[int(i)], dtype=np.float32)) for i in chosen])
        )
    back = torch.from_numpy(np.argsort(order))
    embeddings = {layer: torch.cat([part.embeddings[layer] for part in parts]).cpu()[back] for layer in LAYERS}
    return Output(embeddings, torch.cat([part.scores for part in parts]).cpu()[back])


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
