"""URDU: ``Angry/SM1_F1_A01`` is male speaker 1, his file 1, angry utterance 01."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {"A": "anger", "H": "happiness", "N": "neutral", "S": "sadness"}
_PATTERN = re.compile(r"(?P<speaker>S[FM]\d{1,2})_F\d{1,3}_(?P<emotion>[AHNS])\d{2,4}", re.IGNORECASE)


def parse(path: PurePosixPath) -> Name | None:
    """Read a URDU file name; the letter in it says the same as the folder.

    >>> parse(PurePosixPath("Angry/SM1_F1_A01.wav"))
    Name(emotion='anger', speaker='SM1', sentence=None)
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"].upper()], match["speaker"].upper())


READER = Reader(
    name="urdu",
    title="URDU",
    language="Urdu",
    n_speakers="38 (29 names)",
    counts=dict.fromkeys(_EMOTIONS.values(), 100),
    licence="see the corpus' page",
    obtain="clone from GitHub: siddiquelatif/URDU-Dataset",
    parse=parse,
    quirks="from television talk shows; 38 speakers are published, the file names tell 29 apart",
)
