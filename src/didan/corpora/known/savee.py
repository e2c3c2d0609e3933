"""SAVEE: ``DC_a01`` or ``DC/a01`` is speaker DC, anger, sentence 01."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "a": "anger",
    "d": "disgust",
    "f": "fear",
    "h": "happiness",
    "n": "neutral",
    "sa": "sadness",
    "su": "surprise",
}
_PATTERN = re.compile(r"(?P<speaker>DC|JE|JK|KL)[/_](?P<sentence>(?P<emotion>sa|su|[adfhn])\d{2})", re.IGNORECASE)


def parse(path: PurePosixPath) -> Name | None:
    """Read a SAVEE path, in either of its two namings.

    >>> parse(PurePosixPath("DC/a01.wav")) == parse(PurePosixPath("ALL/DC_a01.wav"))
    True
    >>> parse(PurePosixPath("KL_su15.wav"))
    Name(emotion='surprise', speaker='KL', sentence='su15')
    """
    match = _PATTERN.fullmatch(path.stem) or _PATTERN.fullmatch(f"{path.parent.name}/{path.stem}")
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"].lower()], match["speaker"].upper(), match["sentence"].lower())


READER = Reader(
    name="savee",
    title="SAVEE",
    language="English",
    n_speakers="4",
    counts={emotion: 120 if emotion == "neutral" else 60 for emotion in _EMOTIONS.values()},
    licence="see the corpus' page",
    obtain="register at the University of Surrey (search for: Surrey Audio-Visual Expressed Emotion)",
    parse=parse,
    quirks="two namings are about, DC_a01 and DC/a01; all speakers are men",
)
