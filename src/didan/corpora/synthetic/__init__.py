"""Speech-like corpora made by computation: no licensed file is needed to try, test or explain didan.

A source-filter synthesiser speaks syllables of an invented language. Emotion moves pitch, loudness, rate and
voice quality; a :class:`CorpusStyle` says who speaks, in what language and culture, and how it was recorded.
Two styles, and everything between them, make a corpus shift of known size::

    from pathlib import Path
    from didan.corpora.synthetic import between, make_corpus, style

    emotions = ("anger", "happiness", "neutral", "sadness")
    beta = between(style("alpha"), style("beta"), 0.5)
    corpus = make_corpus(Path("half-way"), beta, n_speakers=4, n_per_emotion=10, emotions=emotions, seed=0)

It is no text-to-speech system, and results on it say nothing about real corpora.
"""

from didan.corpora.synthetic.language import Language
from didan.corpora.synthetic.presets import STYLES, style
from didan.corpora.synthetic.prosody import EXPRESSIONS, Prosody
from didan.corpora.synthetic.recording import Microphone, Noise, Room
from didan.corpora.synthetic.speaker import Population, Speaker
from didan.corpora.synthetic.styles import CorpusStyle, between
from didan.corpora.synthetic.utterance import synthesise
from didan.corpora.synthetic.writer import make_corpus

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
