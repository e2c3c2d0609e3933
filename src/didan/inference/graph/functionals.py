"""Functionals of many utterances at once, of operators that every runtime has."""

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor, nn

from didan.features import FunctionalsSettings, SpectrogramSettings
from didan.features.functionals import ENOUGH, HEARD, LOUD, MODULATION_BANDS, N_CEPSTRA, SOUNDING
from didan.features.summaries import modulation_ranges
from didan.features.voice import EVERYWHERE
from didan.inference.graph.spectrogram import SpectrogramGraph, span
from didan.inference.graph.summaries import (
    among_first,
    chosen_first,
    course,
    mean,
    modulation_powers,
    outline,
    rhythm,
)
from didan.inference.graph.voice import VoiceGraph


class FunctionalsGraph(nn.Module):
    """What :class:`didan.features.Functionals` computes, for a batch of utterances of different lengths.

    Frames that are chosen, the voiced ones for instance, are moved to the front; then only their number matters.
    Zeros at the end of a waveform count as padding.
    """

    cosines: Tensor
    within: Tensor

    def __init__(self, settings: FunctionalsSettings) -> None:
        super().__init__()
        self.parts = settings.parts
        spectrogram = SpectrogramSettings(trim=None)
        self.spectrogram, self.voice = SpectrogramGraph(spectrogram), VoiceGraph()
        cosines = dct(np.eye(spectrogram.bands), axis=1, norm="ortho")[:, :N_CEPSTRA]
        self.register_buffer("cosines", torch.from_numpy(cosines).float())
        within = modulation_ranges()
        self.register_buffer("within", torch.from_numpy(within / within.sum(axis=0)).float())

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Map 16 kHz samples, shape (n, samples), to functionals.

        Returns:
            Shape (n, 1, n_functionals), and how many frames that is of each, which is 1, shape (n,).
        """
        levels, counts = self.spectrogram(waveform)
        loudness = torch.where(among_first(levels, counts), _loudness(levels), -torch.inf)
        first, last = span(loudness >= loudness.amax(dim=1, keepdim=True) - HEARD)
        frames = torch.arange(levels.shape[1], device=waveform.device)
        heard = (frames >= first[:, None]) & (frames <= last[:, None])
        spoken, counts_heard = chosen_first(levels, heard)
        parts = []
        for part in self.parts:
            if part == "contours":
                voice = self.voice(waveform, levels, counts)
                parts.append(self._contours(chosen_first(voice, heard)[0], counts_heard))
            elif part == "cepstra":
                parts.append(self._cepstra(spoken, counts_heard))
            else:
                parts.append(self._modulation(spoken, counts_heard))
        return torch.cat(parts, dim=1)[:, None], torch.ones_like(counts)

    def _contours(self, voice: Tensor, counts: Tensor) -> Tensor:
        harmonics_to_noise, loudness = voice[:, :, 0], voice[:, :, EVERYWHERE]
        own = among_first(voice, counts)
        loudness = torch.where(own, loudness, -torch.inf)
        voiced = own & (harmonics_to_noise > 0) & (loudness > loudness.amax(dim=1, keepdim=True) - SOUNDING)
        return torch.cat(
            [
                course(*_those(voice, voiced, own)),
                outline(voice[:, :, EVERYWHERE:], counts),
                rhythm(voiced, counts),
            ],
            dim=1,
        )

    def _cepstra(self, levels: Tensor, counts: Tensor) -> Tensor:
        cepstra = levels @ self.cosines
        own = among_first(levels, counts)
        loudness = torch.where(own, _loudness(levels), -torch.inf)
        loud = loudness >= loudness.amax(dim=1, keepdim=True) - LOUD
        return torch.cat([outline(cepstra, counts), outline(*_those(cepstra, loud, own))], dim=1)

    def _modulation(self, levels: Tensor, counts: Tensor) -> Tensor:
        bands = levels.reshape(*levels.shape[:2], MODULATION_BANDS, -1).mean(dim=3)
        bands = bands - mean(bands, counts)[:, None]
        return modulation_powers(bands, counts, self.within)


def _loudness(levels: Tensor) -> Tensor:
    return 10 * (10 ** (levels / 10)).sum(dim=2).log10()


def _those(frames: Tensor, chosen: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """The chosen frames, or all of an utterance that has hardly any, and their number."""
    enough = chosen.sum(dim=1, keepdim=True) >= ENOUGH
    return chosen_first(frames, (chosen & enough) | (own & ~enough))
