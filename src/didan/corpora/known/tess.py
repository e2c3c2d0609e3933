"""TESS: ``OAF_back_angry`` is the older actress saying "back", angry."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "angry": "anger",
    "disgust": "disgust",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "ps": "surprise",
    "sad": "sadness",
}
_PATTERN = re.compile(
    # Anything may stand before or after (507testYAF_germ_angry29), and one file says OA_ for OAF_.
    rf"(?P<speaker>OAF?|YAF)_(?P<word>[a-z]+)_(?P<emotion>{'|'.join(_EMOTIONS)})(?![a-z])",
    re.IGNORECASE,
)


def parse(path: PurePosixPath) -> Name | None:
    """Read a TESS file name, whatever a copy put around it.

    >>> parse(PurePosixPath("OAF_Pleasant_surprise/OAF_back_ps.wav"))
    Name(emotion='surprise', speaker='OAF', sentence='back')
    >>> parse(PurePosixPath("507testYAF_germ_angry29.wav"))
    Name(emotion='anger', speaker='YAF', sentence='germ')
    """
    match = _PATTERN.search(path.stem)
    if not match:
        return None
    speaker = "YAF" if match["speaker"].upper() == "YAF" else "OAF"
    return Name(_EMOTIONS[match["emotion"].lower()], speaker, match["word"].lower())


READER = Reader(
    name="tess",
    title="TESS",
    language="English",
    n_speakers="2",
    counts=dict.fromkeys(_EMOTIONS.values(), 400),
    licence="see the corpus' page",
    obtain="download from the University of Toronto (search for: Toronto emotional speech set)",
    parse=parse,
    quirks=(
        "ps is pleasant surprise; some copies put characters around the name; some files named .wav are "
        "AIFF, and sampling rates differ"
    ),
)
