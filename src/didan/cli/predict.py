"""``didan predict``: emotions of audio files."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from didan.inference import Prediction, Recogniser


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
            help="Folder that `didan train` has written, or file that `didan export` has.",
            show_default=False,
        ),
    ],
    audio: Annotated[
        list[str],
        typer.Argument(
            metavar="AUDIO...",
            help="Files, or folders of audio; - reads their names, one a line, from standard input.",
            show_default=False,
        ),
    ],
    window: Annotated[
        float | None,
        typer.Option("--window", metavar="S", help="A timeline: a row for every window of so many seconds."),
    ] = None,
    hop: Annotated[
        float | None,
        typer.Option("--hop", metavar="S", help="Seconds from window to window. (default: half a window)"),
    ] = None,
    format: Annotated[Format, typer.Option("--format", help="How to print.")] = Format.table,
) -> None:
    """Recognise the emotion of recordings, where somebody speaks in them.

    Unreadable files are named, the others predicted; then the exit code is 2.
    """
    import sys

    from didan.errors import AudioError, UserError
    from didan.inference import predict as recognise
    from didan.inference.predict import check_windows

    check_windows(window, hop)
    recogniser = _recogniser(model)
    damaged: list[str] = []
    done = 0

    def complain(error: AudioError) -> None:
        damaged.append(str(error))
        print(f"didan: {error}", file=sys.stderr)

    def counted(found: Iterable["Prediction"]) -> Iterator["Prediction"]:
        nonlocal done
        last = None
        for one in found:
            done += one.file != last
            last = one.file
            yield one

    found = counted(recognise(recogniser, list(_paths(audio)), window, hop, complain))
    {Format.csv: _print_csv, Format.json: _print_json, Format.table: _print_table}[format](
        found, recogniser.emotions, window is not None
    )
    if len(damaged) == 1 and not done:
        raise typer.Exit(2)
    if damaged:
        raise UserError(f"{len(damaged)} of {len(damaged) + done} files could not be read")


def _recogniser(model: Path) -> "Recogniser":
    """What is named: the exported file needs no torch, and it is not imported for one."""
    if model.suffix == ".onnx" and not model.is_dir():
        from didan.inference.onnx import OnnxRecogniser

        return OnnxRecogniser(model)
    from didan.model.directory import load

    return load(model)


def _paths(audio: list[str]) -> Iterator[Path]:
    import sys

    for name in audio:
        if name != "-":
            yield Path(name)
        else:
            yield from (Path(line.rstrip("\r\n")) for line in sys.stdin if line.strip())


def _print_csv(found: Iterable["Prediction"], emotions: tuple[str, ...], timeline: bool) -> None:
    import csv
    import sys

    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(["file", *(["start", "end"] if timeline else []), "emotion", *emotions])
    for one in found:
        values = [f"{one.probabilities[e]:.4f}" for e in emotions] if one.probabilities else [""] * len(emotions)
        times = [f"{one.start:.2f}", f"{one.end:.2f}"] if timeline else []
        rows.writerow([one.file, *times, one.emotion or "", *values])


def _print_json(found: Iterable["Prediction"], emotions: tuple[str, ...], timeline: bool) -> None:
    import json
    from dataclasses import asdict

    print("[", end="")
    comma = ""
    for one in found:
        values: dict[str, Any] = asdict(one)
        values |= {key: round(values[key], 3) for key in ("start", "end", "speech")}
        print(f"{comma}\n  {json.dumps(values, ensure_ascii=False)}", end="")
        comma = ","
    print("\n]")


def _print_table(found: Iterable["Prediction"], emotions: tuple[str, ...], timeline: bool) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    when = ["start", "end"] if timeline else []
    table = Table("file", *when, "emotion", *emotions)
    for one in found:
        values = [f"{one.probabilities[e]:.2f}" for e in emotions] if one.probabilities else ["–"] * len(emotions)
        times = [f"{one.start:.1f}", f"{one.end:.1f}"] if timeline else []
        table.add_row(escape(one.file), *times, one.emotion or "[dim]no speech[/dim]", *values)
    if table.row_count:
        Console().print(table)
