"""Frontends: utterances become features, computed once and kept memory-mapped on disk."""

from didan.frontends.extraction import Extracted, extract
from didan.frontends.features import FeatureSet, join, load_features, normalised
from didan.frontends.frontend import FRONTENDS, Frontend, FrontendSettings, build_frontend
from didan.frontends.functionals import FunctionalsSettings
from didan.frontends.normalisation import Normalisation, Statistics, statistics
from didan.frontends.packed import PackedFeatures
from didan.frontends.spectrogram import Spectrogram, SpectrogramSettings
from didan.frontends.store import FeatureStore, default_cache

__all__ = [
    "FRONTENDS",
    "Extracted",
    "FeatureSet",
    "FeatureStore",
    "Frontend",
    "FrontendSettings",
    "FunctionalsSettings",
    "Normalisation",
    "PackedFeatures",
    "Spectrogram",
    "SpectrogramSettings",
    "Statistics",
    "build_frontend",
    "default_cache",
    "extract",
    "join",
    "load_features",
    "normalised",
    "statistics",
]
