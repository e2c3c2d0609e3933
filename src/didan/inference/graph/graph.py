"""Frontend, normalisation, network and calibration, for many utterances of different lengths at once."""

import torch
from torch import Tensor, nn

from didan.features import build_frontend
from didan.features.contour_statistics import moments
from didan.model.trained import Model


class Graph(nn.Module):
    """A batch of waveforms becomes probabilities. Zeros at the end of a waveform count as padding.

    Args:
        model: a model without openSMILE's functionals.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.frontend = build_frontend(model.config.frontend)
        self.register_buffer("mean", torch.from_numpy(model.statistics.mean))
        self.register_buffer("deviation", torch.from_numpy(model.statistics.deviation))
        self.normalisation, self.temperature = model.config.normalisation, model.temperature
        self.network = model.network

    def forward(self, waveform: Tensor) -> Tensor:
        """Map 16 kHz samples, shape (n, samples), to probabilities, shape (n, n_emotions)."""
        features, counts = self.frontend(waveform)
        features = self._normalised(features, counts)
        scores: Tensor = self.network(features, counts).scores
        return (scores / self.temperature).softmax(dim=1)

    def _normalised(self, features: Tensor, counts: Tensor) -> Tensor:
        if self.normalisation == "none":
            return features
        if self.normalisation != "utterance":
            return (features - self.mean) / self.deviation
        mean, deviation = (one[:, None] for one in moments(features, counts))
        return (features - mean) / torch.where(deviation < 1e-5, 1.0, deviation)
