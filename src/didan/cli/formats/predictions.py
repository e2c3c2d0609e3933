"""Predictions as rows: one per utterance or window."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from didan.inference.predict import Prediction

_NAME_WIDTH = 20


@dataclass(frozen=True, kw_only=True)
class PredictionRows:
    """Predictions, and what there is to show of them.

    Attributes:
        predictions: in order.
        emotions: of their probabilities.
        times: whether they are of parts of recordings.
        channels: whether they are of channels.
        adapted: whether the model's own probabilities are shown beside.
    """

    predictions: Iterable["Prediction"]
    emotions: tuple[str, ...]
    times: bool
    channels: bool
    adapted: bool

    @property
    def _place(self) -> list[str]:
        return [*(["channel"] if self.channels else []), *(["start", "end"] if self.times else [])]

    @property
    def header(self) -> list[str]:
        """See :class:`didan.cli.formats.rows.Rows`."""
        unadapted = [f"{emotion} unadapted" for emotion in self.emotions] if self.adapted else []
        return ["file", *self._place, "emotion", *self.emotions, *unadapted]

    def fields(self) -> Iterator[Sequence[str]]:
        """See :class:`didan.cli.formats.rows.Rows`."""
        for one in self.predictions:
            shown = [one.probabilities, one.unadapted] if self.adapted else [one.probabilities]
            values = [f"{own[emotion]:.4f}" if own else "" for own in shown for emotion in self.emotions]
            yield [one.file, *self._places(one, 2), one.emotion or "", *values]

    def objects(self) -> Iterator[dict[str, Any]]:
        """See :class:`didan.cli.formats.rows.Rows`."""
        for one in self.predictions:
            yield one.to_dict(channel=self.channels, unadapted=self.adapted)

    def table(self) -> "Table":
        """See :class:`didan.cli.formats.rows.Rows`."""
        from rich import box
        from rich.markup import escape
        from rich.table import Column, Table

        file = Column("file", overflow="fold", min_width=_NAME_WIDTH)
        probabilities = [Column(emotion, overflow="fold", min_width=4) for emotion in self.emotions]
        before = [Column("unadapted", no_wrap=True)] if self.adapted else []
        columns: list[Column | str] = [
            file,
            *self._place,
            Column("emotion", no_wrap=True),
            *probabilities,
            *before,
        ]
        table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for one in self.predictions:
            own = one.probabilities
            values = [f"{own[emotion]:.2f}" if own else "–" for emotion in self.emotions]
            most = max(one.unadapted, key=one.unadapted.__getitem__) if one.unadapted else None
            unadapted = f"{most} {one.unadapted[most]:.2f}" if one.unadapted and most else "–"
            emotion = one.emotion or "[dim]no speech[/dim]"
            table.add_row(
                escape(one.file),
                *self._places(one, 1),
                emotion,
                *values,
                *([unadapted] if self.adapted else []),
            )
        return table

    def _places(self, one: "Prediction", digits: int) -> list[str]:
        channel = [str(one.channel)] if self.channels else []
        return [*channel, *([f"{one.start:.{digits}f}", f"{one.end:.{digits}f}"] if self.times else [])]
