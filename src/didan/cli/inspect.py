"""``didan inspect``: check that a corpus is complete and readable."""

from typing import TYPE_CHECKING, Annotated

import typer

from didan.cli.completion import corpus_arguments
from didan.cli.options import Mapping
from didan.cli.output import print_table

if TYPE_CHECKING:
    from rich.table import Table

    from didan.corpora.inspection import Inspection

_SHOWN = 10
"""Duplicates and damaged files beyond these are only counted."""


def inspect(
    corpus: Annotated[
        str,
        typer.Argument(
            metavar="CORPUS",
            help="NAME=PATH (see: didan corpora), a CSV, TSV or Parquet table, an audformat database, "
            "or a folder of audio.",
            show_default=False,
            autocompletion=corpus_arguments,
        ),
    ],
    map: Mapping = None,
) -> None:
    """Check a corpus: counts, durations, sampling rates, duplicates, damaged files."""
    import warnings

    from didan.cli.damage import Damage
    from didan.cli.progress import progress_bars
    from didan.corpora.emotions import parse_mapping
    from didan.corpora.inspection import inspect_corpus
    from didan.corpora.loading import read_target
    from didan.errors import DidanWarning, UserError

    damage = Damage()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DidanWarning)
        corpus_read = read_target(corpus, parse_mapping(map or []), on_damaged=damage)
    with progress_bars() as hook:
        report = inspect_corpus(corpus_read, progress=hook)
    for table in (_counts(report), _audio(report)):
        print_table(table)
    notes = [str(warning.message) for warning in caught if str(warning.message) not in report.notes]
    for line in (*notes, *_remarks(report)):
        print(line)
    if report.damaged:
        file, reason = next(iter(report.damaged.items()))
        raise UserError(
            f"{len(report.damaged)} of {report.n_files} files cannot be used (first: {file}: {reason})"
        )
    damage.refuse(report.n_files)


def _counts(report: "Inspection") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    if report.emotions is None:
        table = Table("speaker", "utterances", title=escape(report.name))
        for speaker, count in report.speakers.items():
            table.add_row(escape(speaker), str(count))
        table.add_row("all" if report.speakers else "unknown", str(report.n_utterances))
        return table
    published = report.published or {}
    table = Table("emotion", "utterances", *(["published"] if published else []), title=escape(report.name))
    for emotion in sorted({*report.emotions, *published}):
        wanted = [str(published.get(emotion, 0))] if published else []
        table.add_row(emotion, str(report.emotions.get(emotion, 0)), *wanted)
    table.add_row("all", str(report.n_utterances), *([str(sum(published.values()))] if published else []))
    return table


def _audio(report: "Inspection") -> "Table":
    from rich.table import Table

    table = Table("", "audio")
    table.add_row("files", str(report.n_files))
    if report.speakers:
        fewest, most = min(report.speakers.values()), max(report.speakers.values())
        each = f"{most}" if fewest == most else f"{fewest} to {most}"
        table.add_row("speakers", f"{len(report.speakers)}, with {each} utterances each")
    else:
        table.add_row("speakers", "unknown")
    if report.seconds:
        lengths = report.seconds
        table.add_row("seconds", f"{lengths.shortest:.2f} to {lengths.longest:.2f}, median {lengths.median:.2f}")
        table.add_row("in all", f"{lengths.total / 60:.1f} min")
    table.add_row("sampling rate", ", ".join(f"{rate} Hz: {count}" for rate, count in report.rates.items()))
    table.add_row("channels", ", ".join(f"{channels}: {count}" for channels, count in report.channels.items()))
    table.add_row("damaged", str(len(report.damaged)))
    return table


def _remarks(report: "Inspection") -> list[str]:
    same_bytes = [f"byte-identical: {' = '.join(group)}" for group in report.same_bytes]
    same_audio = [f"same audio: {' = '.join(group)}" for group in report.same_audio]
    damaged = [f"damaged: {file}: {reason}" for file, reason in report.damaged.items()]
    lines = list(report.notes)
    for kind in (same_bytes, same_audio, damaged):
        lines += kind[:_SHOWN]
        if len(kind) > _SHOWN:
            lines.append(f"... and {len(kind) - _SHOWN} more such")
    return lines
