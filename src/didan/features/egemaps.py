"""The 88 functionals of eGeMAPSv02 by openSMILE.

Its licence allows private, research and educational use only; products need another one.
"""

import numpy as np
import opensmile
import torch
from torch import Tensor, nn

from didan.audio import RATE
from didan.features.short_time import n_samples

_SHORTEST = RATE // 10  # openSMILE has nothing to say of less


class EGeMAPS(nn.Module):
    """openSMILE, one utterance after the other; it is not made of tensor operations and cannot be exported."""

    def __init__(self) -> None:
        super().__init__()
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
        )
        self.names = tuple(self._smile.feature_names)

    def forward(self, waveform: Tensor) -> Tensor:
        """Map 16 kHz samples, shape (n, samples), to shape (n, 88)."""
        rows = [
            self._process(samples[:length])
            for samples, length in zip(waveform.cpu().numpy(), n_samples(waveform).tolist(), strict=True)
        ]
        return torch.from_numpy(np.stack(rows)).to(waveform)

    def _process(self, samples: np.ndarray) -> np.ndarray:
        if len(samples) < _SHORTEST:
            samples = np.pad(samples, (0, _SHORTEST - len(samples)))
        values = self._smile.process_signal(samples, RATE).to_numpy()[0]
        return np.nan_to_num(values)
