"""Synthetic emotional speech: nobody needs a licensed file to try, test or explain didan.

A source-filter synthesiser speaks syllables of an invented language. Emotion moves pitch, loudness, rate and
voice quality; a :class:`CorpusStyle` says who speaks, in what language and culture, and how it was recorded.
Two styles, and everything between them, make a corpus shift of known size::

    from pathlib import Path
    from didan.synthesis import between, make_corpus, style

    emotions = ("anger", "happiness", "neutral", "sadness")
    beta = between(style("alpha"), style("beta"), 0.5)
    corpus = make_corpus(Path("half-way"), beta, n_speakers=4, n_per_emotion=10, emotions=emotions, seed=0)

This is not a text-to-speech system, and results on its speech say nothing about real corpora.
"""

from didan.synthesis.corpus import make_corpus, synthesise
from didan.synthesis.language import Language
from didan.synthesis.prosody import EXPRESSIONS, Prosody
from didan.synthesis.recording import Microphone, Noise, Room
from didan.synthesis.styles import STYLES, CorpusStyle, Population, Speaker, between, style

__all__ = [
    "EXPRESSIONS",
    "STYLES",
    "CorpusStyle",
    "Language",
    "Microphone",
    "Noise",
    "Population",
    "Prosody",
    "Room",
    "Speaker",
    "between",
    "make_corpus",
    "style",
    "synthesise",
]
