"""A multilayer perceptron for functionals: one vector per utterance in place of a spectrogram."""

from torch import Tensor, nn

from didan.networks.network import FullyConnected, Output


class MLP(nn.Module):
    """Two hidden layers over the functionals of an utterance.

    Args:
        n_bands: number of functionals.
        n_outputs: emotions.
        dropout: share of the inputs of each layer dropped while training; much, since one corpus has few speakers.
    """

    def __init__(self, n_bands: int, n_outputs: int, dropout: float = 0.6) -> None:
        super().__init__()
        self.head = FullyConnected(n_bands, n_outputs, (256, 128), dropout)
        self.widths = self.head.widths

    def forward(self, features: Tensor, lengths: Tensor) -> Output:
        """See :class:`didan.networks.Network`; there is one frame."""
        return self.head(features[:, 0])  # type: ignore[no-any-return]
