"""Predictions of live audio, in lines of JSON: one for each window, as soon as it is complete."""

import signal
from collections.abc import Generator, Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from didan.cli.output import json_text
from didan.cli.recogniser import load_to_predict

if TYPE_CHECKING:
    from didan.audio.live import Integers
    from didan.inference.recogniser import Recogniser

WINDOW, HOP = 3.0, 1.0
"""Seconds of windows, and from one to the next, where nobody says how long they are."""

Hop = Annotated[
    float | None,
    typer.Option("--hop", metavar="S", help="Seconds from one window to the next. (default: half a window)"),
]

Stream = Annotated[
    bool,
    typer.Option(
        "--stream",
        help="Live audio from standard input: raw samples of 16 bits, little-endian, mono. A line of "
        f"JSON for every window ({WINDOW:g} s every {HOP:g} s, if not given), as soon as it is complete.",
    ),
]

Rate = Annotated[
    int | None,
    typer.Option("--rate", metavar="HZ", min=1000, help="Samples per second of --stream. (default: 16000)"),
]

Chunk = TypeVar("Chunk")


def predict_standard_input(model: Path, rate: int | None, window: float | None, hop: float | None) -> None:
    """Predict the samples on standard input as they arrive.

    Raises:
        UserError: there are none, or they are no raw samples.
    """
    import os
    import sys

    from didan.audio import RATE
    from didan.audio.live import read_pcm
    from didan.errors import UserError
    from didan.inference.predict import check_windows

    if sys.stdin is None or sys.stdin.isatty():
        raise UserError(
            "--stream reads sound from standard input: "
            f"ffmpeg -i FILE -f s16le -ac 1 -ar {RATE} - | didan predict MODEL --stream"
        )
    window, hop = windows(window, hop)
    check_windows(window, hop)
    recogniser = load_to_predict(model)
    with os.fdopen(sys.stdin.fileno(), "rb", closefd=False) as stream:
        tell(recogniser, read_pcm(stream), rate or RATE, window, hop)


def windows(window: float | None, hop: float | None) -> tuple[float, float | None]:
    """Windows that have a length, whether somebody has said it or not."""
    return (WINDOW, hop or HOP) if window is None else (window, hop)


def tell(
    recogniser: "Recogniser[Any]", chunks: "Iterable[Integers]", rate: int, window: float, hop: float | None
) -> None:
    """Print a line of JSON for every window, until the sound ends or somebody presses Ctrl-C."""
    from didan.audio.live import stream_samples
    from didan.errors import note
    from didan.inference.predict import predict_stream

    if recogniser.group in ("file", "folder"):
        note(
            f"the model normalises by {recogniser.group}, whose statistics are known only at the end of the "
            "sound; those of the target that it was adapted to are used"
        )
    blocks = stream_samples(until_interrupted(chunks), rate)
    for prediction in predict_stream(recogniser, blocks, window=window, hop=hop):
        print(json_text(prediction.to_dict()), flush=True)


def until_interrupted(chunks: Iterable[Chunk]) -> Generator[Chunk]:
    """The chunks until they end, or until Ctrl-C, which ends them as their own end does.

    A second one, while what has been heard is still being answered, is an interruption as anywhere else.
    """
    waiting = ended = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        nonlocal ended
        if waiting or ended:
            raise KeyboardInterrupt
        ended = True

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        following = iter(chunks)
        while True:
            waiting = True
            if ended:
                return
            try:
                chunk = next(following, None)
            except KeyboardInterrupt:
                return
            finally:
                waiting = False
            if chunk is None:
                return
            yield chunk
    finally:
        signal.signal(signal.SIGINT, before)
