"""Features: utterances become named features, computed once, kept in a store, normalised by group.

What needs torch is imported on first use: an exported model, which is normalised like any other, must not wait for
it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from didan.features.extraction import Extracted, extract, readable
    from didan.features.features import (
        FeatureSet,
        PackedFeatures,
        StoredFeatures,
        join,
        load_features,
        normalised,
        pooled_vectors,
    )
    from didan.features.frontend import FRONTENDS, Frontend, FrontendSettings, build_frontend, extract_features
    from didan.features.functionals import Functionals, FunctionalsSettings
    from didan.features.normaliser import Moments, NormalisationSettings, Normaliser, Statistics
    from didan.features.spectrogram import Spectrogram, SpectrogramSettings
    from didan.features.store import FeatureStore, default_cache

_HOME = {
    "extraction": ("Extracted", "extract", "readable"),
    "features": (
        "FeatureSet",
        "PackedFeatures",
        "StoredFeatures",
        "join",
        "load_features",
        "normalised",
        "pooled_vectors",
    ),
    "frontend": ("FRONTENDS", "Frontend", "FrontendSettings", "build_frontend", "extract_features"),
    "functionals": ("Functionals", "FunctionalsSettings"),
    "normaliser": ("Moments", "NormalisationSettings", "Normaliser", "Statistics"),
    "spectrogram": ("Spectrogram", "SpectrogramSettings"),
    "store": ("FeatureStore", "default_cache"),
}

__all__ = [
    "FRONTENDS",
    "Extracted",
    "FeatureSet",
    "FeatureStore",
    "Frontend",
    "FrontendSettings",
    "Functionals",
    "FunctionalsSettings",
    "Moments",
    "NormalisationSettings",
    "Normaliser",
    "PackedFeatures",
    "Spectrogram",
    "SpectrogramSettings",
    "Statistics",
    "StoredFeatures",
    "build_frontend",
    "default_cache",
    "extract",
    "extract_features",
    "join",
    "load_features",
    "normalised",
    "pooled_vectors",
    "readable",
]


def __getattr__(name: str) -> Any:
    for module, names in _HOME.items():
        if name in names:
            return getattr(importlib.import_module(f"didan.features.{module}"), name)
    raise AttributeError(f"module 'didan.features' has no attribute {name!r}")
