"""Augmentation of log-mel spectrograms: other voices, microphones and rooms, drawn anew at every step.

Everything happens to the spectrogram, where it costs little, and with the random numbers of the step, so that a
run can be repeated.
"""

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import conv1d, pad

from didan.features.mel import hz_to_mel, mel_edges
from didan.features.short_time import is_valid
from didan.features.spectrogram import SpectrogramSettings

_MASKED_BANDS, _MASKED_FRAMES = 0.2, 0.15  # of all, at most, by one mask
_COSINES = 3  # that the response of a microphone is made of
_ECHO = 0.4  # s, of which reverberation is heard


class AugmentationSettings(BaseModel):
    """What happens to source utterances in training; all but ``line`` on spectrograms.

    Attributes:
        line: where the target is narrower or noisier than the source, hear source utterances as its line would
            have carried them as well, see :mod:`didan.features.line`.
        masks: number of bands and of stretches of time that are masked (SpecAugment, Park et al., 2019).
        gain: standard deviation of the level, in dB.
        voice: share by which frequencies are stretched or compressed at most: vocal-tract length and pitch
            (Jaitly and Hinton 2013).
        tempo: share by which speech becomes faster or slower at most, at the same pitch.
        speed: the same for both at once, as a tape would.
        microphone: standard deviation of a smooth frequency response, in dB.
        band_limit: share of the utterances that are cut off above 3.4 to 8 kHz, and below up to 300 Hz.
        noise: share of the utterances that get noise, 0 to 40 dB below their loudest point.
        room: share of the utterances that get reverberation of 0.2 to 1 s.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: bool = True
    masks: int = Field(0, ge=0)
    gain: float = Field(0.0, ge=0)
    voice: float = Field(0.0, ge=0, lt=1)
    tempo: float = Field(0.0, ge=0, lt=1)
    speed: float = Field(0.0, ge=0, lt=1)
    microphone: float = Field(0.0, ge=0)
    band_limit: float = Field(0.0, ge=0, le=1)
    noise: float = Field(0.0, ge=0, le=1)
    room: float = Field(0.0, ge=0, le=1)

    @property
    def does_anything(self) -> bool:
        """Whether any strength is above 0."""
        return any(self.model_dump(exclude={"line"}).values())


def augment(
    spectrograms: Tensor,
    lengths: Tensor,
    frontend: SpectrogramSettings,
    settings: AugmentationSettings,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """Spectrograms as they might have been recorded of others, elsewhere.

    Args:
        spectrograms: in dB, shape (n, frames, bands), padded at the end.
        lengths: valid frames of each, shape (n,).
        frontend: what they were made with.
        settings: what to do.
        rng: random numbers of this step.

    Returns:
        Spectrograms of the same shape, and their lengths, which tempo and speed change.
    """
    x, n = spectrograms, len(spectrograms)
    tape = rng.uniform(1 - settings.speed, 1 + settings.speed, n)
    voices = rng.uniform(1 - settings.voice, 1 + settings.voice, n) * tape
    tempi = rng.uniform(1 - settings.tempo, 1 + settings.tempo, n) * tape
    if settings.voice or settings.speed:
        x = _stretched_in_frequency(x, voices, frontend)
    if settings.tempo or settings.speed:
        x, lengths = _stretched_in_time(x, lengths, tempi)
    valid = is_valid(lengths, x.shape[1])[:, :, None]
    if settings.room:
        x = _in_a_room(x, np.where(rng.random(n) < settings.room, rng.uniform(0.2, 1, n), 0), frontend.hop)
    if settings.microphone:
        bands = (np.arange(x.shape[2]) + 0.5) / x.shape[2]
        cosines = np.cos(np.pi * np.outer(np.arange(1, _COSINES + 1), bands))
        x = x + _column(rng.normal(0, settings.microphone / np.sqrt(_COSINES / 2), (n, _COSINES)) @ cosines)
    if settings.band_limit:
        limited = rng.random(n) < settings.band_limit
        low, high = rng.uniform(0, 300, n) * limited, np.where(limited, rng.uniform(3400, 8000, n), np.inf)
        centres = mel_edges(frontend.bands, frontend.low, frontend.high)[1:-1]
        heard = torch.from_numpy((centres >= low[:, None]) & (centres <= high[:, None]))
        x = torch.where(heard[:, None], x, x.masked_fill(~valid, torch.inf).amin(dim=(1, 2), keepdim=True))
    if settings.noise:
        below = np.where(rng.random(n) < settings.noise, rng.uniform(0, 40, n), np.inf)
        loudest = x.masked_fill(~valid, -torch.inf).amax(dim=(1, 2), keepdim=True)
        level = loudest - _column(below[:, None])
        x = 10 * (10 ** (x / 10) + 10 ** (level / 10)).log10()
    if settings.gain:
        x = x + _column(rng.normal(0, settings.gain, (n, 1)))
    return _masked(x, lengths, settings.masks, rng), lengths


def _column(values: npt.NDArray[np.floating]) -> Tensor:
    """One row for every utterance, the same in all frames, shape (n, 1, bands or 1)."""
    return torch.from_numpy(values.astype(np.float32))[:, None]


def _stretched_in_frequency(x: Tensor, factors: npt.NDArray[np.float64], frontend: SpectrogramSettings) -> Tensor:
    """What was at frequency f is at f times the factor, by linear interpolation between bands."""
    edges = hz_to_mel([frontend.low, frontend.high])
    centres = mel_edges(frontend.bands, frontend.low, frontend.high)[1:-1]
    step = (edges[1] - edges[0]) / (frontend.bands + 1)
    position = (hz_to_mel(centres / factors[:, None]) - edges[0]) / step - 1
    return _interpolated(x, position[:, None], dim=2)


def _stretched_in_time(x: Tensor, lengths: Tensor, factors: npt.NDArray[np.float64]) -> tuple[Tensor, Tensor]:
    """Utterances that are faster by the factor, cut at what room there is."""
    changed = (lengths / torch.from_numpy(factors)).long().clamp(1, x.shape[1])
    position = np.minimum(np.arange(x.shape[1]) * factors[:, None], lengths.numpy()[:, None] - 1)
    return _interpolated(x, position[:, :, None], dim=1), changed


def _interpolated(x: Tensor, position: npt.NDArray[np.float64], dim: int) -> Tensor:
    """Values between the elements of a dimension; beyond its ends those at the end."""
    position = position.clip(0, x.shape[dim] - 1)
    below = torch.from_numpy(position.astype(np.int64)).expand_as(x)
    above = (below + 1).clamp(max=x.shape[dim] - 1)
    share = torch.from_numpy((position % 1).astype(np.float32))
    return x.gather(dim, below) * (1 - share) + x.gather(dim, above) * share


def _in_a_room(x: Tensor, seconds: npt.NDArray[np.float64], hop: float) -> Tensor:
    """Power that decays by 60 dB in so many seconds, 6 dB below the direct sound; 0 for no room."""
    n_frames = max(round(_ECHO / hop), 1)
    times = hop * np.arange(1, n_frames + 1)
    decay = 10 ** (-6 * times / np.maximum(seconds, 1e-3)[:, None])
    decay *= 0.25 / decay.sum(axis=1, keepdims=True).clip(1e-9) * (seconds > 0)[:, None]
    kernel = torch.from_numpy(np.concatenate([np.ones((len(x), 1)), decay], axis=1)[:, ::-1].astype(np.float32))
    power = pad((10 ** (x / 10)).permute(2, 0, 1), (n_frames, 0))  # of every band and utterance
    heard = conv1d(power, kernel[:, None].contiguous(), groups=len(x)).permute(1, 2, 0)
    return 10 * heard.clamp_min(1e-30).log10()


def _masked(x: Tensor, lengths: Tensor, masks: int, rng: np.random.Generator) -> Tensor:
    """With bands and stretches of time at the mean of the utterance's valid frames."""
    if not masks:
        return x
    x = x.clone()
    for row, length in zip(x, lengths.tolist(), strict=True):
        mean = row[:length].mean()
        for _ in range(masks):
            width = int(rng.integers(int(_MASKED_BANDS * row.shape[1]) + 1))
            first = int(rng.integers(row.shape[1] - width + 1))
            row[:, first : first + width] = mean
            width = int(rng.integers(int(_MASKED_FRAMES * length) + 1))
            first = int(rng.integers(length - width + 1))
            row[first : first + width] = mean
    return x
