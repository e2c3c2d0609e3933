"""ShEMO: ``F01A01`` is female speaker 01, anger, utterance 01."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "A": "anger",
    "F": "fear",
    "H": "happiness",
    "N": "neutral",
    "S": "sadness",
    "W": "surprise",
}
_PATTERN = re.compile(r"(?P<speaker>[FM]\d{2})(?P<emotion>[AFHNSW])\d{2,3}", re.IGNORECASE)


def parse(path: PurePosixPath) -> Name | None:
    """Read a ShEMO file name.

    >>> parse(PurePosixPath("female/F01W02.wav"))
    Name(emotion='surprise', speaker='F01', sentence=None)
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"].upper()], match["speaker"].upper())


READER = Reader(
    name="shemo",
    title="ShEMO",
    language="Persian",
    n_speakers="87",
    counts={
        "anger": 1059,
        "fear": 38,
        "happiness": 201,
        "neutral": 1028,
        "sadness": 449,
        "surprise": 225,
    },
    licence="see the corpus' page",
    obtain="download by way of its page on GitHub (search for: Sharif Emotional Speech Database)",
    parse=parse,
    quirks="from radio plays; only 38 utterances are fear",
)
