"""Features: utterances become named features, computed once, kept in a store, normalised by group."""

from didan.features.extraction import Extracted, extract
from didan.features.features import FeatureSet, PackedFeatures, StoredFeatures, join, load_features, normalised
from didan.features.frontend import FRONTENDS, Frontend, FrontendSettings, build_frontend
from didan.features.functionals import FunctionalsSettings
from didan.features.normaliser import Moments, NormalisationSettings, Normaliser, Statistics
from didan.features.spectrogram import Spectrogram, SpectrogramSettings
from didan.features.store import FeatureStore, default_cache

__all__ = [
    "FRONTENDS",
    "Extracted",
    "FeatureSet",
    "FeatureStore",
    "Frontend",
    "FrontendSettings",
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
    "join",
    "load_features",
    "normalised",
]
