"""The one emotion vocabulary, and the spellings of it that corpora use."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from didan.errors import UserError, suggest

EMOTIONS = (
    "anger",
    "boredom",
    "calm",
    "contempt",
    "disgust",
    "fear",
    "happiness",
    "neutral",
    "sadness",
    "surprise",
)

# "excited" counts as happiness, as is customary with IEMOCAP; `--map excited=...` overrides it.
_SPELLINGS = {
    "angry": "anger",
    "rage": "anger",
    "bored": "boredom",
    "calmness": "calm",
    "contemptuous": "contempt",
    "disgusted": "disgust",
    "afraid": "fear",
    "anxiety": "fear",
    "fearful": "fear",
    "excited": "happiness",
    "excitement": "happiness",
    "happy": "happiness",
    "joy": "happiness",
    "joyful": "happiness",
    "neutrality": "neutral",
    "sad": "sadness",
    "surprised": "surprise",
    "pleasant surprise": "surprise",
}

_HIGH_AROUSAL = ("anger", "fear", "happiness", "surprise")
_NEGATIVE = ("anger", "boredom", "contempt", "disgust", "fear", "sadness")
_POSITIVE = ("happiness", "surprise")

LEAVE_OUT = "-"


def rough_groups(kind: Literal["arousal", "valence"]) -> dict[str, int]:
    """A coarser class of each emotion: low, high arousal (0, 1), or negative, neutral, positive valence (0, 1, 2).

    The usual places in Russell's circumplex; disgust, which lies between, counts as low in arousal, and
    surprise as positive. Both are our choices.

    >>> rough_groups("arousal")["anger"], rough_groups("valence")["anger"]
    (1, 0)
    """
    if kind == "arousal":
        return {emotion: int(emotion in _HIGH_AROUSAL) for emotion in EMOTIONS}
    return {emotion: 0 if emotion in _NEGATIVE else 2 if emotion in _POSITIVE else 1 for emotion in EMOTIONS}


def plain_label(label: str) -> str:
    """A label as it is compared: in lower case, underscores as blanks, nothing around it.

    >>> plain_label(" Pleasant_Surprise")
    'pleasant surprise'
    """
    return label.strip().lower().replace("_", " ")


def canonical_emotion(label: str, mapping: Mapping[str, str] | None = None) -> str | None:
    """Translate a corpus' own label into the vocabulary.

    Args:
        label: the label as the corpus spells it; case, underscores and outer blanks do not matter.
        mapping: the user's own translations, which come first; the emotion ``-`` leaves a label out.

    Returns:
        The emotion, or None for a label that the mapping leaves out.

    Raises:
        UserError: neither the vocabulary nor the mapping knows the label.

    >>> canonical_emotion("Fearful"), canonical_emotion("joy"), canonical_emotion("meh", {"meh": "neutral"})
    ('fear', 'happiness', 'neutral')
    """
    word = plain_label(label)
    mapped = {plain_label(key): value for key, value in (mapping or {}).items()}
    if word in mapped:
        if mapped[word] == LEAVE_OUT:
            return None
        word = plain_label(mapped[word])
    emotion = _SPELLINGS.get(word, word)
    if emotion not in EMOTIONS:
        shown = repr(label.strip())
        raise UserError(
            f"unknown emotion {label!r}: {suggest(word, EMOTIONS)}; "
            f"translate it with --map {shown}=EMOTION, or leave it out with --map {shown}=-"
        )
    return emotion


def parse_mapping(pairs: list[str]) -> dict[str, str]:
    """Read ``label=emotion`` pairs, as given to ``--map``.

    Args:
        pairs: the pairs; the emotion ``-`` leaves a label out.

    Returns:
        Emotion by label.

    Raises:
        UserError: no ``=``, nothing on one side of it, or an emotion that is not of the vocabulary.

    >>> parse_mapping(["frustrated=anger", "other=-"])
    {'frustrated': 'anger', 'other': '-'}
    """
    mapping = {}
    for pair in pairs:
        label, separator, emotion = pair.rpartition("=")
        if not separator or not label or not emotion:
            raise UserError(f"--map wants label=emotion (or label=- to leave it out), not {pair!r}")
        if emotion != LEAVE_OUT:
            canonical_emotion(emotion)
        mapping[label] = emotion
    return mapping


def class_indices(table: pd.DataFrame, emotions: Sequence[str]) -> npt.NDArray[np.int64]:
    """The emotion of every utterance of a table as its place among ``emotions``, shape (n,).

    >>> class_indices(pd.DataFrame({"emotion": ["fear", "anger"]}), ("anger", "fear"))
    array([1, 0])
    """
    class_of = {emotion: index for index, emotion in enumerate(emotions)}
    return np.array([class_of[emotion] for emotion in table["emotion"]], dtype=np.int64)
