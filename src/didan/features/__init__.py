"""Features: utterances become named features, computed once, kept in a store, normalised by group.

What needs torch is imported on first use: an exported model, which is normalised like any other, must not wait for
it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from didan.features.augmentation import AugmentationSettings, augment
    from didan.features.cache import default_cache
    from didan.features.extraction import Extracted, extract, readable
    from didan.features.features import (
        Domain,
        FeatureSet,
        PackedFeatures,
        SelectedUtterances,
        join,
        load_features,
        mood_of_groups,
        normalised,
        pooled_vectors,
        voices_in,
    )
    from didan.features.frontend import (
        FRONTENDS,
        Frontend,
        FrontendSettings,
        blocks_of,
        build_frontend,
        encoders_of,
        extract_features,
        found,
        frame_period,
        from_anywhere,
        parts_of,
        voice_bands,
        with_parts,
    )
    from didan.features.functionals import Functionals, FunctionalsSettings
    from didan.features.fusion import Fusion, FusionSettings, scaled_blocks
    from didan.features.line import Line, Spectra, line_between, suits
    from didan.features.moods import MOODY
    from didan.features.normaliser import Block, Moments, NormalisationSettings, Normaliser, Statistics
    from didan.features.pretrained import Pretrained, PretrainedSettings
    from didan.features.spectrogram import Spectrogram, SpectrogramSettings
    from didan.features.store import FeatureStore, StoredFeatures
    from didan.features.voices import Voices

_HOME = {
    "augmentation": ("AugmentationSettings", "augment"),
    "cache": ("default_cache",),
    "extraction": ("Extracted", "extract", "readable"),
    "features": (
        "Domain",
        "FeatureSet",
        "PackedFeatures",
        "SelectedUtterances",
        "join",
        "load_features",
        "mood_of_groups",
        "normalised",
        "pooled_vectors",
        "voices_in",
    ),
    "frontend": (
        "FRONTENDS",
        "Frontend",
        "FrontendSettings",
        "blocks_of",
        "build_frontend",
        "encoders_of",
        "extract_features",
        "found",
        "frame_period",
        "from_anywhere",
        "parts_of",
        "voice_bands",
        "with_parts",
    ),
    "functionals": ("Functionals", "FunctionalsSettings"),
    "fusion": ("Fusion", "FusionSettings", "scaled_blocks"),
    "line": ("Line", "Spectra", "line_between", "suits"),
    "moods": ("MOODY",),
    "normaliser": ("Block", "Moments", "NormalisationSettings", "Normaliser", "Statistics"),
    "pretrained": ("Pretrained", "PretrainedSettings"),
    "spectrogram": ("Spectrogram", "SpectrogramSettings"),
    "store": ("FeatureStore", "StoredFeatures"),
    "voices": ("Voices",),
}

__all__ = [
    "FRONTENDS",
    "MOODY",
    "AugmentationSettings",
    "Block",
    "Domain",
    "Extracted",
    "FeatureSet",
    "FeatureStore",
    "Frontend",
    "FrontendSettings",
    "Functionals",
    "FunctionalsSettings",
    "Fusion",
    "FusionSettings",
    "Line",
    "Moments",
    "NormalisationSettings",
    "Normaliser",
    "PackedFeatures",
    "Pretrained",
    "PretrainedSettings",
    "SelectedUtterances",
    "Spectra",
    "Spectrogram",
    "SpectrogramSettings",
    "Statistics",
    "StoredFeatures",
    "Voices",
    "augment",
    "blocks_of",
    "build_frontend",
    "default_cache",
    "encoders_of",
    "extract",
    "extract_features",
    "found",
    "frame_period",
    "from_anywhere",
    "join",
    "line_between",
    "load_features",
    "mood_of_groups",
    "normalised",
    "parts_of",
    "pooled_vectors",
    "readable",
    "scaled_blocks",
    "suits",
    "voice_bands",
    "voices_in",
    "with_parts",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"didan.features.{module}"), name)
    raise AttributeError(f"module 'didan.features' has no attribute {name!r}")
