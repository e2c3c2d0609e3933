"""Functionals: one vector per utterance, for small and fast models on small corpora."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn
from torch.nn.functional import pad

from didan.audio import RATE
from didan.errors import UserError
from didan.extras import install_command
from didan.features.contour_statistics import (
    CONTOUR_STATISTICS,
    MODULATION_EDGES,
    MOMENTS_AND_PERCENTILES,
    RHYTHM,
    ModulationSpectrum,
    contour_statistics,
    moments_and_percentiles,
    rhythm,
    select_frames,
)
from didan.features.descriptors import MEANINGFUL_UNVOICED, NAMES, Descriptors, loudness_db
from didan.features.mel import cepstral_basis
from didan.features.short_time import is_valid, n_samples
from didan.features.spectrogram import Spectrogram, SpectrogramSettings, loud_span

Part = Literal["contours", "cepstra", "modulation", "egemaps"]

AUDIBLE, VOICED, LOUD = 40.0, 30.0, 20.0  # dB under the loudest frame at most
MIN_SELECTED = 5  # frames; statistics of fewer mean nothing


class FunctionalsSettings(BaseModel):
    """What an utterance is described by.

    Attributes:
        kind: ``functionals``.
        parts: ``contours`` (statistics of 19 low-level descriptors of the voice, see
            :mod:`didan.features.descriptors`), ``cepstra`` (20 mel cepstra, over all frames and the loud ones),
            ``modulation`` (the spectrum of the envelopes of 16 bands, which is the rhythm): these are ours, and
            the default. ``egemaps``: the 88 of eGeMAPSv02, which need openSMILE.
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


