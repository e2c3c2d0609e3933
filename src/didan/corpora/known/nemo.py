"""nEMO: ``samples/KS0_surprised_70`` is speaker KS0, surprise, sentence 70."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "anger": "anger",
    "fear": "fear",
    "happiness": "happiness",
    "neutral": "neutral",
    "sadness": "sadness",
    "surprised": "surprise",
}
_PATTERN = re.compile(
    rf"(?P<speaker>[A-Z]{{2}}\d)_(?P<emotion>{'|'.join(_EMOTIONS)})_(?P<sentence>\d+)", re.IGNORECASE
)


def parse(path: PurePosixPath) -> Name | None:
    """Read an nEMO file name; ``data.tsv`` is not needed.

    >>> parse(PurePosixPath("samples/KS0_surprised_70.wav"))
    Name(emotion='surprise', speaker='KS0', sentence='70')
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"].lower()], match["speaker"].upper(), match["sentence"])


READER = Reader(
    name="nemo",
    title="nEMO",
    language="Polish",
    n_speakers="9",
    counts={
        "anger": 749,
        "fear": 736,
        "happiness": 749,
        "neutral": 809,
        "sadness": 769,
        "surprise": 669,
    },
    licence="CC BY-NC-SA 4.0",
    obtain="clone from GitHub or Hugging Face: amu-cai/nEMO",
    parse=parse,
)
