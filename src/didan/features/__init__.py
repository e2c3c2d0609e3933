"""Frontends: utterances become features, computed once and kept memory-mapped on disk."""

from didan.features.extraction import Extracted, extract
from didan.features.features import FeatureSet, join, load_features, normalised
from didan.features.frontend import FRONTENDS, Frontend, FrontendSettings, build_frontend, extract_features
from didan.features.functionals import Functionals, FunctionalsSettings
from didan.features.normaliser import Normalisation, Statistics, statistics
from didan.features.packed import PackedFeatures
from didan.features.spectrogram import Spectrogram, SpectrogramSettings
from didan.features.store import FeatureStore, default_cache

__all__ = [
    "FRONTENDS",
    "Extracted",
    "FeatureSet",
    "FeatureStore",
    "Frontend",
    "FrontendSettings",
    "Functionals",
    "FunctionalsSettings",
    "Normalisation",
    "PackedFeatures",
    "Spectrogram",
    "SpectrogramSettings",
    "Statistics",
    "build_frontend",
    "default_cache",
    "extract",
    "extract_features",
    "join",
    "load_features",
    "normalised",
    "statistics",
]
