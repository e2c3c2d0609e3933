"""Speech-like corpora made by computation: no licensed file is needed to try, test or explain didan.

A source-filter synthesiser speaks syllables of an invented language. Emotion moves pitch, loudness, rate and
voice quality; a :class:`CorpusStyle` says who speaks, in what language and culture, and how it was recorded.
Two styles, and everything between them, make a corpus shift of known size::

    from pathlib import Path
    from didan.synthesis import between, make_corpus, style

    emotions = ("anger", "happiness", "neutral", "sadness")
    beta = between(style("alpha"), style("beta"), 0.5)
    corpus = make_corpus(Path("half-way"), beta, n_speakers=4, n_per_emotion=10, emotions=emotions, seed=0)

It is no text-to-speech system, and results on it say nothing about real corpora.
"""

from didan.synthesis.language import Language
from didan.synthesis.presets import STYLES, style
from didan.synthesis.prosody import EXPRESSIONS, Prosody
from didan.synthesis.recording import Microphone, Noise, Room
from didan.synthesis.speaker import Population, Speaker
from didan.synthesis.styles import CorpusStyle, between
from didan.synthesis.utterance import synthesise
from didan.synthesis.writer import make_corpus

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
