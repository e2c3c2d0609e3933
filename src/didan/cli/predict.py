"""``didan predict``: emotions of audio files."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from didan.cli.live import Hop, Rate, Stream, predict_standard_input
from didan.cli.options import MODEL, AdaptOutputs, Group
from didan.cli.output import json_text, print_table

if TYPE_CHECKING:
    from didan.audio import Utterance
    from didan.errors import OnDamaged
    from didan.inference.predict import Prediction


_NAME_WIDTH = 20


class Format(StrEnum):
    """How predictions are printed."""

    table = "table"
    csv = "csv"
    json = "json"


def predict(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            readable=False,
            help=f"{MODEL}; or file written by `didan export`.",
            show_default=False,
        ),
    ],
    audio: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="AUDIO...",
            help="Files, folders of audio, or one CORPUS (a table or NAME=PATH) with its speakers; - reads names "
            "of files, one a line, from standard input.",
            show_default=False,
        ),
    ] = None,
    window: Annotated[
        float | None,
        typer.Option("--window", metavar="S", help="Emotions over time: a row for every window of S seconds."),
    ] = None,
    hop: Hop = None,
    stream: Stream = False,
    rate: Rate = None,
    group: Group = None,
    adapt_outputs: AdaptOutputs = None,
    format: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """Predict the emotion of recordings; where nobody speaks there is none.

    Unreadable files are named and the others predicted; the exit code is then 2.
    """
    from didan.cli.damage import Damage
    from didan.errors import UserError
    from didan.inference.predict import check_windows
    from didan.inference.predict import predict as predict_all
    from didan.inference.recogniser import load_recogniser

    if stream:
        if audio or group or adapt_outputs or format is not Format.table:
            raise UserError(
                "--stream reads standard input and prints lines of JSON; leave out AUDIO, --group, "
                "--adapt-outputs and --format"
            )
        predict_standard_input(model, rate, window, hop)
        return
    if not audio or rate:
        raise UserError("--rate is that of --stream" if audio else "name the AUDIO to predict, or give --stream")
    check_windows(window, hop)
    recogniser = load_recogniser(model)
    damage = Damage()
    done = 0

    def counted(predictions: Iterable["Prediction"]) -> Iterator["Prediction"]:
        nonlocal done
        last = -1
        for prediction in predictions:
            done += prediction.row != last
            last = prediction.row
            yield prediction

    utterances = utterances_named(audio, recogniser.group, group, damage)
    predictions = counted(predict_all(recogniser, utterances, window=window, hop=hop, on_damaged=damage))
    if adapt_outputs is not None:
        from didan.inference.adapt_outputs import adapt_outputs as adjusted

        predictions = iter(adjusted(predictions, adapt_outputs))
    parts = window is not None or any(one.start == one.start or one.end == one.end for one in utterances)
    {Format.csv: _print_csv, Format.json: _print_json, Format.table: _print_table}[format](
        predictions, recogniser.emotions, parts, adapt_outputs is not None
    )
    damage.refuse(done)


def utterances_named(
    audio: list[str], trained: str, group: str | None = None, on_damaged: "OnDamaged | None" = None
) -> "list[Utterance]":
    """Utterances of a corpus with its speakers, or of files and folders, whose speakers are unknown."""
    from didan.inference.predict import utterances_in

    if len(audio) == 1 and _names_corpus(audio[0]):
        from didan.corpora import read_target

        recordings = read_target(audio[0]).grouped(group or trained, or_speaker=group is None)
        return recordings.unlabelled().utterances()
    return utterances_in(list(_paths(audio)), group or trained, or_none=group is None, on_damaged=on_damaged)


def _names_corpus(argument: str) -> bool:
    """Whether it is a table, a database or NAME=PATH, and no file or folder of audio."""
    path = Path(argument).expanduser()
    if path.is_dir():
        return (path / "db.yaml").is_file()
    return path.suffix.lower() in (".csv", ".tsv", ".parquet") or ("=" in argument and not path.exists())


def _paths(audio: list[str]) -> Iterator[Path]:
    import sys

    for name in audio:
        if name != "-":
            yield Path(name)
        else:
            yield from (Path(line.rstrip("\r\n")) for line in sys.stdin if line.strip())


def _print_csv(predictions: Iterable["Prediction"], emotions: tuple[str, ...], parts: bool, adapted: bool) -> None:
    import csv
    import sys

    rows = csv.writer(sys.stdout, lineterminator="\n")
    header = ["file", *(["start", "end"] if parts else []), "emotion", *emotions]
    rows.writerow([*header, *(f"{emotion} unadapted" for emotion in emotions)] if adapted else header)
    for one in predictions:
        shown = [one.probabilities, one.unadapted] if adapted else [one.probabilities]
        values = [f"{own[e]:.4f}" if own else "" for own in shown for e in emotions]
        times = [f"{one.start:.2f}", f"{one.end:.2f}"] if parts else []
        rows.writerow([one.file, *times, one.emotion or "", *values])


def _print_json(
    predictions: Iterable["Prediction"], emotions: tuple[str, ...], parts: bool, adapted: bool
) -> None:
    print("[", end="")
    comma = ""
    for one in predictions:
        print(f"{comma}\n  {json_text(one.to_dict(unadapted=adapted))}", end="")
        comma = ","
    print("\n]")


def _print_table(
    predictions: Iterable["Prediction"], emotions: tuple[str, ...], parts: bool, adapted: bool
) -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Column, Table

    when = ["start", "end"] if parts else []
    file = Column("file", overflow="fold", min_width=_NAME_WIDTH)
    probabilities = [Column(emotion, overflow="fold", min_width=4) for emotion in emotions]
    before = [Column("unadapted", no_wrap=True)] if adapted else []
    columns: list[Column | str] = [file, *when, Column("emotion", no_wrap=True), *probabilities, *before]
    table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for one in predictions:
        values = [f"{one.probabilities[e]:.2f}" for e in emotions] if one.probabilities else ["–"] * len(emotions)
        times = [f"{one.start:.1f}", f"{one.end:.1f}"] if parts else []
        most = max(one.unadapted, key=one.unadapted.__getitem__) if one.unadapted else None
        own = [f"{most} {one.unadapted[most]:.2f}" if one.unadapted and most else "–"] if adapted else []
        table.add_row(escape(one.file), *times, one.emotion or "[dim]no speech[/dim]", *values, *own)
    if table.row_count:
        print_table(table)
