"""``didan listen``: emotions of what a microphone hears."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.live import HOP, WINDOW, Hop, tell, windows
from didan.cli.options import MODEL


def listen(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            readable=False,
            help=f"{MODEL}; or file written by `didan export`.",
            show_default=False,
        ),
    ],
    window: Annotated[
        float | None,
        typer.Option("--window", metavar="S", help=f"Seconds of each window. (default: {WINDOW:g} every {HOP:g})"),
    ] = None,
    hop: Hop = None,
) -> None:
    """Listen to the microphone: a line of JSON for every window, as soon as it is over. Ends with Ctrl-C."""
    import sys

    from didan.audio.live import microphone
    from didan.inference.predict import check_windows
    from didan.inference.recogniser import load_recogniser

    window, hop = windows(window, hop)
    check_windows(window, hop)
    recogniser = load_recogniser(model)
    with microphone() as (chunks, rate):
        print(f"listening at {rate} Hz; end with Ctrl-C", file=sys.stderr)
        tell(recogniser, chunks, rate, window, hop)
