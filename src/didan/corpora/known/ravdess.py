"""RAVDESS, the speech half: ``03-01-06-01-02-01-12`` is a fearful utterance of actor 12."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "01": "neutral",
    "02": "calm",
    "03": "happiness",
    "04": "sadness",
    "05": "anger",
    "06": "fear",
    "07": "disgust",
    "08": "surprise",
}
_PATTERN = re.compile(
    # Modality 02 is video without sound, channel 02 is song: both are left out.
    r"(01|03)-01-(?P<emotion>0[1-8])-(?P<intensity>0[12])-(?P<statement>0[12])-(?P<take>0[12])-(?P<actor>\d{2})"
)


def parse(path: PurePosixPath) -> Name | None:
    """Read a RAVDESS file name.

    >>> parse(PurePosixPath("Actor_12/03-01-06-01-02-01-12.wav"))
    Name(emotion='fear', speaker='12', sentence='02')
    >>> parse(PurePosixPath("Actor_12/03-02-06-01-02-01-12.wav")) is None
    True
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"]], match["actor"], match["statement"])


READER = Reader(
    name="ravdess",
    title="RAVDESS speech",
    language="English",
    n_speakers="24",
    counts={emotion: 96 if emotion == "neutral" else 192 for emotion in _EMOTIONS.values()},
    licence="CC BY-NC-SA 4.0",
    obtain="download from Zenodo (search for: RAVDESS, Audio_Speech_Actors_01-24.zip)",
    parse=parse,
    quirks=(
        "song is left out; calm is not neutral (--map calm=neutral joins them); the original is 48 kHz with "
        "five stereo files; 03-01-03-01-02-01-07 and 03-01-03-01-02-02-07 are byte-identical"
    ),
)
