"""Pretrained speech encoders as a frontend: one vector per utterance, of their hidden states over speech.

    x = [mean_t h_t, std_t h_t],    h_t = 1/|L| sum_(l in L) h_t^(l)

(Or, for a network that looks at frames, the mean of every tenth of a second.)

h_t^(l) is hidden state l of the encoder at frame t, L the middle third of its layers, and t runs over the frames
with speech: those at most 40 dB under the loudest. Published comparisons find emotion in the middle layers, not in
the last (docs/how-to/pretrained.md); the plain mean needs no labels and is what did best of what needs none.
"""

from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.rnn import pad_sequence

from didan.audio import RATE
from didan.errors import AudioError, UserError
from didan.features.descriptors import loudness_db
from didan.features.encoders import Weights, build_encoder, locate, middle_third, n_layers_and_width
from didan.features.encoders.encoder import LONGEST
from didan.features.functionals import AUDIBLE
from didan.features.short_time import is_valid, moments_over_time, n_samples
from didan.features.spectrogram import Spectrogram, SpectrogramSettings

_FRAME = 320  # samples of a frame of every encoder

_TENTH = 5  # frames

Pooling = Literal["mean", "mean+std", "frames"]

PRESETS = {
    "laptop": "openai/whisper-base",
    "gpu": "openai/whisper-large-v3",
    "gpu-english": "microsoft/wavlm-large",
}
"""Encoders by what they run on; see docs/how-to/pretrained.md for others, and for why."""


