"""Fusion: several frontends side by side, one vector per utterance.

Each part's block is scaled, after normalisation, so that none drowns the others: of d_b features of variance 1 the
squared length is d_b, and

    c_b = l_b sqrt(sum(d) / (d_b sum(l^2)))

gives the blocks lengths in the ratio of l, whatever their numbers of features, and the length of all stays what it
was. Functionals and pooled spectrograms count less than hidden states: l was chosen by recognising unseen speakers
of one corpus, see docs/experiments/fusion.md.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from didan.errors import shortened
from didan.features.functionals import Functionals, FunctionalsSettings
from didan.features.normaliser import Block
from didan.features.pretrained import Pretrained, PretrainedSettings
from didan.features.short_time import is_valid, moments_over_time
from didan.features.spectrogram import Spectrogram, SpectrogramSettings

PartSettings = Annotated[
    SpectrogramSettings | FunctionalsSettings | PretrainedSettings, Field(discriminator="kind")
]

PARTS: dict[str, type[SpectrogramSettings] | type[FunctionalsSettings] | type[PretrainedSettings]] = {
    "spectrogram": SpectrogramSettings,
    "functionals": FunctionalsSettings,
    "pretrained": PretrainedSettings,
}

LENGTHS = {"spectrogram": 0.25, "functionals": 0.25, "pretrained": 1.0}
"""Of the blocks of a fusion, relative to one another."""


def scaled_blocks(widths: Sequence[int], lengths: Sequence[float]) -> tuple[Block, ...]:
    """Blocks with lengths in a given ratio.

    Args:
        widths: how many features each has, shape (n_blocks,).
        lengths: l, shape (n_blocks,).

    >>> scaled_blocks([100, 100], [1, 1])
    (Block(width=100, scale=1.0), Block(width=100, scale=1.0))
    """
    whole = sum(widths) / sum(length**2 for length in lengths)
    return tuple(
        Block(width, length * (whole / width) ** 0.5) for width, length in zip(widths, lengths, strict=True)
    )


class FusionSettings(BaseModel):
    """Which frontends; settings that are given beside ``kind`` go to every part that has one of that name.

    Attributes:
        kind: their kinds, such as ``functionals+pretrained``.
        frontends: their settings. Not needed where ``kind`` and single settings say it all; ``models`` makes one
            ``pretrained`` part of each of several encoders.

    >>> FusionSettings(kind="functionals+pretrained", models=["a", "b"]).kind
    'functionals+pretrained+pretrained'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    frontends: tuple[PartSettings, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _of_vectors(self) -> Self:
        if any(isinstance(part, PretrainedSettings) and part.pooling == "frames" for part in self.frontends):
            raise ValueError("pooling=frames keeps frames, and only vectors can be fused")
        return self

    @model_validator(mode="before")
    @classmethod
    def _parts_from_kind(cls, data: Any) -> Any:
        if not isinstance(data, dict) or "frontends" in data:
            return data
        given = {key: value for key, value in data.items() if key not in ("kind", "models")}
        parts = []
        for kind in str(data.get("kind", "")).split("+"):
            if kind not in PARTS:
                raise ValueError(f"{shortened(kind)} is no frontend; known: {', '.join(PARTS)}")
            own = {key: value for key, value in given.items() if key in PARTS[kind].model_fields}
            models = data.get("models") if kind == "pretrained" else None
            if models is not None and (not isinstance(models, (list, tuple)) or not models):
                raise ValueError("models is a list of encoders: frontend.models=[ID, ID]")
            parts += [
                {"kind": kind, **own, **more} for more in ([{"model": m} for m in models] if models else [{}])
            ]
        used = {key for part in parts for key in part}
        unknown = {key: value for key, value in given.items() if key not in used}
        return {"kind": "+".join(part["kind"] for part in parts), "frontends": parts, **unknown}

    def identity(self) -> dict[str, object]:
        """What decides about the features."""

        def of(part: BaseModel) -> dict[str, object]:
            return part.identity() if isinstance(part, PretrainedSettings) else part.model_dump()

        return {"kind": self.kind, "frontends": [of(part) for part in self.frontends]}


class Fusion(nn.Module):
    """Waveforms in, the features of all parts side by side out; spectrograms as mean and deviation over time.

    Args:
        settings: of the parts.
        parts: the parts, in the same order.

    >>> settings = FusionSettings(kind="spectrogram+functionals")
    >>> parts = [Spectrogram(settings.frontends[0]), Functionals(settings.frontends[1])]
    >>> Fusion(settings, parts)(torch.randn(2, 16_000))[0].shape
    torch.Size([2, 1, 680])
    """

    def __init__(self, settings: FusionSettings, parts: Sequence[Spectrogram | Functionals | Pretrained]) -> None:
        super().__init__()
        self.settings = settings
        self.parts = nn.ModuleList(parts)
        names = [
            [f"{name}_{how}" for how in ("mean", "std") for name in part.feature_names]
            if isinstance(part, Spectrogram)
            else list(part.feature_names)
            for part in parts
        ]
        several = [part.settings.kind for part in parts]
        prefixes = [f"{n}_" if several.count(kind) > 1 else "" for n, kind in enumerate(several, 1)]
        self.feature_names = tuple(
            f"{prefix}{name}" for prefix, own in zip(prefixes, names, strict=True) for name in own
        )
        self.n_bands = len(self.feature_names)

    def forward(self, waveform: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the features of utterances; zeros at the end of a waveform count as padding.

        Args:
            waveform: 16 kHz samples, shape (n, samples).

        Returns:
            Shape (n, 1, n_bands), one frame; and 1 for each utterance, shape (n,).
        """
        blocks = []
        for part in self.parts:
            features, n_frames = part(waveform)
            if isinstance(part, Spectrogram):
                _, mean, variance = moments_over_time(features, is_valid(n_frames, features.shape[1]))
                blocks += [mean, variance.sqrt()]
            else:
                blocks.append(features[:, 0])
        return torch.cat(blocks, dim=1)[:, None], torch.ones_like(n_frames)
