"""Corpora: a folder on disk becomes a table of utterances."""

from didan.corpora.corpus import Corpus, Recordings
from didan.corpora.emotions import EMOTIONS, canonical_emotion
from didan.corpora.loading import load_corpus, read_corpus, read_target

__all__ = [
    "EMOTIONS",
    "Corpus",
    "Recordings",
    "canonical_emotion",
    "load_corpus",
    "read_corpus",
    "read_target",
]
