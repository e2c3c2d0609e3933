"""Functionals: one vector per utterance, for small and fast models on small corpora."""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from scipy.fft import dct
from torch import Tensor

from didan.audio import RATE, Samples
from didan.errors import UserError
from didan.frontends.spectrogram import Spectrogram, SpectrogramSettings
from didan.frontends.summaries import Frames, Numbers, course, modulation_spectrum, outline, rhythm

Part = Literal["egemaps", "contours", "cepstra", "modulation"]

_CEPSTRA = 20
_MODULATION_BANDS = 16
_LOUD = 20.0  # dB under the loudest frame at most
_PITCH = 10
_LOUDNESS_AND_SPECTRUM = [0, 2, 4, 5, 6, 7, 8, 9]
_ENOUGH = 5
_SHORTEST = RATE // 10  # openSMILE has nothing to say of less
_WIDTHS: dict[Part, int] = {"egemaps": 88, "contours": 294, "cepstra": 200, "modulation": 128}


class FunctionalsSettings(BaseModel):
    """What an utterance is described by.

    Attributes:
        kind: ``functionals``.
        parts: ``egemaps`` (the 88 of eGeMAPSv02), ``contours`` (how its 25 low-level descriptors move where the
            voice sounds), ``cepstra`` (20 mel cepstra, over all frames and the loud ones), ``modulation`` (the
            spectrum of the envelopes of 16 bands, which is the rhythm). The last three are ours, and the default.
            The first two need openSMILE.
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
    """The functionals of an utterance, on openSMILE's low-level descriptors (Eyben et al. 2016) and log-mel bands.

    openSMILE's licence allows private, research and educational use only; products need another one.

    Raises:
        UserError: a part needs openSMILE, and the extra is not installed.
    """

    def __init__(self, settings: FunctionalsSettings) -> None:
        self.settings = settings
        self.n_bands = sum(_WIDTHS[part] for part in settings.parts)
        if "egemaps" in settings.parts:
            self._egemaps = _opensmile("Functionals")
        if "contours" in settings.parts:
            self._descriptors = _opensmile("LowLevelDescriptors")
        self._spectrogram = Spectrogram(SpectrogramSettings())

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the functionals.

        Args:
            waveform: 16 kHz samples, shape (n,).

        Returns:
            Shape (1, n_functionals): one frame, so that functionals travel like spectrograms.
        """
        levels = self._spectrogram(waveform).numpy().astype(np.float64)
        values = np.concatenate([self._part(part, waveform.numpy(), levels) for part in self.settings.parts])
        return torch.from_numpy(np.nan_to_num(values).astype(np.float32))[None]

    def _part(self, part: Part, samples: Samples, levels: Numbers) -> Numbers:
        match part:
            case "egemaps":
                first: Numbers = _numbers(self._egemaps, samples)[0]
                return first
            case "contours":
                return _contours(_numbers(self._descriptors, samples))
            case "cepstra":
                return _cepstra(levels)
            case "modulation":
                return modulation_spectrum(levels, _MODULATION_BANDS)


def _opensmile(level: str) -> Any:
    try:
        import opensmile
    except ImportError:
        raise UserError(
            "functionals need openSMILE (for non-commercial use only): pip install 'didan[functionals]'; "
            "without it there are frontend.parts=[cepstra,modulation] and --frontend spectrogram"
        ) from None
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel[level]
    )


def _numbers(smile: Any, samples: Samples) -> Numbers:
    if len(samples) < _SHORTEST:
        samples = np.pad(samples, (0, _SHORTEST - len(samples)))
    values: Numbers = smile.process_signal(samples, RATE).to_numpy().astype(np.float64)
    return values


def _contours(descriptors: Numbers) -> Numbers:
    """How the descriptors move: all where the voice sounds, loudness and spectrum over the whole utterance too."""
    voiced = descriptors[:, _PITCH] > 0
    return np.concatenate(
        [course(_those(descriptors, voiced)), outline(descriptors[:, _LOUDNESS_AND_SPECTRUM]), rhythm(voiced)]
    )


def _cepstra(levels: Numbers) -> Numbers:
    """Mel cepstra over all frames and over the loud ones, which are vowels for the most part."""
    cepstra: Numbers = dct(levels, axis=1, norm="ortho")[:, :_CEPSTRA]
    loudness = 10 * np.log10((10 ** (levels / 10)).sum(axis=1))
    return np.concatenate([outline(cepstra), outline(_those(cepstra, loudness >= loudness.max() - _LOUD))])


def _those(frames: Numbers, chosen: Frames) -> Numbers:
    """The chosen frames, or all of an utterance that has hardly any; a whisper for instance is never voiced."""
    return frames[chosen] if chosen.sum() >= _ENOUGH else frames