class Functionals(nn.Module):
    """Waveforms in, functionals out, made of log-mel spectrograms and low-level descriptors.

    openSMILE's licence allows private, research and educational use only; products need another one. Only
    ``egemaps`` asks for it.

    Raises:
        UserError: a part needs openSMILE, and the extra is not installed.

    >>> functionals = Functionals(FunctionalsSettings())
    >>> functionals(torch.randn(2, 16_000))[0].shape
    torch.Size([2, 1, 552])
    >>> functionals.feature_names[12]
    'pitch_semitones_mean'
    """

    def __init__(self, settings: FunctionalsSettings) -> None:
        super().__init__()
        self.settings = settings
        self.spectrogram = Spectrogram(SpectrogramSettings(trim=None))
        parts = [_PARTS[part]() for part in settings.parts]
        self.parts = nn.ModuleList(parts)
        self.feature_names = tuple(name for part in parts for name in part.names)
        self.n_bands = len(self.feature_names)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the functionals of utterances; zeros at the end of a waveform count as padding.

        Args:
            waveform: 16 kHz samples, shape (n, samples).

        Returns:
            Shape (n, 1, n_functionals): one frame, so that functionals travel like spectrograms; and 1 for each
            utterance, shape (n,).
        """
        log_mel, n_frames = self.spectrogram(waveform)
        first, last = loud_span(loudness_db(log_mel), is_valid(n_frames, log_mel.shape[1]), AUDIBLE)
        frames = torch.arange(log_mel.shape[1], device=waveform.device)
        audible = (frames >= first[:, None]) & (frames <= last[:, None])
        functionals = torch.cat([part(waveform, log_mel, n_frames, audible) for part in self.parts], dim=1)
        return functionals[:, None], torch.ones_like(n_frames)


class _Part(nn.Module):
    """Some of the functionals; shape (n, functionals), by name."""

    names: tuple[str, ...]

    def forward(self, waveform: Tensor, log_mel: Tensor, n_frames: Tensor, audible: Tensor) -> Tensor:
        raise NotImplementedError


class _Contours(_Part):
    """Statistics of the low-level descriptors where there is voice, of those that need none throughout; rhythm."""

    def __init__(self) -> None:
        super().__init__()
        self.descriptors = Descriptors()
        voiced = [f"{name}_voiced" if name in MEANINGFUL_UNVOICED else name for name in NAMES]
        self.names = (
            *_named(voiced, CONTOUR_STATISTICS),
            *_named(MEANINGFUL_UNVOICED, MOMENTS_AND_PERCENTILES),
            *RHYTHM,
        )

    def forward(self, waveform: Tensor, log_mel: Tensor, n_frames: Tensor, audible: Tensor) -> Tensor:
        descriptors = self.descriptors(waveform, log_mel, n_frames)
        loud = _is_loud(descriptors["loudness_db"], audible, VOICED)
        voiced = loud & (descriptors["hnr_db"] > 0)
        in_voice, throughout = (
            torch.stack([descriptors[name] for name in names], dim=2) for names in (NAMES, MEANINGFUL_UNVOICED)
        )
        return torch.cat(
            [
                contour_statistics(*_select_or_all(in_voice, voiced, audible)).flatten(1),
                moments_and_percentiles(*select_frames(throughout, audible)).flatten(1),
                rhythm(voiced, audible.sum(dim=1)),
            ],
            dim=1,
        )


class _Cepstra(_Part):
    """Mel cepstra over all frames and over the loud ones, which are vowels for the most part."""

    N_CEPSTRA = 20

    basis: Tensor

    def __init__(self) -> None:
        super().__init__()
        cosines = cepstral_basis(SpectrogramSettings().bands, self.N_CEPSTRA)
        self.register_buffer("basis", torch.from_numpy(cosines).float(), persistent=False)
        cepstra = [f"mfcc{number:02d}" for number in range(self.N_CEPSTRA)]
        self.names = (
            *_named(cepstra, MOMENTS_AND_PERCENTILES),
            *_named([f"{name}_loud" for name in cepstra], MOMENTS_AND_PERCENTILES),
        )

    def forward(self, waveform: Tensor, log_mel: Tensor, n_frames: Tensor, audible: Tensor) -> Tensor:
        cepstra = log_mel @ self.basis
        loud = _is_loud(loudness_db(log_mel), audible, LOUD)
        throughout = moments_and_percentiles(*select_frames(cepstra, audible))
        in_loud = moments_and_percentiles(*_select_or_all(cepstra, loud, audible))
        return torch.cat([throughout.flatten(1), in_loud.flatten(1)], dim=1)


class _Modulation(_Part):
    """The spectrum of the envelopes of 16 bands."""

    N_BANDS = 16

    def __init__(self) -> None:
        super().__init__()
        self.spectrum = ModulationSpectrum()
        ranges = [f"{low:g}-{high:g}hz" for low, high in pairwise(MODULATION_EDGES)]
        self.names = _named([f"modulation_band{band:02d}" for band in range(self.N_BANDS)], ranges)

    def forward(self, waveform: Tensor, log_mel: Tensor, n_frames: Tensor, audible: Tensor) -> Tensor:
        bands = log_mel.reshape(*log_mel.shape[:2], self.N_BANDS, -1).mean(dim=3)
        modulations: Tensor = self.spectrum(bands, audible).flatten(1)
        return modulations


class _EGeMAPS(_Part):
    """eGeMAPSv02 by openSMILE, one utterance after the other: no tensor operations, so it cannot be exported."""

    SHORTEST = RATE // 10  # openSMILE has nothing to say of less

    def __init__(self) -> None:
        super().__init__()
        try:
            import opensmile
        except ImportError:
            raise UserError(
                "frontend.parts=[egemaps] needs openSMILE (for non-commercial use only): "
                f"{install_command('functionals')}; the other parts do without"
            ) from None
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
        )
        self.names = tuple(self._smile.feature_names)

    def forward(self, waveform: Tensor, log_mel: Tensor, n_frames: Tensor, audible: Tensor) -> Tensor:
        lengths = n_samples(waveform).clamp_min(self.SHORTEST).tolist()
        longer = pad(waveform, (0, self.SHORTEST)).cpu().numpy()
        rows = [
            self._smile.process_signal(samples[:length], RATE).to_numpy()[0]
            for samples, length in zip(longer, lengths, strict=True)
        ]
        return torch.from_numpy(np.nan_to_num(np.stack(rows))).to(waveform)


_PARTS: dict[Part, type[_Part]] = {
    "contours": _Contours,
    "cepstra": _Cepstra,
    "modulation": _Modulation,
    "egemaps": _EGeMAPS,
}


def _named(names: Sequence[str], statistics: Sequence[str]) -> tuple[str, ...]:
    """In the order of a flattened array of shape (statistics, names)."""
    return tuple(f"{name}_{statistic}" for statistic in statistics for name in names)


def _is_loud(loudness: Tensor, audible: Tensor, threshold: float) -> Tensor:
    """Which audible frames are less than ``threshold`` dB under the loudest, shape (n, frames)."""
    loudness = loudness.masked_fill(~audible, -torch.inf)
    return loudness >= loudness.amax(dim=1, keepdim=True) - threshold


def _select_or_all(frames: Tensor, selected: Tensor, audible: Tensor) -> tuple[Tensor, Tensor]:
    """The selected frames first, and their number; or all audible ones of an utterance that has hardly any.

    A whisper for instance is never voiced.
    """
    enough = selected.sum(dim=1, keepdim=True) >= MIN_SELECTED
    return select_frames(frames, (selected & enough) | (audible & ~enough))
