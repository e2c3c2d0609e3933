"""The backbone that begins as the first layers of a pretrained Whisper, and goes on learning.

    v = [mean_t h_t, std_t h_t],    h_t = 1/|L| sum_(l in L) h_t^(l)

Spectrum in, two convolutions, transformer layers up to the middle third, mean and deviation over the frames with
speech, as :mod:`didan.features.pretrained` has it of a frozen encoder. The weights become part of the model, which
needs nothing else afterwards.
"""

from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from didan.errors import UserError
from didan.extras import require
from didan.features import PretrainedSettings, SpectrogramSettings
from didan.features.encoders import build_encoder, middle_third, n_layers_and_width
from didan.features.encoders.encoder import LONGEST
from didan.features.encoders.whisper import Whisper, scaled
from didan.features.pretrained import has_speech, moments_over_speech
from didan.features.short_time import is_valid

_LONGEST = LONGEST // 160  # frames
_ARCHITECTURE = (
    "activation_function",
    "d_model",
    "encoder_attention_heads",
    "encoder_ffn_dim",
    "encoder_layers",
    "max_source_positions",
    "num_mel_bins",
)


class WhisperSettings(BaseModel):
    """Which Whisper a network begins as.

    Attributes:
        model: a directory or the id of a model on the Hugging Face hub, such as ``openai/whisper-base``.
        revision: branch, tag or commit on the hub; once loaded, the commit.
        layers: hidden states to average; None takes the middle third. Layers beyond are left out.
        sha256: of the weights that the network began with, filled in once they are found.
        architecture: of the encoder, filled in once it is found; with it the network can be built without it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    revision: str | None = None
    layers: tuple[int, ...] | None = Field(None, min_length=1)
    sha256: str | None = None
    architecture: dict[str, int | str] = Field(default_factory=dict)

    def found(self) -> "WhisperSettings":
        """The same with revision, layers, digest and architecture.

        Raises:
            UserError: the encoder cannot be found, see :class:`didan.features.PretrainedSettings`; or it is no
                Whisper.
        """
        if self.architecture:
            return self
        try:
            encoder = self._encoder().found()
            weights = encoder.weights()
        except UserError as error:  # which is about a frontend's settings
            raise UserError(str(error).replace("frontend.", "network.whisper.")) from None
        kind = weights.config["model_type"]
        if kind != "whisper":
            raise UserError(
                f"network.whisper: {self.model} is a {kind}, which hears waveforms; a network for spectrograms "
                "can begin as a Whisper alone (others: --frontend pretrained)"
            )
        n_layers, _ = n_layers_and_width(weights)
        layers = self.layers or middle_third(n_layers)
        architecture = {name: weights.config[name] for name in _ARCHITECTURE if name in weights.config}
        return WhisperSettings(
            model=encoder.model,
            revision=encoder.revision,
            layers=layers,
            sha256=encoder.sha256,
            architecture={**architecture, "encoder_layers": n_layers},
        )

    def frontend(self) -> SpectrogramSettings:
        """What it hears, of a Whisper that is found."""
        bands = int(self.architecture.get("num_mel_bins", 80))
        return SpectrogramSettings(bands=bands, low=0, high=8000, floor=80, trim=None)

    def _encoder(self) -> PretrainedSettings:
        return PretrainedSettings(model=self.model, revision=self.revision, layers=self.layers, sha256=self.sha256)

    def build(self) -> Whisper:
        """The encoder, as far as its layers are needed, with the weights that it begins with.

        Raises:
            UserError: it cannot be loaded; see :func:`didan.features.encoders.build_encoder`.
        """
        encoder, _, _ = build_encoder(self._encoder().weights())
        assert isinstance(encoder, Whisper)
        return self._cut(encoder)

    def build_empty(self) -> Whisper:
        """The same with weights that are to be replaced."""
        transformers = require("transformers", "pretrained", "a network that began as Whisper")
        config: Any = transformers.WhisperConfig(**self.architecture, attn_implementation="sdpa")
        return self._cut(Whisper(transformers.models.whisper.modeling_whisper.WhisperEncoder(config), {}))

    def _cut(self, encoder: Whisper) -> Whisper:
        """Without the layers that are not needed, and what only the output of the last goes through."""
        last = max(self.layers or ())
        if last < len(encoder.model.layers):
            encoder.model.layers, encoder.model.layer_norm = encoder.model.layers[:last], None
        return encoder


class WhisperLayers(nn.Module):
    """Maps log-mel spectrograms to vectors; see :class:`didan.networks.Backbone`.

    Args:
        encoder: from :meth:`WhisperSettings.build`.
        layers: hidden states to average.
    """

    rate, begins = 0.3, 0.92

    def __init__(self, encoder: Whisper, layers: tuple[int, ...]) -> None:
        super().__init__()
        self.encoder, self.layers = encoder, layers
        self.n_bands = int(encoder.model.config.num_mel_bins)
        self.width = 2 * int(encoder.model.config.d_model)

    def requires_grad_(self, requires_grad: bool = True) -> "WhisperLayers":
        """Learn, or not; positions are sines and stay so."""
        super().requires_grad_(requires_grad)
        self.encoder.model.embed_positions.requires_grad_(False)
        return self

    def forward(self, features: Tensor, lengths: Tensor) -> Tensor:
        """See :class:`didan.networks.Backbone`; of an utterance of more than 30 s, the first 30 s count."""
        features, lengths = features[:, :_LONGEST], lengths.clamp(max=_LONGEST)
        heard = scaled(features / 10, is_valid(lengths, features.shape[1])[:, :, None])
        states, n_frames = self.encoder.hidden_states(heard, lengths, max(self.layers))
        hidden = torch.stack([states[layer] for layer in self.layers]).mean(dim=0)
        _, mean, variance = moments_over_speech(hidden, n_frames, has_speech(features, lengths))
        return torch.cat([mean, (variance + 1e-8).sqrt()], dim=1)
