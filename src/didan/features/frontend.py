"""The frontends by kind, and what they have in common."""

from functools import lru_cache
from typing import Annotated, Protocol

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from didan.features.functionals import Functionals, FunctionalsSettings
from didan.features.spectrogram import Spectrogram, SpectrogramSettings
from didan.hardware import one_thread
from didan.typing import Samples

FrontendSettings = Annotated[SpectrogramSettings | FunctionalsSettings, Field(discriminator="kind")]

FRONTENDS: dict[str, type[SpectrogramSettings] | type[FunctionalsSettings]] = {
    "spectrogram": SpectrogramSettings,
    "functionals": FunctionalsSettings,
}


class Frontend(Protocol):
    """A torch module that maps waveforms to features; see :func:`extract_features` for a single utterance.

    Attributes:
        feature_names: of the bands, each once.
        n_bands: their number.
    """

    feature_names: tuple[str, ...]
    n_bands: int

    @property
    def settings(self) -> FrontendSettings:
        """What it was built with; together with the waveform they determine the features."""

    def __call__(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the features of a batch of utterances.

        Args:
            waveform: 16 kHz samples, shape (n, samples), shorter ones filled up with zeros.

        Returns:
            Shape (n, frames, bands), and how many of its frames are each utterance's own, shape (n,).
        """


def build_frontend(settings: FrontendSettings) -> Functionals | Spectrogram:
    """The frontend with these settings.

    Raises:
        UserError: it needs an extra that is not installed.
    """
    if isinstance(settings, FunctionalsSettings):
        return Functionals(settings)
    return Spectrogram(settings)


@lru_cache(maxsize=4)
def cached_frontend(settings: FrontendSettings) -> Functionals | Spectrogram:
    """One frontend per process, since building its matrices takes longer than using them once."""
    return build_frontend(settings)


def extract_features(frontend: Frontend, samples: Samples) -> npt.NDArray[np.float32]:
    """Compute the features of one utterance, in a batch of its own, so that they depend on nothing else.

    Args:
        frontend: see :func:`build_frontend`.
        samples: 16 kHz, shape (n,); zeros at the end are padding.

    Returns:
        Shape (frames, bands), float32.

    >>> frontend = build_frontend(SpectrogramSettings())
    >>> extract_features(frontend, np.ones(1600, np.float32)).shape
    (11, 64)
    """
    nonzero = np.flatnonzero(samples)
    if len(nonzero):
        samples = samples[: nonzero[-1] + 1]
    # Last digits may depend on the number of threads, and more of them would only wait for one another.
    with one_thread(), torch.inference_mode():
        features, n_frames = frontend(torch.from_numpy(samples)[None])
    extracted: npt.NDArray[np.float32] = features[0, : int(n_frames[0])].numpy()
    return extracted
