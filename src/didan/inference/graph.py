"""Frontend, normalisation, network and calibration as one graph of tensor operations, which can be exported."""

import torch
from torch import Tensor, nn

from didan.features import build_frontend
from didan.model.trained import TrainedModel
from didan.networks import averaged


class Graph(nn.Module):
    """A batch of waveforms becomes probabilities; zeros at the end of a waveform are padding.

    Args:
        model: a model without openSMILE's functionals.
    """

    def __init__(self, model: TrainedModel) -> None:
        super().__init__()
        self.frontend, self.network = build_frontend(model.config.frontend), model.network
        self.link, self.temperature = model.link, model.temperature
        voices = model.normaliser.voices
        self.voices = None if voices is None else nn.Linear(*reversed(voices.weights.shape))
        if voices is not None and self.voices is not None:
            self.bands = list(voices.bands)
            self.voices.weight.data = torch.from_numpy(voices.weights).float()
            self.voices.bias.data = torch.from_numpy(voices.bias - voices.weights @ voices.centre).float()

    def forward(
        self, waveform: Tensor, mean: Tensor, std: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Predict a batch, all of it of one group.

        Args:
            waveform: 16 kHz samples, shape (n, samples).
            mean: of the vectors of the group, by kind of voice, shape (n_kinds, width).
            std: the same.

        Returns:
            Probabilities, shape (n, n_emotions); features of the first fully connected layer, shape (n, width of
            the layer); and, of what there is to normalise, for the statistics of groups: number of vectors of each
            utterance, 1, shape (n,), mean and variance, each of shape (n, width).
        """
        features, counts = self.frontend(waveform)
        vectors = self.network.backbone(features, counts)
        kinds = self._kinds(vectors)
        output = averaged(self.network.head((vectors - kinds @ mean) / (kinds @ std)))
        probabilities = self.link.probabilities(output.scores, self.temperature)
        embeddings = output.embeddings["fc1"]
        return probabilities, embeddings, torch.ones_like(counts), vectors, torch.zeros_like(vectors)

    def _kinds(self, vectors: Tensor) -> Tensor:
        """How probable each kind of voice is, shape (n, n_kinds); see :mod:`didan.features.voices`."""
        if self.voices is None:
            return torch.ones_like(vectors[:, :1])
        return torch.softmax(self.voices(vectors[:, self.bands]), dim=1)
