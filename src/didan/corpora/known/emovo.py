"""EMOVO: ``dis-f1-b1`` is disgust, speaker f1, sentence b1."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "dis": "disgust",
    "gio": "happiness",
    "neu": "neutral",
    "pau": "fear",
    "rab": "anger",
    "sor": "surprise",
    "tri": "sadness",
}
_PATTERN = re.compile(
    rf"(?P<emotion>{'|'.join(_EMOTIONS)})-(?P<speaker>[fm][123])-(?P<sentence>[a-z]\d)", re.IGNORECASE
)


def parse(path: PurePosixPath) -> Name | None:
    """Read an EMOVO file name.

    >>> parse(PurePosixPath("f1/gio-f1-b1.wav"))
    Name(emotion='happiness', speaker='f1', sentence='b1')
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"].lower()], match["speaker"].lower(), match["sentence"].lower())


READER = Reader(
    name="emovo",
    title="EMOVO",
    language="Italian",
    n_speakers="6",
    counts=dict.fromkeys(_EMOTIONS.values(), 84),
    licence="see the corpus' page",
    obtain="download from the Fondazione Ugo Bordoni (search for: EMOVO corpus)",
    parse=parse,
    quirks="48 kHz stereo; the emotions are abbreviated in Italian (gio is joy, pau fear, rab anger)",
)
