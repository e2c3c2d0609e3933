"""Tiny random encoders of every family, as directories that the Hugging Face hub could hold."""

import json
from pathlib import Path
from typing import Any

import torch
import transformers

_SHARED: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "intermediate_size": 48,
}
_CONVOLUTIONAL: dict[str, Any] = {
    **_SHARED,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
_LARGE: dict[str, Any] = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}

TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "wav2vec2": ("Wav2Vec2", _CONVOLUTIONAL),
    "wav2vec2 large, as XLS-R and MMS": ("Wav2Vec2", {**_CONVOLUTIONAL, **_LARGE}),
    "hubert": ("Hubert", _CONVOLUTIONAL),
    "hubert large": ("Hubert", {**_CONVOLUTIONAL, **_LARGE}),
    "hubert with batch norm": ("Hubert", {**_CONVOLUTIONAL, "conv_pos_batch_norm": True}),
    "wavlm": ("WavLM", _CONVOLUTIONAL),
    "wavlm large": ("WavLM", {**_CONVOLUTIONAL, **_LARGE}),
    "data2vec-audio": (
        "Data2VecAudio",
        {**_SHARED, "conv_dim": (16,) * 7, "num_conv_pos_embedding_groups": 4, "conv_pos_kernel_size": 7},
    ),
    "w2v-bert": ("Wav2Vec2Bert", {**_SHARED, "feature_projection_input_dim": 160}),
    "whisper": (
        "Whisper",
        {
            "d_model": 32,
            "encoder_layers": 4,
            "decoder_layers": 1,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 48,
            "decoder_ffn_dim": 48,
            "vocab_size": 60,
            "pad_token_id": 0,
            "bos_token_id": 0,
            "eos_token_id": 0,
            "decoder_start_token_id": 0,
        },
    ),
}


def whole_model(name: str) -> Any:
    """The model of transformers with random weights, always the same ones."""
    family, settings = TINY[name]
    torch.manual_seed(0)
    model = getattr(transformers, f"{family}Model")(getattr(transformers, f"{family}Config")(**settings)).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # weights as initialised make hidden states hardly depend on the speech
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.mul_(3)
            else:
                weights.add_(0.1 * torch.randn(weights.shape, generator=generator))
        for key, statistics in model.named_buffers():
            if key.endswith(("running_mean", "running_var")):
                statistics.add_(torch.rand(statistics.shape, generator=generator))
    return model


def make_encoder(name: str, folder: Path, **setup: Any) -> Path:
    """Write such a model, with its ``preprocessor_config.json``."""
    whole_model(name).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"sampling_rate": 16_000, **setup}))
    return folder
