"""ASED: ``05Angry/a5-03-01-02-50`` is anger, sentence 03, take 01, gender 02 (male), speaker 50."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "a": "anger",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "s": "sadness",
}
_PATTERN = re.compile(
    r"(?P<emotion>[afhns])[1-5]-(?P<sentence>\d{2})-(?P<take>\d{2})-(?P<gender>\d{2})-(?P<speaker>\d{2})",
    re.IGNORECASE,
)


def parse(path: PurePosixPath) -> Name | None:
    """Read an ASED file name; its first letter says the same as the folder.

    >>> parse(PurePosixPath("02Fearful/f2-03-01-02-50.wav"))
    Name(emotion='fear', speaker='50', sentence='f03')
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    letter = match["emotion"].lower()
    # Sentences are numbered from 1 within each emotion.
    return Name(_EMOTIONS[letter], match["speaker"], letter + match["sentence"])


READER = Reader(
    name="ased",
    title="ASED",
    language="Amharic",
    n_speakers="65",
    counts={
        "anger": 486,
        "fear": 510,
        "happiness": 486,
        "neutral": 522,
        "sadness": 470,
    },
    licence="see the corpus' page",
    obtain="clone from GitHub: Ethio2021/ASED_V1",
    parse=parse,
    quirks="a few file names start with a capital letter",
)