class PretrainedSettings(BaseModel):
    """Which encoder, and what of it.

    Attributes:
        kind: ``pretrained``.
        model: a directory, the id of a model on the Hugging Face hub such as ``openai/whisper-small``, or a
            preset: ``laptop``, ``gpu`` or ``gpu-english``.
        revision: branch, tag or commit on the hub; once loaded, the commit.
        layers: hidden states to average, 0 being what goes into the first layer; None takes the middle third.
        pooling: over the frames with speech; ``frames`` keeps one vector for each tenth of a second, silent ones
            too, for a network that aligns frames.
        sha256: of the weights, filled in once they are found; others are refused.
        setup: the same of their configuration.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["pretrained"] = "pretrained"
    model: str = ""
    revision: str | None = None
    layers: tuple[int, ...] | None = Field(None, min_length=1)
    pooling: Pooling = "mean+std"
    sha256: str | None = None
    setup: str | None = None

    def identity(self) -> dict[str, object]:
        """What decides about the features: weights wherever they lie, layers, pooling; half precision on a GPU."""
        precision = "half" if torch.cuda.is_available() else "single"
        return {**self.model_dump(exclude={"model", "revision"}), "precision": precision}

    def found(self) -> "PretrainedSettings":
        """The same with revision and digests.

        Raises:
            UserError: the encoder cannot be found, or has other weights; see
                :func:`didan.features.encoders.locate`.
        """
        if self.model in PRESETS and not Path(self.model).is_dir():
            return self.model_copy(update={"model": PRESETS[self.model]}).found()
        if self.sha256 is None and self.revision is not None and Path(self.model).expanduser().is_dir():
            raise UserError(f"frontend.revision: {self.model} is a directory and has no revisions")
        weights = self.weights()
        return self.model_copy(
            update={"revision": weights.revision, "sha256": weights.sha256, "setup": weights.setup_sha256}
        )

    def weights(self) -> Weights:
        """Where the encoder is; digests that are known already are checked.

        Raises:
            UserError: see :meth:`found`; or a layer does not exist.
        """
        if not self.model:
            raise UserError(
                "frontend pretrained needs an encoder: --set frontend.model=ID, a model on the Hugging Face hub "
                f"(openai/whisper-small for instance), a directory, or one of {', '.join(PRESETS)}"
            )
        weights = locate(self.model, self.revision)
        n_layers, _ = n_layers_and_width(weights)
        for layer in self.layers or ():
            if not 0 <= layer <= n_layers:
                raise UserError(f"frontend.layers: {self.model} has hidden states 0 to {n_layers}, not {layer}")
        digests = ("weights", self.sha256, "sha256"), ("configuration", self.setup, "setup_sha256")
        for what, expected, name in digests:
            if expected is not None and getattr(weights, name) != expected:
                raise UserError(
                    f"the {what} of encoder {self.model} are not those that the features and the model were made "
                    f"with (SHA-256 {expected[:12]}..., now {getattr(weights, name)[:12]}...)"
                )
        return weights


class Pretrained(nn.Module):
    """Waveforms in, one vector per utterance out, or one for each tenth of a second.

    Utterances longer than 30 s go through the encoder in equal windows of at most that, so memory is bounded; mean
    and deviation are over all of them.

    Args:
        settings: found ones, see :meth:`PretrainedSettings.found`.

    Attributes:
        half_precision: whether the encoder computes in it, as it does on a GPU.

    Raises:
        UserError: see :func:`didan.features.encoders.build_encoder`.
    """

    def __init__(self, settings: PretrainedSettings) -> None:
        super().__init__()
        self.settings = settings
        self.encoder, n_layers, width = build_encoder(settings.weights())
        self.layers = settings.layers or middle_third(n_layers)
        self.feature_names = _names(settings.pooling, width)
        self.n_bands = len(self.feature_names)
        self.spectrogram = Spectrogram(SpectrogramSettings(trim=None))
        self.half_precision = False

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the vectors of utterances; zeros at the end of a waveform count as padding.

        Args:
            waveform: 16 kHz samples, shape (n, samples).

        Returns:
            Shape (n, 1, n_bands): one frame, as functionals are, unless frames are kept; and how many frames are
            each utterance's own, shape (n,).

        Raises:
            AudioError: an utterance is shorter than one frame of the encoder.
        """
        lengths = n_samples(waveform)
        if self.settings.pooling == "frames":
            return self._tenths(waveform, lengths)
        log_mel, n_frames = self.spectrogram(waveform)
        speech = has_speech(log_mel, n_frames)
        if torch.compiler.is_exporting() or len(windows := self._windows(lengths)) == len(lengths):
            _, mean, variance = self._moments(waveform, lengths, speech)
        else:
            parts_of: dict[int, list[tuple[Tensor, Tensor, Tensor]]] = {}
            for row, start, end in windows:  # one by one, which bounds memory
                own = speech[row : row + 1, start // 160 : end // 160 + 1]
                part = self._moments(waveform[row : row + 1, start:end], lengths.new_tensor([end - start]), own)
                parts_of.setdefault(row, []).append(part)
            pooled = [_pooled(parts_of[row]) for row in range(len(lengths))]
            _, mean, variance = (torch.cat([one[k] for one in pooled]) for k in range(3))
        vectors = mean if self.settings.pooling == "mean" else torch.cat([mean, variance.sqrt()], dim=1)
        return vectors[:, None], torch.ones_like(lengths)

    def _windows(self, lengths: Tensor) -> list[tuple[int, int, int]]:
        """Row, start and end, in samples, of the windows that utterances go through the encoder in.

        Raises:
            AudioError: an utterance is shorter than one frame of the encoder.
        """
        shortest = int(lengths.min())
        if shortest < self.encoder.shortest:
            raise AudioError(
                f"{1000 * shortest / RATE:.0f} ms are shorter than one frame of the encoder "
                f"({1000 * self.encoder.shortest / RATE:.0f} ms)"
            )
        step = _TENTH * _FRAME if self.settings.pooling == "frames" else _FRAME
        windows = []
        for row, length in enumerate(lengths.tolist()):
            parts = -(-length // LONGEST)
            window = -(-length // (parts * step)) * step
            windows += [(row, start, min(start + window, length)) for start in range(0, length, window)]
        return windows

    def _tenths(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Mean hidden states of each tenth of a second, shape (n, tenths, width), and how many, shape (n,)."""
        if torch.compiler.is_exporting() or len(windows := self._windows(lengths)) == len(lengths):
            return means_of_tenths(*self._hidden(waveform, lengths))
        rows: list[list[Tensor]] = [[] for _ in lengths]
        for row, start, end in windows:
            part = self._hidden(waveform[row : row + 1, start:end], lengths.new_tensor([end - start]))
            rows[row].append(means_of_tenths(*part)[0][0])
        whole = [torch.cat(parts) for parts in rows]
        return pad_sequence(whole, batch_first=True), lengths.new_tensor([len(own) for own in whole])

    def _moments(self, waveform: Tensor, lengths: Tensor, speech: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Count, shape (n, 1), mean and variance, shape (n, width), of the frames with speech.

        Args:
            waveform: at most 30 s, shape (n, samples).
            lengths: shape (n,).
            speech: which frames of 10 ms are speech, shape (n, frames).
        """
        return moments_over_speech(*self._hidden(waveform, lengths), speech)

    def _hidden(self, waveform: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states of frames of 20 ms, shape (n, frames, width), and how many are valid, shape (n,)."""
        with torch.autocast("cuda", torch.float16, enabled=self.half_precision):
            states, n_frames = self.encoder(waveform, lengths, max(self.layers))
            hidden = torch.stack([states[layer] for layer in self.layers]).mean(dim=0).float()
        return hidden, n_frames


def means_of_tenths(hidden: Tensor, n_frames: Tensor) -> tuple[Tensor, Tensor]:
    """Means over each five frames, the last of an utterance over fewer; shapes (n, tenths, width) and (n,).

    Args:
        hidden: frames of 20 ms, shape (n, frames, width).
        n_frames: valid ones of each utterance, shape (n,).

    >>> means_of_tenths(torch.arange(6.0)[None, :, None], torch.tensor([6]))
    (tensor([[[2.],
             [5.]]]), tensor([2]))
    """
    n, length, width = hidden.shape
    end = (0, 0, 0, -length % _TENTH)
    valid = is_valid(n_frames, length)[:, :, None].to(hidden)
    sums = pad(hidden * valid, end).reshape(n, -1, _TENTH, width).sum(dim=2)
    counts = pad(valid, end).reshape(n, -1, _TENTH, 1).sum(dim=2)
    return sums / counts.clamp(min=1), (n_frames + _TENTH - 1) // _TENTH


def has_speech(log_mel: Tensor, n_frames: Tensor) -> Tensor:
    """Which frames of 10 ms hold speech: those at most 40 dB under the loudest, shape (n, frames)."""
    loudness = loudness_db(log_mel).masked_fill(~is_valid(n_frames, log_mel.shape[1]), -torch.inf)
    return loudness > loudness.amax(dim=1, keepdim=True) - AUDIBLE


def moments_over_speech(hidden: Tensor, n_frames: Tensor, speech: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Count, shape (n, 1), mean and variance, shape (n, width), of hidden states over the frames with speech.

    Args:
        hidden: frames of 20 ms, shape (n, frames, width).
        n_frames: valid ones of each utterance, shape (n,).
        speech: which frames of 10 ms hold speech; where none does, all frames count.
    """
    valid = is_valid(n_frames, hidden.shape[1])
    spoken = _every_second(speech, hidden.shape[1]) & valid
    any_speech = spoken.any(dim=1, keepdim=True)
    return moments_over_time(hidden, spoken | (valid & ~any_speech))


def _every_second(speech: Tensor, n_frames: int) -> Tensor:
    """Frames of 20 ms that are speech if one of their frames of 10 ms is, shape (n, n_frames)."""
    first = 2 * torch.arange(n_frames, device=speech.device)
    last = speech.shape[1] - 1
    either: Tensor = speech[:, first.clamp(max=last)] | speech[:, (first + 1).clamp(max=last)]
    return either


def _pooled(parts: list[tuple[Tensor, Tensor, Tensor]]) -> tuple[Tensor, Tensor, Tensor]:
    """Count, mean and variance of all parts of an utterance together."""
    counts, means, variances = (torch.cat([part[k] for part in parts]) for k in range(3))
    count = counts.sum(dim=0, keepdim=True)
    mean = (counts * means).sum(dim=0, keepdim=True) / count
    variance = (counts * (variances + (means - mean).square())).sum(dim=0, keepdim=True) / count
    return count, mean, variance


def _names(pooling: Pooling, width: int) -> tuple[str, ...]:
    if pooling == "frames":
        return tuple(f"hidden{unit:04d}" for unit in range(width))
    statistics = pooling.split("+")
    return tuple(f"hidden{unit:04d}_{statistic}" for statistic in statistics for unit in range(width))
