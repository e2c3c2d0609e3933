"""Corpora: a folder on disk becomes a table of utterances."""

from didan.corpora.corpus import Corpus, Recordings
from didan.corpora.emotions import EMOTIONS, canonical_emotion

__all__ = ["EMOTIONS", "Corpus", "Recordings", "canonical_emotion"]
