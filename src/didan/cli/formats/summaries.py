"""Summaries as rows: one per recording, or per channel of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from didan.cli.progress import in_words

if TYPE_CHECKING:
    from rich.table import Table

    from didan.inference.summary import EmotionSummary, Moment, Summary

_NAME_WIDTH = 14


@dataclass(frozen=True, kw_only=True)
class SummaryRows:
    """Summaries, and what there is to show of them.

    Attributes:
        summaries: in order.
        emotions: that they tell of.
        channels: whether they are of channels.
    """

    summaries: Iterable["Summary"]
    emotions: tuple[str, ...]
    channels: bool

    @property
    def _channel(self) -> list[str]:
        return ["channel"] if self.channels else []

    @property
    def header(self) -> list[str]:
        """See :class:`didan.cli.formats.rows.Rows`."""
        told = [f"{emotion} {what}" for emotion in self.emotions for what in ("share", "longest", "moments")]
        return ["file", *self._channel, "seconds", "speech minutes", *told]

    def fields(self) -> Iterator[Sequence[str]]:
        """See :class:`didan.cli.formats.rows.Rows`."""
        for one in self.summaries:
            values: list[str] = []
            for emotion in self.emotions:
                own = one.emotions[emotion]
                moments = "; ".join(f"{m.start:.2f}-{m.end:.2f} ({m.confidence:.2f})" for m in own.moments or ())
                values += [f"{own.share:.4f}", f"{own.longest:.2f}", moments]
            channel = [str(one.channel)] if self.channels else []
            yield [one.file, *channel, f"{one.seconds:.2f}", f"{one.speech_minutes:.3f}", *values]

    def objects(self) -> Iterator[dict[str, Any]]:
        """See :class:`didan.cli.formats.rows.Rows`."""
        for one in self.summaries:
            channel = {"channel": one.channel} if self.channels else {}
            told = {emotion: _rounded(one.emotions[emotion]) for emotion in self.emotions}
            lengths = {"seconds": round(one.seconds, 3), "speech_minutes": round(one.speech_minutes, 4)}
            yield {"file": one.file, **channel, **lengths, "emotions": told}

    def table(self) -> "Table":
        """See :class:`didan.cli.formats.rows.Rows`."""
        from rich import box
        from rich.markup import escape
        from rich.table import Column, Table

        columns: list[Column | str] = [Column("file", overflow="fold", min_width=_NAME_WIDTH), *self._channel]
        columns += [Column(name, no_wrap=True) for name in ("speech", "emotion", "share", "longest", "moments")]
        table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for one in self.summaries:
            channel = [str(one.channel)] if self.channels else []
            found = {emotion: own for emotion, own in one.emotions.items() if own.longest}
            cells = [
                found or ["[dim]no speech[/dim]"],
                [f"{100 * own.share:.0f} %" for own in found.values()],
                [f"{own.longest:.0f} s" for own in found.values()],
                [", ".join(map(_moment, own.moments or ())) for own in found.values()],
            ]
            spoken = in_words(60 * one.speech_minutes)
            table.add_row(escape(one.file), *channel, spoken, *map("\n".join, cells), end_section=True)
        return table


def _rounded(own: "EmotionSummary") -> dict[str, Any]:
    values = {"share": round(own.share, 4), "longest": round(own.longest, 3)}
    if own.moments is None:
        return values
    return {**values, "moments": [{key: round(x, 3) for key, x in asdict(one).items()} for one in own.moments]}


def _moment(moment: "Moment") -> str:
    """When it begins, as players show it, and how probable the emotion is there.

    >>> from didan.inference.summary import Moment
    >>> _moment(Moment(83.0, 86.0, 0.934))
    '1:23 .93'
    """
    minutes, seconds = divmod(int(moment.start), 60)
    hours, minutes = divmod(minutes, 60)
    when = f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
    return f"{when} {moment.confidence:.2f}".replace(" 0.", " .")
