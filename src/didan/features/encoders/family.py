"""Which family an encoder belongs to, and how one is built from its directory."""

from typing import Any

import torch

from didan.errors import UserError, shortened
from didan.extras import require
from didan.features.encoders.encoder import LONGEST, Encoder
from didan.features.encoders.wav2vec2 import Data2VecAudio, Hubert, Wav2Vec2
from didan.features.encoders.wav2vec2_bert import Wav2Vec2Bert
from didan.features.encoders.wavlm import WavLM
from didan.features.encoders.weights import Weights
from didan.features.encoders.whisper import Whisper
from didan.hardware import free_memory

FAMILIES: dict[str, type[Wav2Vec2] | type[Wav2Vec2Bert] | type[Whisper]] = {
    "wav2vec2": Wav2Vec2,  # XLS-R and MMS too
    "hubert": Hubert,
    "wavlm": WavLM,
    "data2vec-audio": Data2VecAudio,
    "wav2vec2-bert": Wav2Vec2Bert,
    "whisper": Whisper,
}
"""By the ``model_type`` that a model's ``config.json`` names."""

_NOT_NEEDED = ("masked_spec_embed",)  # of training only; many checkpoints lack it
_BYTES = 4  # of a weight in single precision


def n_layers_and_width(weights: Weights) -> tuple[int, int]:
    """How many layers an encoder has, and how wide its hidden states are.

    Raises:
        UserError: it is of no family that didan knows, or its configuration lacks them.
    """
    config = weights.config
    kind = config.get("model_type")
    if kind not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UserError(
            f"{weights.name} is a model of type {shortened(kind)}; a speech encoder is one of: {known}"
        )
    names = ("encoder_layers", "d_model") if kind == "whisper" else ("num_hidden_layers", "hidden_size")
    defaults = {"encoder_layers": 4, "d_model": 384}  # as transformers', where a file leaves them out
    try:
        n_layers, width = (int(config.get(name, defaults.get(name))) for name in names)  # type: ignore[arg-type]
    except TypeError:
        raise UserError(f"{weights.name}: its config.json lacks {' or '.join(names)}") from None
    return n_layers, width


def memory_needed(weights: Weights) -> int:
    """Bytes that an encoder needs at most: its weights, and hidden states and attention of 30 s of speech."""
    _, width = n_layers_and_width(weights)
    config = weights.config
    heads = int(config.get("encoder_attention_heads", config.get("num_attention_heads", 12)))
    frames = LONGEST // 320
    convolutions = LONGEST // 5 * 512 * 2 if config["model_type"] != "whisper" else 0
    return _BYTES * (weights.n_parameters + convolutions + frames * (12 * width + 3 * heads * frames))


def build_encoder(weights: Weights) -> tuple[Encoder, int, int]:
    """An encoder with its weights, in single precision and evaluation mode; how many layers it has; and its width.

    Raises:
        UserError: transformers is not installed; the encoder is of no known family, works at another sampling
            rate, lacks a tensor or has one that is not its own or of another shape; there is too little memory.
    """
    n_layers, width = n_layers_and_width(weights)
    needed, free = memory_needed(weights), free_memory()
    if free is not None and needed > free:
        raise UserError(
            f"{weights.name} needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free; "
            "take a smaller encoder"
        )
    family = FAMILIES[weights.config["model_type"]]
    return family(_load(weights, family), weights.setup).eval(), n_layers, width


def _load(weights: Weights, family: type[Any]) -> Any:
    """The model of transformers, all of whose tensors are there."""
    transformers = require("transformers", "pretrained", "frontend pretrained")
    architecture = getattr(transformers, family.architecture, None)
    if architecture is None:  # of Whisper, transformers offers model and encoder in different places
        architecture = getattr(transformers.models.whisper.modeling_whisper, family.architecture)
    logs = transformers.utils.logging
    verbosity, bars = logs.get_verbosity(), logs.is_progress_bar_enabled()
    logs.set_verbosity(logs.CRITICAL)
    logs.disable_progress_bar()
    try:
        model, report = architecture.from_pretrained(
            weights.folder,
            key_mapping=family.renamed or None,
            dtype=torch.float32,
            attn_implementation=family.attention,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # reported, and refused below
        )
    except Exception as error:  # of many kinds, for a file that is cut off or a tensor of another shape
        detail = " ".join(str(error).split())[:150]
        raise UserError(f"{weights.name} cannot be loaded as {family.architecture} ({detail})") from error
    finally:
        logs.set_verbosity(verbosity)
        if bars:
            logs.enable_progress_bar()
    missing = sorted(key for key in report["missing_keys"] if key not in _NOT_NEEDED)
    foreign = sorted(key for key in report["unexpected_keys"] if not key.startswith(family.heads))
    wrong = [
        *(f"{key} is missing" for key in missing),
        *(f"{key} belongs to nothing" for key in foreign),
        *sorted(f"{key[0]} has another shape" for key in report["mismatched_keys"]),
    ]
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise UserError(f"{weights.name} does not hold what a {family.architecture} is made of: {wrong[0]}{more}")
    return model.requires_grad_(False)
