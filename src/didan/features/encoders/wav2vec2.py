"""wav2vec 2.0, HuBERT and data2vec-audio, and what is built like them: XLS-R, MMS, WavLM.

Baevski et al., NeurIPS 2020 (wav2vec 2.0); Hsu et al., IEEE TASLP 2021 (HuBERT); Baevski et al., ICML 2022
(data2vec).
"""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from didan.features.encoders.encoder import attention_mask, run_layers, standardised
from didan.features.short_time import is_valid


class Wav2Vec2(nn.Module):
    """Strided convolutions over samples, a projection, convolutional positions, transformer layers.

    Args:
        model: ``Wav2Vec2Model``, ``HubertModel`` or ``Data2VecAudioModel`` of transformers.
        setup: its ``preprocessor_config.json``, which says whether it wants utterances of mean 0 and variance 1.
    """

    architecture = "Wav2Vec2Model"
    renamed: ClassVar[dict[str, str]] = {}
    heads = (
        "lm_head.", "quantizer.", "project_hid.", "project_q.", "projector.", "classifier.", "layer_weights",
        "tdnn.", "objective.", "final_proj.", "label_embs_concat",
    )  # fmt: skip
    attention = "sdpa"

    def __init__(self, model: Any, setup: dict[str, Any]) -> None:
        super().__init__()
        self.model, self.standardise = model, bool(setup.get("do_normalize", True))
        convolutions = [layer.conv for layer in model.feature_extractor.conv_layers]
        self.sizes = [(int(one.kernel_size[0]), int(one.stride[0])) for one in convolutions]
        self.shortest = 1
        for kernel, stride in reversed(self.sizes):
            self.shortest = (self.shortest - 1) * stride + kernel

    def forward(self, waveform: Tensor, lengths: Tensor, last: int) -> tuple[list[Tensor], Tensor]:
        """See :class:`didan.features.encoders.Encoder`."""
        valid = is_valid(lengths, waveform.shape[1])
        x, n_frames = self._convolve(standardised(waveform, valid) if self.standardise else waveform, lengths)
        projected = self.model.feature_projection(x.mT)
        projected = projected[0] if isinstance(projected, tuple) else projected
        valid = is_valid(n_frames, projected.shape[1])
        return self._transform(projected * valid[:, :, None], valid, last), n_frames

    def _convolve(self, signal: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Shape (n, channels, frames), and the number of frames of each."""
        x, n_frames = signal[:, None], lengths
        for layer, (kernel, stride) in zip(self.model.feature_extractor.conv_layers, self.sizes, strict=True):
            n_frames = ((n_frames - kernel) // stride + 1).clamp_min(0)
            norm = getattr(layer, "layer_norm", None)
            if isinstance(norm, nn.GroupNorm):
                x = layer.activation(_normalise_in_time(norm, layer.conv(x), n_frames))
            else:
                x = layer(x)
        return x, n_frames

    def _transform(self, projected: Tensor, valid: Tensor, last: int) -> list[Tensor]:
        first, norm = self._first(projected, valid)
        mask = attention_mask(valid).to(first)
        return run_layers(self.model.encoder.layers, first, last, norm, attention_mask=mask)

    def _first(self, projected: Tensor, valid: Tensor) -> tuple[Tensor, nn.Module | None]:
        """Hidden state 0, and the norm after the last layer, if the family has it there."""
        encoder = self.model.encoder
        first = projected + self._positions(projected, valid)
        if getattr(self.model.config, "do_stable_layer_norm", False):
            return first, encoder.layer_norm
        return encoder.layer_norm(first), None

    def _positions(self, x: Tensor, valid: Tensor) -> Tensor:
        """Convolutional positions, which see zeros beyond both ends before every convolution."""
        embedding, own = self.model.encoder.pos_conv_embed, valid[:, None]
        x = x.mT
        if (stacked := getattr(embedding, "layers", None)) is not None:  # data2vec
            for layer in stacked:
                x = layer(x * own)
            return x.mT
        if (batch_norm := getattr(embedding, "batch_norm", None)) is not None:  # some of HuBERT's
            x = batch_norm(x) * own
        return embedding.activation(embedding.padding(embedding.conv(x))).mT  # type: ignore[no-any-return]


class Hubert(Wav2Vec2):
    """HuBERT: the same, trained otherwise."""

    architecture = "HubertModel"


class Data2VecAudio(Wav2Vec2):
    """data2vec: several small convolutions make its positions."""

    architecture = "Data2VecAudioModel"


def _normalise_in_time(norm: nn.GroupNorm, x: Tensor, n_frames: Tensor) -> Tensor:
    """One group per channel over the frames that are no padding, shape (n, channels, frames)."""
    x, own = x.float(), is_valid(n_frames, x.shape[2])[:, None]
    count = n_frames[:, None, None]
    mean = (x * own).sum(dim=2, keepdim=True) / count
    variance = ((x - mean).square() * own).sum(dim=2, keepdim=True) / count
    scaled = (x - mean) * torch.rsqrt(variance + norm.eps)
    return scaled * norm.weight[:, None] + norm.bias[:, None]
