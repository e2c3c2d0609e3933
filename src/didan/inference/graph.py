"""Frontend, normalisation, network and calibration as one graph of tensor operations, which can be exported."""

import torch
from torch import Tensor, nn

from didan.features import build_frontend
from didan.model.trained import TrainedModel


class Graph(nn.Module):
    """A batch of waveforms becomes probabilities; zeros at the end of a waveform are padding.

    Args:
        model: a model without openSMILE's functionals.
    """

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self.frontend, self.network = build_frontend(model.config.frontend), model.network
        self.link, self.temperature = model.link, model.temperature

    def forward(self, waveform: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Predict a batch, all of it of one group.

        Args:
            waveform: 16 kHz samples, shape (n, samples).
            mean: of the vectors of the group, shape (width,).
            std: the same.

        Returns:
            Probabilities, shape (n, n_emotions); and, of what there is to normalise, for the statistics of groups:
            number of vectors of each utterance, 1, shape (n,), mean and variance, each of shape (n, width).
        """
        features, counts = self.frontend(waveform)
        vectors = self.network.backbone(features, counts)
        scores: Tensor = self.network.head((vectors - mean) / std).scores
        probabilities = self.link.probabilities(scores, self.temperature)
        return probabilities, torch.ones_like(counts), vectors, torch.zeros_like(vectors)
