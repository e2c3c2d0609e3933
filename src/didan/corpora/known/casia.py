"""CASIA, public part: ``liuchanhg/angry/201.wav``, in other copies ``201-angry-liuchanhg.wav``."""

import re
from pathlib import PurePosixPath

from didan.corpora.reader import Name, Reader

_EMOTIONS = {
    "angry": "anger",
    "fear": "fear",
    "happy": "happiness",
    "neutral": "neutral",
    "sad": "sadness",
    "surprise": "surprise",
}
_SPEAKERS = {name.lower(): name for name in ("liuchanhg", "wangzhe", "zhaoquanyin", "ZhaoZuoxiang")}
_PATTERN = re.compile(
    rf"(?P<speaker>{'|'.join(_SPEAKERS)})/(?P<emotion>{'|'.join(_EMOTIONS)})/(?P<sentence>\d{{3}})"
)
_FLAT = re.compile(rf"(?P<sentence>\d{{3}})-(?P<emotion>{'|'.join(_EMOTIONS)})-(?P<speaker>{'|'.join(_SPEAKERS)})")


def parse(path: PurePosixPath) -> Name | None:
    """Read a CASIA path, in either of its two namings.

    >>> parse(PurePosixPath("liuchanhg/angry/201.wav"))
    Name(emotion='anger', speaker='liuchanhg', sentence='201')
    >>> parse(PurePosixPath("201-angry-ZHAOZUOXIANG.wav"))
    Name(emotion='anger', speaker='ZhaoZuoxiang', sentence='201')
    """
    in_folders = "/".join([*path.parts[-3:-1], path.stem]).lower()
    match = _PATTERN.fullmatch(in_folders) or _FLAT.fullmatch(path.stem.lower())
    if not match:
        return None
    return Name(_EMOTIONS[match["emotion"]], _SPEAKERS[match["speaker"]], match["sentence"])


READER = Reader(
    name="casia",
    title="CASIA",
    language="Mandarin",
    n_speakers="4",
    counts=dict.fromkeys(_EMOTIONS.values(), 200),
    licence="research",
    obtain="ask the Institute of Automation of the Chinese Academy of Sciences (CASIA)",
    parse=parse,
    quirks=(
        "every speaker says the same 50 sentences in every emotion; .lab, .tag and .peak files lie beside "
        "the audio; the full corpus, which is sold, has 9600 utterances"
    ),
)
