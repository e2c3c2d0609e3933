"""``didan serve``: a web page for recordings."""

from pathlib import Path
from typing import Annotated

import typer

from didan.cli.output import say


def serve(
    model: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...",
            readable=False,
            help="Folders written by `didan train`, to choose from.",
            show_default=False,
        ),
    ],
    host: Annotated[str, typer.Option("--host", help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on.")] = 7860,
    max_seconds: Annotated[float, typer.Option("--max-seconds", min=1, help="Longest recording accepted.")] = 600,
    max_megabytes: Annotated[float, typer.Option("--max-megabytes", min=0.1, help="Largest file accepted.")] = 50,
) -> None:
    """Serve a web page: upload or record, see emotions, timeline and explanation. Ends with Ctrl-C."""

    from didan.extras import require
    from didan.model.directory import load

    require("gradio", "web", "the web page")
    from didan.web.page import Limits
    from didan.web.page import serve as show

    names = [folder.resolve().name for folder in model]
    if len(set(names)) < len(names):  # two folders called alike
        names = [str(folder) for folder in model]
    models = {name: load(folder) for name, folder in zip(names, model, strict=True)}
    say(f"http://{host}:{port} serves {', '.join(models)}; end with Ctrl-C")
    if host not in ("127.0.0.1", "localhost", "::1"):
        say("note: others on the network can reach this page; there is no password")
    show(models, host, port, Limits(max_seconds, max_megabytes))
