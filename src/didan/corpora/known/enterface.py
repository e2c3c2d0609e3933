"""eNTERFACE'05, audio-visual: ``subject 1/anger/sentence 1/s1_an_1.avi`` is subject 1, anger, sentence 1."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "an": "anger",
    "di": "disgust",
    "fe": "fear",
    "ha": "happiness",
    "sa": "sadness",
    "su": "surprise",
}
_PATTERN = re.compile(
    # "s_3_an_1" is subject 3, and "s16_su_3avi.avi" carries its suffix twice.
    r"s_?(?P<speaker>\d{1,2})_(?P<emotion>an|di|fe|ha|sa|su)_(?P<sentence>\d)(avi)?",
    re.IGNORECASE,
)
_FOLDER = re.compile(r"subject[ _-]?(?P<speaker>\d{1,2})", re.IGNORECASE)


def parse(path: PurePosixPath) -> Name | None:
    """Read an eNTERFACE'05 path; the subject's folder, where there is one, outweighs the file name.

    >>> parse(PurePosixPath("subject 11/anger/sentence 2/s12_an_2.avi"))
    Name(emotion='anger', speaker='11', sentence='2')
    """
    match = _PATTERN.fullmatch(path.stem)
    if not match:
        return None
    # Sentence, emotion and subject folder; subject 6 has no sentence folders.
    folders = [_FOLDER.fullmatch(part) for part in path.parts[-4:-1]]
    speaker = next((folder["speaker"] for folder in folders if folder), match["speaker"])
    return Name(_EMOTIONS[match["emotion"].lower()], f"{int(speaker):02d}", match["sentence"])


READER = Reader(
    name="enterface",
    title="eNTERFACE'05",
    language="English",
    n_speakers="42-44",
    counts={
        "anger": 215,
        "disgust": 215,
        "fear": 215,
        "happiness": 212,
        "sadness": 215,
        "surprise": 215,
    },
    licence="see the corpus' page",
    obtain="download from the page of the eNTERFACE'05 workshop (search for: eNTERFACE'05 emotion database)",
    parse=parse,
    quirks=(
        "video, the audio track is used; subject 11's files say s12, so the folder decides; subject 6 has no "
        "sentence folders and is often left out (1257 utterances); subject 23 lacks three happy clips"
    ),
)
