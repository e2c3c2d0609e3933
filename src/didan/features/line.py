"""The line between a mouth and a recorder: measured in recordings without labels, and laid on others.

A recogniser that learnt in a studio has never heard what a telephone and its noise make of a voice. Where the
target's recordings are narrower or noisier than a source's, training hears the source twice: as it is, and as the
target's line would have carried it. Training in several conditions at once is old (multi-style training: Lippmann,
Martin and Paul, ICASSP 1987); that the condition is measured in the target is ours.

Spectra are mean powers of frames of 32 ms in 32 mel bands. The power N of the noise in a band is that of the
quietest tenth of an utterance's frames; S is what the mean power of all has above it:

    N = q / c        q: tenth percentile over frames,    c = F^-1(0.1)

F is the distribution of a band's power in noise of mean 1: gamma, of variance 1 / k. k is the number of
independent bins that would vary as much. Of a domain S and N are medians over utterances. Between words
there may be no pause: then N is too high, in source and target alike. What nobody recorded tells nothing of a
line: frames of digital silence, with which clips are filled up or pauses replaced, are left out, and so are
utterances too short for a pause, or in which nothing is above the noise.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import gammaincinv

from didan.audio import RATE
from didan.features.mel import mel_edges, mel_filters
from didan.typing import Samples

Floats = npt.NDArray[np.float64]

BANDS = 32
_LOW, _HIGH = 40.0, 8000.0
_FRAME, _HOP = 512, 256
_WINDOW = np.hanning(_FRAME)
_FREQUENCIES = np.fft.rfftfreq(_FRAME, 1 / RATE)
_CENTRES = mel_edges(BANDS, _LOW, _HIGH)[1:-1]
_FILTERS = mel_filters(RATE, _FRAME, BANDS, _LOW, _HIGH)
_MEAN = _FILTERS / _FILTERS.sum(axis=1, keepdims=True)
_QUIET = 0.1
_APART = np.abs(np.subtract.outer(np.arange(len(_FREQUENCIES)), np.arange(len(_FREQUENCIES))))
_ALIKE = np.select([_APART == 0, _APART == 1, _APART == 2], [1.0, 4 / 9, 1 / 36], 0.0)  # powers, by Hann's window
_INDEPENDENT = 1 / np.einsum("bi,ij,bj->b", _MEAN, _ALIKE, _MEAN)
_QUIETEST = gammaincinv(_INDEPENDENT, _QUIET) / _INDEPENDENT  # c

_STEP = 3.0  # dB, of descriptions: what was made for a line is found again if it is described alike
_LOST = -20.0  # dB below the source; what voices and languages make of a spectrum is less
_GONE = -60.0  # dB: not heard any more
_VOICE = (300.0, 3400.0)  # Hz, where every line carries speech
_IN_VOICE = (_VOICE[0] < _CENTRES) & (_VOICE[1] > _CENTRES)
_CLEAN = 20.0  # dB of speech over noise; where more is left, noise is not heard
_NOISIER = 6.0  # dB
_LEAST = 0.05  # of what is heard in a band is speech, however loud the noise
_BURIED = -10.0  # dB of speech over noise: that of noise alone is -13, by the above
_SHORT = 0.3  # seconds
_SILENCE = 1e-14


@dataclass(frozen=True)
class Spectra:
    """What is in a domain's recordings, in dB of the white noise that has as much power there.

    Attributes:
        speech: shape (BANDS,).
        noise: shape (BANDS,).
    """

    speech: Floats
    noise: Floats

    @classmethod
    def of(cls, utterances: Iterable[Samples]) -> "Spectra":
        """Measure utterances, samples at 16 kHz each; at least one. If all are short or noise, these are measured.

        >>> hiss = 0.01 * np.random.default_rng(0).normal(size=(3, RATE)).astype(np.float32)
        >>> bool(np.abs(Spectra.of(hiss).noise + 40).max() < 1.5)
        True
        """
        measured = [(len(samples) >= _SHORT * RATE, *_levels(samples)) for samples in utterances]
        long = [own for own in measured if own[0]] or measured
        heard = [own for own in long if np.median((own[1] - own[2])[_IN_VOICE]) > _BURIED] or long
        _, speech, noise = zip(*heard, strict=True)
        # To the hundredth, which is the same on every machine.
        return cls(np.median(speech, axis=0).round(2), np.median(noise, axis=0).round(2))

    @property
    def over_noise(self) -> float:
        """How far speech is above the noise where every line carries it, in dB."""
        return float(np.median((self.speech - self.noise)[_IN_VOICE]))

    @property
    def level(self) -> float:
        """That of speech there, by which spectra of two domains are compared."""
        return float(np.median(self.speech[_IN_VOICE]))


class Line(BaseModel):
    """A line.

    Attributes:
        gains: what it does to speech in each band, in dB.
        noise: what it adds in each, in dB of white noise.
        over_noise: how far speech arrives above the noise, in dB.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    gains: tuple[float, ...] = Field(min_length=BANDS, max_length=BANDS)
    noise: tuple[float, ...] = Field(min_length=BANDS, max_length=BANDS)
    over_noise: float

    @property
    def lost(self) -> npt.NDArray[np.bool_]:
        """Which bands of voices and above do not arrive, shape (BANDS,)."""
        return (np.array(self.gains) < 0) & (_VOICE[0] < _CENTRES)

    def distance(self, other: "Line") -> float:
        """How differently two lines carry the same speech, in dB: in what is lost, and in noise that is heard."""
        lost = np.abs(np.subtract(self.gains, other.gains)).mean()
        return float(lost + abs(min(self.over_noise, _CLEAN) - min(other.over_noise, _CLEAN)))

    def carry(self, samples: Samples) -> Samples:
        """What arrives of an utterance, shape (n,); the noise is always the same for the same samples.

        Zeros at the end are padding of a clip, and stay.

        >>> silence = np.full(RATE, 1e-9, dtype=np.float32)
        >>> line = Line(gains=(0.0,) * BANDS, noise=(-40.0,) * BANDS, over_noise=20.0)
        >>> round(float(20 * np.log10(line.carry(silence).std())))
        -40
        """
        n = len(np.trim_zeros(samples, "b"))
        size = 1 << (n + _FRAME - 1).bit_length()
        frequencies = np.fft.rfftfreq(size, 1 / RATE)
        gain, colour = (
            10 ** (np.interp(frequencies, _CENTRES, levels) / 20) for levels in (self.gains, self.noise)
        )
        hiss = np.random.default_rng(crc32(samples.tobytes())).standard_normal(size, dtype=np.float32)
        spectrum = np.fft.rfft(samples[:n], size) * gain + np.fft.rfft(hiss) * colour
        return np.pad(np.fft.irfft(spectrum, size)[:n].astype(np.float32), (0, len(samples) - n))

    def in_words(self) -> str:
        """What it does.

        >>> gains = (0.0,) * 23 + (-60.0,) * (BANDS - 23)
        >>> Line(gains=gains, noise=(-40.0,) * BANDS, over_noise=12.0).in_words()
        'speech up to 3.2 kHz, 12 dB above the noise'
        """
        kept = np.flatnonzero(~self.lost)
        band = f" up to {_CENTRES[kept[-1]] / 1000:.1f} kHz" if kept[-1] < BANDS - 1 else ""
        return f"speech{band}, {self.over_noise:.0f} dB above the noise"


