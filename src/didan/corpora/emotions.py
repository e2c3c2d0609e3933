"""The one emotion vocabulary, the spellings of it that corpora use, and the translation of labels into it."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from didan.errors import UserError, shortened, suggest

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
"""The vocabulary, in alphabetical order. Labels of a corpus are translated into it."""

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

_HINTS = {
    "anger": "aggressive ang annoyed annoyance frustrated frustration fru furious irritated irritation mad",
    "boredom": "bore tired tiredness",
    "calm": "peaceful relaxed serene serenity",
    "contempt": "disdain scorn",
    "disgust": "dis loathing revulsion",
    "fear": "anxious fea nervous panic scared terrified terror worried worry",
    "happiness": "amused amusement cheerful content contentment delighted elated enthusiastic exc glad hap "
    "pleased pleasure positive satisfied satisfaction",
    "neutral": "neu normal",
    "sadness": "depressed disappointed disappointment grief melancholy sorrow unhappy",
    "surprise": "amazed amazement astonished astonishment startled sur",
}
_SYNONYMS = {word: emotion for emotion, words in _HINTS.items() for word in words.split()}
"""Labels close to an emotion: proposed to the user, who decides."""

_TYPING_MISTAKE = 0.8  # of difflib's similarity; "sleepiness" is no "happiness"

LEAVE_OUT = "-"


def coarse_classes() -> dict[str, int]:
    """The coarse class of each emotion: 0 where arousal is low, 1 where it is high.

    The usual places in Russell's circumplex; that disgust, which lies between, counts as low is our choice.

    >>> classes = coarse_classes()
    >>> classes["anger"], classes["sadness"]
    (1, 0)
    """
    return {emotion: int(emotion in _HIGH_AROUSAL) for emotion in EMOTIONS}


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
        shown = shortened(label.strip())
        raise UserError(
            f"unknown emotion {shortened(label)}: {_hint(word)}; "
            f"translate it with --map {shown}=EMOTION, or leave it out with --map {shown}=-"
        )
    return emotion


def _hint(word: str) -> str:
    if word in _SYNONYMS:
        return f"the nearest is {_SYNONYMS[word]!r}"
    return suggest(word, EMOTIONS, _TYPING_MISTAKE)


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


def translate_labels(
    table: pd.DataFrame, origin: str, mapping: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Put the labels in the column ``emotion`` into the vocabulary; rows the mapping leaves out are gone.

    Args:
        table: utterances with the columns ``file`` and ``emotion``.
        origin: where the table comes from, for messages.
        mapping: the user's own translations, which come first; the emotion ``-`` leaves a label out.

    Returns:
        The table with emotions of the vocabulary, and remarks on what was left out or never occurred.

    Raises:
        UserError: an empty or unknown label, or nothing is left.

    >>> table = pd.DataFrame({"file": ["a.wav", "b.wav"], "emotion": ["Joyful", "laughter"]})
    >>> translated, notes = translate_labels(table, "calls.csv", {"laughter": "-"})
    >>> list(translated["emotion"]), notes
    (['happiness'], ("calls.csv: 1 of 2 utterances left out, as --map wants: 'laughter'",))
    """
    labels = ["" if pd.isna(label) else str(label) for label in table["emotion"]]
    unused = _unused(mapping or {}, labels, origin)
    emotions: dict[str, str | None] = {}
    for row, label in enumerate(labels):
        if label in emotions:
            continue
        where = f"{origin}, row {row + 1} ({table['file'].iloc[row]})"
        if not label.strip():
            raise UserError(f"{where}: has no emotion; fill it in, or take the row out")
        try:
            emotions[label] = canonical_emotion(label, mapping)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None
    translated = table.assign(emotion=pd.Series([emotions[label] for label in labels], index=table.index))
    kept = translated[translated["emotion"].notna()].reset_index(drop=True)
    if kept.empty:
        raise UserError(f"{origin}: the mapping leaves every utterance out")
    left_out = sorted(repr(label) for label, emotion in emotions.items() if emotion is None)
    if not left_out:
        return kept, unused
    n_gone = len(table) - len(kept)
    remark = f"{origin}: {n_gone} of {len(table)} utterances left out, as --map wants: {', '.join(left_out)}"
    return kept, (remark, *unused)


def _unused(mapping: Mapping[str, str], labels: list[str], origin: str) -> tuple[str, ...]:
    """Remarks, not errors: of several corpora with one mapping, each need not have every label."""
    occurring = sorted({plain_label(label) for label in labels})
    return tuple(
        f"{origin} has no label {key!r} to map: {suggest(key, occurring)}"
        for key in mapping
        if plain_label(key) not in occurring
    )


def emotion_counts(emotions: pd.Series) -> dict[str, int]:
    """How many utterances have each emotion, in alphabetical order.

    >>> emotion_counts(pd.Series(["fear", "anger", "fear"]))
    {'anger': 1, 'fear': 2}
    """
    return {str(emotion): int(count) for emotion, count in emotions.value_counts().sort_index().items()}


def counts_in_words(counts: Mapping[str, int]) -> str:
    """Numbers of utterances by emotion, for a message.

    >>> counts_in_words({"boredom": 81, "disgust": 1})
    '81 boredom, 1 disgust'
    """
    return ", ".join(f"{count} {emotion}" for emotion, count in counts.items())


def class_indices(table: pd.DataFrame, emotions: Sequence[str]) -> npt.NDArray[np.int64]:
    """The emotion of every utterance of a table as its place among ``emotions``, shape (n,).

    >>> class_indices(pd.DataFrame({"emotion": ["fear", "anger"]}), ("anger", "fear"))
    array([1, 0])
    """
    class_of = {emotion: index for index, emotion in enumerate(emotions)}
    return np.array([class_of[emotion] for emotion in table["emotion"]], dtype=np.int64)
