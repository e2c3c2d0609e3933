"""``didan predict``: emotions of audio files."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from didan.cli.formats import LABEL_FILES, ROWS, Format, write_tasks
from didan.cli.formats.labels import labels_of
from didan.cli.formats.predictions import PredictionRows
from didan.cli.formats.summaries import SummaryRows
from didan.cli.live import HOP, WINDOW, Hop, Rate, Stream, predict_standard_input
from didan.cli.options import AdaptOutputs, AnyModel, Channels, ChannelsOption, Group
from didan.cli.recogniser import load_to_predict

if TYPE_CHECKING:
    from didan.audio import Utterance
    from didan.errors import OnDamaged
    from didan.inference.predict import Prediction
    from didan.inference.recogniser import Recogniser


def predict(
    model: AnyModel,
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
    summary: Annotated[
        bool,
        typer.Option(
            "--summary",
            help="A row per recording: minutes of speech, the share of every emotion and its longest stretch, and "
            "where to listen. (windows: 3 s every second, unless --window says otherwise)",
        ),
    ] = False,
    channels: ChannelsOption = Channels.mixed,
    stream: Stream = False,
    rate: Rate = None,
    group: Group = None,
    adapt_outputs: AdaptOutputs = None,
    min_confidence: Annotated[
        float,
        typer.Option(
            "--min-confidence",
            metavar="P",
            min=0,
            max=1,
            help="Call the emotion `uncertain` where the most probable one has less than P.",
            show_default=False,
        ),
    ] = 0.0,
    format: Annotated[
        Format,
        typer.Option(
            "--format",
            help="How to print, or what labels to write: audacity (a label track), textgrid (Praat, ELAN) or "
            "label-studio (tasks with predictions).",
        ),
    ] = Format.table,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder for audacity and textgrid: a file per recording, named after it. (default: standard "
            "output, of one recording)",
        ),
    ] = None,
) -> None:
    """Predict the emotion of recordings; where nobody speaks there is none.

    Unreadable files are named and the others predicted; the exit code is then 2.
    """
    from didan.audio import by_channel
    from didan.cli.damage import Damage
    from didan.errors import UserError
    from didan.inference.confidence import UNCERTAIN, uncertain_below
    from didan.inference.predict import check_windows
    from didan.inference.stretches import by_recording, in_recordings
    from didan.inference.summary import summarise

    if stream:
        others = audio or group or adapt_outputs or summary or out or min_confidence
        if others or channels is Channels.apart or format not in (Format.table, Format.jsonl):
            raise UserError(
                "--stream reads standard input and prints lines of JSON: of the other options it takes --rate, "
                "--window and --hop"
            )
        predict_standard_input(model, rate, window, hop)
        return
    if not audio or rate:
        raise UserError("--rate is that of --stream" if audio else "name the AUDIO to predict, or give --stream")
    check_windows(window, hop)
    _check_format(format, summary, out)
    if summary and window is None:
        window, hop = WINDOW, HOP
    recogniser = load_to_predict(model)
    damage = Damage()
    utterances = utterances_named(audio, recogniser.group, group, damage)
    if channels is Channels.apart:
        utterances = by_channel(utterances)
    if summary or format not in ROWS:
        utterances = in_recordings(utterances)
    recordings = list(dict.fromkeys(one.file for one in utterances))
    if format in LABEL_FILES and out is None and len(recordings) > 1:
        raise UserError(f"labels of {len(recordings)} recordings are as many files; name a folder with --out")
    read: set[int] = set()

    def counted(predictions: Iterable["Prediction"]) -> Iterator["Prediction"]:
        for one in predictions:
            if one.channel in (None, 1):
                read.add(one.row)
            yield one

    predictions = counted(_with_progress(recogniser, utterances, window, hop, damage, format))
    if adapt_outputs is not None:
        from didan.inference.adapt_outputs import adapt_outputs as adjusted

        predictions = iter(adjusted(predictions, adapt_outputs))
    if min_confidence > 0:
        predictions = uncertain_below(predictions, min_confidence)
    if summary:
        told = (*recogniser.emotions, *([UNCERTAIN] if min_confidence > 0 else []))
        summaries = (summarise(windows, told) for windows in by_recording(predictions, by_channel=True))
        ROWS[format](SummaryRows(summaries=summaries, emotions=told, channels=channels is Channels.apart))
    elif format in ROWS:
        parts = window is not None or any(one.start == one.start or one.end == one.end for one in utterances)
        rows = PredictionRows(
            predictions=predictions,
            emotions=recogniser.emotions,
            times=parts,
            channels=channels is Channels.apart,
            adapted=adapt_outputs is not None,
        )
        ROWS[format](rows)
    elif format is Format.label_studio:
        write_tasks(labels_of(predictions))
    elif out is not None:
        LABEL_FILES[format].write(labels_of(predictions), out, recordings)
    else:
        for labels in labels_of(predictions):
            print(LABEL_FILES[format].text(labels), end="")
    damage.refuse(len(read))


def _check_format(format: Format, summary: bool, out: Path | None) -> None:
    """Refuse what a format cannot do, before a model is waited for."""
    from didan.errors import UserError

    if summary and format not in ROWS:
        raise UserError(f"--summary is rows, not labels: print it as {', '.join(ROWS)}, not as {format}")
    if out is not None and format not in LABEL_FILES:
        raise UserError(f"--out is for {' and '.join(LABEL_FILES)}, which write files; {format} is printed")


def _with_progress(
    recogniser: "Recogniser[Any]",
    utterances: "list[Utterance]",
    window: float | None,
    hop: float | None,
    damage: "OnDamaged",
    format: Format,
) -> "Iterator[Prediction]":
    """Predictions, with progress on standard error, unless the rows show it to whoever looks at both."""
    import sys

    from didan.cli.progress import progress_bars
    from didan.inference.predict import predict as predict_all

    if sys.stdout.isatty() and format not in (Format.table, *LABEL_FILES):
        yield from predict_all(recogniser, utterances, window=window, hop=hop, on_damaged=damage)
        return
    with progress_bars() as hook:
        yield from predict_all(recogniser, utterances, window=window, hop=hop, on_damaged=damage, progress=hook)


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
