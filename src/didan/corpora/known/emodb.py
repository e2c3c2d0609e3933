"""EmoDB, the Berlin database of emotional speech: ``03a01Fa`` is speaker 03, text a01, emotion F, take a."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "W": "anger",
    "L": "boredom",
    "E": "disgust",
    "A": "fear",
    "F": "happiness",
    "T": "sadness",
    "N": "neutral",
}
_PATTERN = re.compile(r"(?P<speaker>\d{2})(?P<text>[ab]\d{2})(?P<emotion>[WLEAFTN])[a-z]?", re.IGNORECASE)


def parse(path: PurePosixPath) -> Name | None:
    """Read an EmoDB file name.

    >>> parse(PurePosixPath("wav/03a01Fa.wav"))
    Name(emotion='happiness', speaker='03', sentence='a01')
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"].upper()], match["speaker"], match["text"].lower())


READER = Reader(
    name="emodb",
    title="EmoDB",
    language="German",
    n_speakers="10",
    counts={
        "anger": 127,
        "boredom": 81,
        "disgust": 46,
        "fear": 69,
        "happiness": 71,
        "sadness": 62,
        "neutral": 79,
    },
    licence="free to use",
    obtain="download from TU Berlin (search for: Berlin Database of Emotional Speech)",
    parse=parse,
)
