"""``didan serve``: predictions over HTTP, and a web page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from didan.cli.completion import models as shipped
from didan.cli.options import MODEL
from didan.cli.output import say, warn
from didan.cli.recogniser import load_to_predict, say_what_to_expect


def serve(
    model: Annotated[
        list[Path],
        typer.Argument(
            metavar="MODEL...",
            readable=False,
            help=f"{MODEL}; with --api files written by `didan export` too.",
            show_default=False,
            autocompletion=shipped,
        ),
    ],
    api: Annotated[
        bool, typer.Option("--api", help="For programs alone, without the page; needs no gradio.")
    ] = False,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 for any.")] = 7860,
    max_seconds: Annotated[float, typer.Option("--max-seconds", min=1, help="Longest recording accepted.")] = 600,
    max_megabytes: Annotated[float, typer.Option("--max-megabytes", min=0.1, help="Largest file accepted.")] = 50,
    max_waiting: Annotated[
        int, typer.Option("--max-waiting", min=1, help="Requests of programs that may wait for an answer.")
    ] = 64,
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds that such a request may wait, or take to arrive.")
    ] = 60,
) -> None:
    """Serve predictions over HTTP, and a web page: upload or record, see emotions, timeline and explanation.

    Programs send a recording to /v1/predict; /docs tells more. Where the environment variable DIDAN_TOKEN is set,
    programs must send it as a bearer token, and browsers ask for it as a password. Ends with Ctrl-C.
    """
    import os

    from didan.errors import UserError
    from didan.extras import require
    from didan.inference.recogniser import is_exported

    if not api:
        require("gradio", "web", "the web page (--api leaves it out)")
    for module in ("fastapi", "uvicorn", "multipart", "prometheus_client"):
        require(module, "api", "didan serve")
    from didan.service.app import build_app
    from didan.service.guard import checked_token
    from didan.service.limits import Limits
    from didan.service.server import listening
    from didan.service.server import serve as serve_app

    token = checked_token(os.environ.get("DIDAN_TOKEN"))
    limits = Limits(max_seconds, max_megabytes, max_waiting, timeout)
    places = dict(zip(names(model), model, strict=True))
    if api:
        app = build_app({name: load_to_predict(place) for name, place in places.items()}, limits, token)
    else:
        from didan.model.directory import load
        from didan.web.page import mount_page

        if exported := [name for name, place in places.items() if is_exported(place)]:
            raise UserError(
                f"{exported[0]} is an exported model, which the page cannot explain; add --api to serve it to "
                "programs, or give the folder that it was exported from"
            )
        models = {name: load(place) for name, place in places.items()}
        for name, place in places.items():
            say_what_to_expect(models[name], place)
        app = build_app(models, limits, token)
        mount_page(app, models, limits)
    at = listening(host, port)
    address = f"[{host}]" if ":" in host else host
    say(f"http://{address}:{at.getsockname()[1]} serves {', '.join(places)}; end with Ctrl-C")
    if token is None and host not in ("127.0.0.1", "localhost", "::1"):
        warn("others on the network can reach this without a password; DIDAN_TOKEN sets one")
    serve_app(app, at)


def names(places: Sequence[Path]) -> list[str]:
    """What to call models by: as much of the end of their paths as tells them apart.

    >>> names([Path("/models/calls"), Path("/models/films")])
    ['calls', 'films']
    >>> names([Path("/calls/model"), Path("/films/model")])
    ['calls/model', 'films/model']

    Raises:
        UserError: one is given twice.
    """
    from didan.errors import UserError

    parts = [place.resolve().parts for place in places]
    if len(set(parts)) < len(parts):
        raise UserError("a model is given twice; name each once")
    n = 1
    while len({own[-n:] for own in parts}) < len(parts):
        n += 1
    return ["/".join(own[-n:]) for own in parts]
