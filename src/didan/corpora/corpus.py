"""A labelled corpus, and the same recordings without their labels."""

from dataclasses import dataclass, field

import pandas as pd

from didan.errors import UserError

UNLABELLED = ("file", "start", "end", "speaker")
"""The columns that recordings without labels have, in their order."""


@dataclass(frozen=True)
class Recordings:
    """Utterances without labels: all that training may see of a target.

    ``table`` has one utterance per row: ``file`` (absolute path), ``start`` and ``end`` (seconds, NaN for
    the whole file) and ``speaker`` (a name, or NaN where unknown). There is no emotion column, so no code
    that is handed Recordings can read one.
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

    def stripped(self) -> "Recordings":
        """The same without columns beyond those named above: any of them could hold the label."""
        return Recordings(self.name, self.table[[*UNLABELLED]].copy())

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
        return Recordings(self.name, self.table[[*UNLABELLED]].copy())

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
