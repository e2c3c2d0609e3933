"""Networks: features become embeddings of each fully connected layer, and emotion scores."""

from torch import nn

from didan.networks.compact import Compact
from didan.networks.mlp import MLP
from didan.networks.network import LAYERS, Network, Output, network_outputs, suitable_threads
from didan.networks.scores import Loss, ScoreLink

__all__ = [
    "LAYERS",
    "Loss",
    "Network",
    "Output",
    "ScoreLink",
    "build_network",
    "network_outputs",
    "suitable_threads",
]


def build_network(frontend: str, n_bands: int, n_outputs: int, dropout: float | None = None) -> nn.Module:
    """The network for a kind of features.

    Args:
        frontend: ``spectrogram`` takes a small convolutional network, what is one vector per utterance a
            multilayer perceptron.
        n_bands: bands of the features.
        n_outputs: emotions.
        dropout: in the fully connected layers; the network's own if None.
    """
    chosen = {} if dropout is None else {"dropout": dropout}
    return (Compact if frontend == "spectrogram" else MLP)(n_bands, n_outputs, **chosen)
