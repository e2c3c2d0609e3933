"""A labelled corpus, and the same recordings without their labels."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from didan.audio import Utterance, channel_group
from didan.errors import UserError, suggest

UNLABELLED = ("file", "start", "end", "speaker")
"""The columns that recordings without labels have, in their order."""

CHANNEL = "audio_channel"
"""The column that says which channel of its file each utterance is, from 1; without it, the mix of all."""


@dataclass(frozen=True)
class Recordings:
    """Utterances without labels: all that training may see of a target.

    ``table`` has one utterance per row: ``file`` (absolute path), ``start`` and ``end`` (seconds, NaN for
    the whole file) and ``speaker`` (a name, or NaN where unknown); where channels are utterances of their own also
    ``audio_channel``, and after :meth:`grouped` also ``group``. There is no emotion column, so no code that is
    handed Recordings can read one.
    """

    name: str
    table: pd.DataFrame

    def __post_init__(self) -> None:
        """Refuse a table that carries labels."""
        if "emotion" in self.table.columns:
            raise ValueError("Recordings carry no emotion column; use Corpus.unlabelled()")

    def __len__(self) -> int:
        """The number of utterances."""
        return len(self.table)

    def unlabelled(self) -> "Recordings":
        """The same without columns beyond those named above: any of them could hold the label."""
        return Recordings(self.name, _unlabelled(self.table))

    def grouped(self, by: str, *, or_speaker: bool = False) -> "Recordings":
        """The same, grouped; see :meth:`Corpus.grouped`."""
        return Recordings(self.name, self.table.assign(group=_groups(self.name, self.table, by, or_speaker)))

    @property
    def groups(self) -> pd.Series:
        """Which utterances belong together, NaN where that is unknown: the speakers, unless grouped otherwise."""
        return self.table["group" if "group" in self.table.columns else "speaker"]

    def rows(self, rows: Sequence[int]) -> "Recordings":
        """Some of the utterances, by number."""
        return Recordings(self.name, self.table.iloc[list(rows)].reset_index(drop=True))

    def utterances(self) -> list[Utterance]:
        """The rows, with their groups."""
        columns = (self.table["file"], self.table["start"], self.table["end"], self.channels, self.groups)
        return [
            Utterance(Path(str(file)), float(start), float(end), channel, None if pd.isna(group) else str(group))
            for file, start, end, channel, group in zip(*columns, strict=True)
        ]

    @property
    def channels(self) -> list[int | None]:
        """Which channel each utterance is."""
        return _channels(self.table)

    @property
    def has_speakers(self) -> bool:
        """Whether the speaker of every utterance is known."""
        return bool(self.table["speaker"].notna().all())


@dataclass(frozen=True)
class Corpus:
    """A labelled speech corpus.

    ``table`` has one utterance per row, with the columns of :class:`Recordings` and ``emotion`` (a word of
    ``didan.corpora.EMOTIONS``); columns beyond these are kept as they came. ``notes`` are remarks of the
    reader, for instance what it skipped.
    """

    name: str
    table: pd.DataFrame
    language: str = "unknown"
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        """The number of utterances."""
        return len(self.table)

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions that occur, in alphabetical order."""
        return tuple(sorted(self.table["emotion"].unique()))

    def unlabelled(self) -> Recordings:
        """The same utterances without labels.

        Columns that a user's own table brought along go too: any of them could hold the label.
        """
        return Recordings(self.name, _unlabelled(self.table))

    def grouped(self, by: str, *, or_speaker: bool = False) -> "Corpus":
        """The same with a column ``group``, which says which utterances are normalised together.

        Args:
            by: ``speaker``, ``file`` (parts of one file are one group), ``folder``, ``none``, or a column of the
                table.
            or_speaker: group by speaker where there is no such column.

        Raises:
            UserError: there is no such column, or it is the label.
        """
        return replace(self, table=self.table.assign(group=_groups(self.name, self.table, by, or_speaker)))

    @property
    def groups(self) -> pd.Series:
        """See :attr:`Recordings.groups`."""
        return self.unlabelled().groups

    def rows(self, rows: Sequence[int]) -> "Corpus":
        """Some of the utterances, by number."""
        return replace(self, table=self.table.iloc[list(rows)].reset_index(drop=True))

    def only(self, emotions: tuple[str, ...]) -> "Corpus":
        """The utterances with one of the given emotions.

        Raises:
            UserError: none is left.
        """
        table = self.table[self.table["emotion"].isin(emotions)].reset_index(drop=True)
        if table.empty:
            raise UserError(
                f"{self.name} has no utterance with any of {', '.join(emotions)} "
                f"(it has {', '.join(self.emotions)})"
            )
        return Corpus(self.name, table, self.language, self.notes)


def _unlabelled(table: pd.DataFrame) -> pd.DataFrame:
    return table[[column for column in (*UNLABELLED, CHANNEL, "group") if column in table.columns]].copy()


def _channels(table: pd.DataFrame) -> list[int | None]:
    if CHANNEL not in table.columns:
        return [None] * len(table)
    numbers = pd.to_numeric(table[CHANNEL], errors="coerce")  # a column of a user's own need hold none
    return [int(number) if number >= 1 else None for number in numbers]


def _groups(name: str, table: pd.DataFrame, by: str, or_speaker: bool) -> pd.Series:
    groups, channels = _groups_of_mixes(name, table, by, or_speaker), _channels(table)
    if not any(channels):
        return groups
    parted = [
        group if channel is None or pd.isna(group) else channel_group(str(group), channel)
        for group, channel in zip(groups, channels, strict=True)
    ]
    return pd.Series(parted, index=table.index, dtype=object)


def names_in(column: pd.Series) -> list[str | float]:
    """A column of names as text, NaN where there is none; numbers beside a gap arrive as 3.0, and the name is 3.

    >>> names_in(pd.Series([3.0, None]))
    ['3', nan]
    """
    return [np.nan if pd.isna(name) else str(name) for name in column.convert_dtypes()]


def _groups_of_mixes(name: str, table: pd.DataFrame, by: str, or_speaker: bool) -> pd.Series:
    match by:
        case "none":
            return pd.Series(np.nan, index=table.index, dtype=object)
        case "speaker" | "file":
            return table[by]
        case "folder":
            return table["file"].map(lambda file: str(Path(file).parent))
        case "emotion":
            raise UserError("utterances cannot be grouped by their emotion: it is what is to be predicted")
    if by in table.columns:
        return pd.Series(names_in(table[by]), index=table.index, dtype=object)
    if or_speaker:
        return table["speaker"]
    columns = [
        "speaker",
        "file",
        "folder",
        "none",
        *(str(c) for c in table.columns if c not in (*UNLABELLED, "emotion")),
    ]
    raise UserError(f"{name} has no column {by!r} to group by: {suggest(by, columns)}")
