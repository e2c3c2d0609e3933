"""CREMA-D: ``1001_DFA_ANG_XX`` is actor 1001, sentence DFA, anger, intensity unspecified."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "ANG": "anger",
    "DIS": "disgust",
    "FEA": "fear",
    "HAP": "happiness",
    "NEU": "neutral",
    "SAD": "sadness",
}
_PATTERN = re.compile(
    # The intensity is LO, MD, HI or XX; one file has a single X.
    rf"(?P<speaker>1\d{{3}})_(?P<sentence>[A-Z]{{3}})_(?P<emotion>{'|'.join(_EMOTIONS)})_(LO|MD|HI|XX?)",
    re.IGNORECASE,
)


def parse(path: PurePosixPath) -> Name | None:
    """Read a CREMA-D file name.

    >>> parse(PurePosixPath("AudioWAV/1001_DFA_ANG_XX.wav"))
    Name(emotion='anger', speaker='1001', sentence='DFA')
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"].upper()], match["speaker"], match["sentence"].upper())


READER = Reader(
    name="cremad",
    title="CREMA-D",
    language="English",
    n_speakers="91",
    counts={emotion: 1087 if emotion == "neutral" else 1271 for emotion in _EMOTIONS.values()},
    licence="Open Database License (ODbL)",
    obtain="clone from GitHub: CheyneyComputerScience/CREMA-D (needs git-lfs)",
    parse=parse,
    quirks="the label is the emotion that was acted, not the one that raters heard",
)