def line_between(source: Spectra, target: Spectra) -> Line | None:
    """The line that makes recordings of the source as narrow and as noisy as those of the target.

    Bands in which the target's speech is lost are lost; elsewhere speech is left as it is, since a language and
    its speakers make spectra differ as well.

    Returns:
        None where the target is neither narrower nor noisier.
    """
    against = (target.speech - target.level) - (source.speech - source.level)
    gains = np.where(against < _LOST, np.maximum(against, _GONE), 0.0)
    narrower = bool((gains[_VOICE[0] < _CENTRES] < 0).any())
    noisier = target.over_noise < min(_CLEAN, source.over_noise - _NOISIER)
    if not narrower and not noisier:
        return None
    wanted, there = target.noise - target.level + source.level, source.noise + gains
    added = 10 * np.log10(np.maximum(10 ** (wanted / 10) - 10 ** (there / 10), _SILENCE))
    return Line(gains=_rounded(gains), noise=_rounded(added), over_noise=round(target.over_noise))


def suits(line: Line, source: Spectra, target: Spectra) -> bool:
    """Whether a line, once measured, is one like that between two domains.

    That is, it loses most of the bands that are lost there and few others, and comes nearer than none at all.
    """
    wanted = line_between(source, target)
    if wanted is None:
        return False
    either, both = line.lost | wanted.lost, line.lost & wanted.lost
    if 2 * both.sum() < either.sum():
        return False
    none = Line(gains=(0.0,) * BANDS, noise=_rounded(source.noise), over_noise=source.over_noise)
    return wanted.distance(line) < wanted.distance(none)


def _levels(samples: Samples) -> tuple[Floats, Floats]:
    """Speech and noise of an utterance, in dB."""
    padded = np.pad(samples, (0, max(_FRAME - len(samples), 0)))
    frames = sliding_window_view(padded, _FRAME)[::_HOP]
    recorded = (frames != 0).mean(axis=1) > 0.5
    windowed = (frames[recorded] if recorded.any() else frames) * _WINDOW
    power = (np.abs(np.fft.rfft(windowed, axis=1)) ** 2 / (_WINDOW**2).sum()) @ _MEAN.T
    mean, noise = power.mean(axis=0), np.quantile(power, _QUIET, axis=0) / _QUIETEST
    speech = np.maximum(mean - noise, _LEAST * mean)
    return 10 * np.log10(speech + _SILENCE), 10 * np.log10(noise + _SILENCE)


def _rounded(levels: Floats) -> tuple[float, ...]:
    return tuple((_STEP * np.round(levels / _STEP)).tolist())
