"""The frontends by kind, and what they have in common."""

from typing import Annotated, Protocol

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from didan.features.functionals import Functionals, FunctionalsSettings
from didan.features.spectrogram import Spectrogram, SpectrogramSettings
from didan.typing import Features, Samples

FrontendSettings = Annotated[SpectrogramSettings | FunctionalsSettings, Field(discriminator="kind")]

FRONTENDS: dict[str, type[SpectrogramSettings] | type[FunctionalsSettings]] = {
    "spectrogram": SpectrogramSettings,
    "linear": SpectrogramSettings,
    "functionals": FunctionalsSettings,
}


class Frontend(Protocol):
    """Maps 16 kHz samples, shape (n,), to features, shape (frames, bands)."""

    n_bands: int

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the features of one utterance."""


def build_frontend(settings: FrontendSettings) -> Frontend:
    """The frontend with these settings.

    Raises:
        UserError: it needs an extra that is not installed.
    """
    if isinstance(settings, FunctionalsSettings):
        return Functionals(settings)
    return Spectrogram(settings)


def extract_features(frontend: Frontend, samples: Samples) -> Features:
    """Temporary."""
    spoken = samples[: int(np.flatnonzero(samples)[-1]) + 1] if samples.any() else samples
    with torch.inference_mode():
        return frontend(torch.from_numpy(spoken)).numpy()
