"""``didan listen``: emotions of what a microphone hears."""

from typing import Annotated

import typer

from didan.cli.live import HOP, WINDOW, Hop, tell, windows
from didan.cli.options import AnyModel
from didan.cli.output import say
from didan.cli.recogniser import load_to_predict


def listen(
    model: AnyModel,
    window: Annotated[
        float | None,
        typer.Option("--window", metavar="S", help=f"Seconds of each window. (default: {WINDOW:g} every {HOP:g})"),
    ] = None,
    hop: Hop = None,
) -> None:
    """Listen to the microphone: a line of JSON for every window, as soon as it is over. Ends with Ctrl-C."""
    from didan.audio.live import microphone
    from didan.inference.predict import check_windows

    window, hop = windows(window, hop)
    check_windows(window, hop)
    recogniser = load_to_predict(model)
    with microphone() as (chunks, rate):
        say(f"listening at {rate} Hz; end with Ctrl-C")
        tell(recogniser, chunks, rate, window, hop)
