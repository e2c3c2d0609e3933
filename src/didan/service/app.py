"""The application: what is asked over HTTP, and what is answered."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any

import jinja2
from fastapi import FastAPI, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from didan import __version__
from didan.errors import UserError, suggest
from didan.files import as_json
from didan.inference.predict import Prediction, check_windows
from didan.inference.recogniser import Recogniser, caution
from didan.service.guard import Guard
from didan.service.limits import Limits
from didan.service.metrics import Measured, Metrics
from didan.service.refusals import STATUSES, refuse_in_json
from didan.service.uploads import RAW, Format, received, refuse_long, without_place
from didan.service.worker import BusyError, Question, Worker

PREDICT, HEALTH = "/v1/predict", "/healthz"

_OVERLAP = 4
"""Windows may read so many times what the longest recording holds."""

_ARRIVING = 4
"""So many times as many requests may be under way as may wait."""


class Options(BaseModel):
    """How to predict."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str | None, Field(description="One of /v1/models; the first if left out.")] = None
    window: Annotated[
        float | None, Field(description="Seconds of each window, for emotions over time.", allow_inf_nan=False)
    ] = None
    hop: Annotated[
        float | None,
        Field(description="Seconds from one window to the next; half a window if left out.", allow_inf_nan=False),
    ] = None
    rate: Annotated[int | None, Field(description="Samples per second of raw ones.", ge=1000, le=384_000)] = None
    format: Annotated[Format | None, Field(description="Of raw samples; s16le if left out.")] = None


class Answer(BaseModel):
    """A recording, or a window of it, as ``didan predict --format json`` prints it."""

    file: str
    start: float
    end: float
    speech: float
    emotion: str | None
    probabilities: dict[str, float] | None


class Model(BaseModel):
    """Whom there is to ask."""

    name: str
    emotions: list[str]
    note: str | None = Field(description="What to know before its answers are trusted, if anything.")


class Refusal(BaseModel):
    """Why there is no answer, in one line."""

    error: str


_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
        },
        **{kind: {"schema": {"type": "string", "format": "binary"}} for kind in RAW},
    },
}


def build_app(models: Mapping[str, Recogniser[Any]], limits: Limits, token: str | None = None) -> FastAPI:
    """The service for some models.

    Args:
        models: by name, at least one; the first is asked where none is named.
        limits: what is taken.
        token: what requests must know, if anything; ``/healthz`` answers all.
    """
    metrics = Metrics()
    worker = Worker(limits.waiting, metrics.batches.observe)
    metrics.waiting.set_function(lambda: worker.n_waiting)
    n_arriving = 0

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(worker.close)

    # The pages that FastAPI has would be loaded from elsewhere.
    app = FastAPI(title="didan", version=__version__, lifespan=lifespan, docs_url=None, redoc_url=None)
    app.add_middleware(Measured, path=PREDICT, metrics=metrics)
    if token is not None:
        app.add_middleware(Guard, token=token, open_path=HEALTH)
    refuse_in_json(app)

    async def answers(request: Request, options: Options, folder: Path) -> list[Prediction]:
        """The predictions for the recording that a request brings, under the name that it was sent with."""
        recogniser = _chosen(models, options.model)
        check_windows(options.window, options.hop)
        file, name = await received(request, folder, limits, options.rate, options.format)
        try:
            seconds = await asyncio.to_thread(refuse_long, file, limits)
            _refuse_overlap(seconds, options, limits)
            question = Question(recogniser, file, options.window, options.hop)
            predictions = await _in_time(worker.ask(question), request, limits.timeout)
        except UserError as error:
            raise type(error)(without_place(error, file, name)) from None
        metrics.audio.inc(seconds)
        return [replace(one, file=name) for one in predictions]

    @app.post(
        PREDICT,
        summary="The emotions of a recording: a file in a form, or raw mono samples as the body",
        response_model=list[Answer],
        responses={int(status): {"model": Refusal, "description": text} for status, text in STATUSES.items()},
        openapi_extra={"requestBody": _BODY},
    )
    async def predict(request: Request, options: Annotated[Options, Query()]) -> Response:
        nonlocal n_arriving
        if worker.is_full or n_arriving >= _ARRIVING * limits.waiting:
            raise BusyError
        n_arriving += 1
        try:
            with tempfile.TemporaryDirectory(prefix="didan-") as folder:
                predictions = await answers(request, options, Path(folder))
        finally:
            n_arriving -= 1
        return Response(as_json([one.to_dict() for one in predictions]), media_type="application/json")

    @app.get("/v1/models", summary="The models to choose from")
    async def list_models() -> list[Model]:
        return [
            Model(name=name, emotions=list(one.emotions), note=caution(one, name)) for name, one in models.items()
        ]

    @app.get(HEALTH, summary="Whether requests are answered")
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok"}) if worker.is_alive else JSONResponse({"status": "stopped"}, 503)

    @app.get("/metrics", summary="Figures for Prometheus", response_class=Response)
    async def tell_metrics() -> Response:
        return Response(metrics.text(), media_type=metrics.media_type)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        templates = jinja2.Environment(loader=jinja2.PackageLoader("didan.service", "."), autoescape=True)
        return HTMLResponse(templates.get_template("docs.html.j2").render(api=app.openapi(), limits=limits))

    return app


def _chosen(models: Mapping[str, Recogniser[Any]], name: str | None) -> Recogniser[Any]:
    if name is None:
        return next(iter(models.values()))
    if name not in models:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"there is no model {name!r}: {suggest(name, models)}")
    return models[name]


def _refuse_overlap(seconds: float, options: Options, limits: Limits) -> None:
    """Refuse windows that take longer to predict than any recording without them."""
    if options.window is None:
        return
    n_windows = max((seconds - options.window) / (options.hop or options.window / 2), 0.0) + 1
    if n_windows * min(options.window, seconds) > _OVERLAP * limits.seconds:
        raise UserError(f"so many windows of {options.window:g} s are too much work; take a longer --hop")


async def _in_time(answer: Future[list[Prediction]], request: Request, seconds: float) -> list[Prediction]:
    """The answer, for which nobody waits longer than so many seconds, or once whoever has asked has gone.

    Raises:
        HTTPException: it takes too long.
        ClientDisconnect: nobody waits.
    """
    asked, gone = asyncio.wrap_future(answer), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait((asked, gone), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if asked.done():
            return asked.result()
        if gone.done():
            raise ClientDisconnect
        raise HTTPException(HTTPStatus.GATEWAY_TIMEOUT, f"the prediction took longer than {seconds:g} s")
    finally:
        asked.cancel()
        gone.cancel()


async def _left(request: Request) -> None:
    """Wait until whoever has asked has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
