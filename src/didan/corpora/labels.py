"""From the labels of a table to the one emotion vocabulary."""

from collections.abc import Mapping

import pandas as pd

from didan.corpora.emotions import canonical_emotion, plain_label
from didan.errors import UserError, suggest


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
