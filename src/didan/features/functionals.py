"""Functionals: one vector per utterance, for small and fast models on small corpora."""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.fft import dct
from torch import Tensor

from didan.audio import RATE
from didan.errors import UserError
from didan.features.spectrogram import Spectrogram, SpectrogramSettings
from didan.features.summaries import Frames, Numbers, course, modulation_spectrum, outline, rhythm
from didan.features.voice import EVERYWHERE, descriptors
from didan.typing import Samples

Part = Literal["contours", "cepstra", "modulation", "egemaps"]

N_CEPSTRA = 20
MODULATION_BANDS = 16
HEARD, SOUNDING, LOUD = 40.0, 30.0, 20.0  # dB under the loudest frame at most
ENOUGH = 5
_SHORTEST = RATE // 10  # openSMILE has nothing to say of less
_WIDTHS: dict[Part, int] = {"contours": 224, "cepstra": 200, "modulation": 128, "egemaps": 88}


class FunctionalsSettings(BaseModel):
    """What an utterance is described by.

    Attributes:
        kind: ``functionals``.
        parts: ``contours`` (how 19 descriptors of the voice move, see :mod:`didan.features.voice`), ``cepstra``
            (20 mel cepstra, over all frames and the loud ones), ``modulation`` (the spectrum of the envelopes of
            16 bands, which is the rhythm): these are ours, and the default. ``egemaps``: the 88 of eGeMAPSv02,
            which need openSMILE.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["functionals"] = "functionals"
    parts: tuple[Part, ...] = Field(("contours", "cepstra", "modulation"), min_length=1)

    @field_validator("parts")
    @classmethod
    def _each_once(cls, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        if len(set(parts)) < len(parts):
            raise ValueError("each part can be there once")
        return parts


class Functionals:
    """The functionals of an utterance, made of log-mel bands and descriptors of the voice.

    openSMILE's licence allows private, research and educational use only; products need another one. Only
    ``egemaps`` asks for it.

    Raises:
        UserError: a part needs openSMILE, and the extra is not installed.
    """

    def __init__(self, settings: FunctionalsSettings) -> None:
        self.settings = settings
        self.n_bands = sum(_WIDTHS[part] for part in settings.parts)
        self._egemaps = _opensmile() if "egemaps" in settings.parts else None
        self._spectrogram = Spectrogram(SpectrogramSettings(trim=None))

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the functionals.

        Args:
            waveform: 16 kHz samples, shape (n,).

        Returns:
            Shape (1, n_functionals): one frame, so that functionals travel like spectrograms.
        """
        samples: Samples = waveform.numpy()
        levels = self._spectrogram(waveform).numpy().astype(np.float64)
        heard = _heard(levels)
        values = np.concatenate([self._part(part, samples, levels, heard) for part in self.settings.parts])
        return torch.from_numpy(np.nan_to_num(values).astype(np.float32))[None]

    def _part(self, part: Part, samples: Samples, levels: Numbers, heard: slice) -> Numbers:
        match part:
            case "contours":
                return _contours(descriptors(samples, levels)[heard])
            case "cepstra":
                return _cepstra(levels[heard])
            case "modulation":
                return modulation_spectrum(levels[heard], MODULATION_BANDS)
            case "egemaps":
                return _of_opensmile(self._egemaps, samples)


def _heard(levels: Numbers) -> slice:
    """From the first frame that is not silent to the last."""
    loudness = _loudness(levels)
    frames = np.flatnonzero(loudness >= loudness.max() - HEARD)
    return slice(frames[0], frames[-1] + 1)


def _contours(voice: Numbers) -> Numbers:
    """How the descriptors move: all where the voice sounds, loudness and spectrum over the whole utterance too."""
    harmonics_to_noise, loudness = voice[:, 0], voice[:, EVERYWHERE]
    voiced = (harmonics_to_noise > 0) & (loudness > loudness.max() - SOUNDING)
    return np.concatenate([course(_those(voice, voiced)), outline(voice[:, EVERYWHERE:]), rhythm(voiced)])


def _cepstra(levels: Numbers) -> Numbers:
    """Mel cepstra over all frames and over the loud ones, which are vowels for the most part."""
    cepstra: Numbers = dct(levels, axis=1, norm="ortho")[:, :N_CEPSTRA]
    loudness = _loudness(levels)
    return np.concatenate([outline(cepstra), outline(_those(cepstra, loudness >= loudness.max() - LOUD))])


def _loudness(levels: Numbers) -> Numbers:
    loudness: Numbers = 10 * np.log10((10 ** (levels / 10)).sum(axis=1))
    return loudness


def _those(frames: Numbers, chosen: Frames) -> Numbers:
    """The chosen frames, or all of an utterance that has hardly any; a whisper for instance is never voiced."""
    return frames[chosen] if chosen.sum() >= ENOUGH else frames


def _opensmile() -> Any:
    try:
        import opensmile
    except ImportError:
        raise UserError(
            "frontend.parts=[egemaps] needs openSMILE (for non-commercial use only): "
            "pip install 'didan[functionals]'; the other parts do without"
        ) from None
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )


def _of_opensmile(smile: Any, samples: Samples) -> Numbers:
    if len(samples) < _SHORTEST:
        samples = np.pad(samples, (0, _SHORTEST - len(samples)))
    values: Numbers = smile.process_signal(samples, RATE).to_numpy().astype(np.float64)[0]
    return values
