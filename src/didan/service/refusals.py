"""Why a request gets no answer: a status and one line, as JSON."""

import errno
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from didan.errors import AudioError, UserError
from didan.service.worker import BusyError

STATUSES = {
    HTTPStatus.BAD_REQUEST: "The recording is no audio, or damaged.",
    HTTPStatus.UNAUTHORIZED: "The token is wrong or missing, where one is set.",
    HTTPStatus.NOT_FOUND: "There is no such model.",
    HTTPStatus.REQUEST_TIMEOUT: "The upload took too long.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The upload is too large, or the recording too long.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "It is no form and no raw samples.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The options are wrong.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Too many requests are waiting; Retry-After says when to try again.",
    HTTPStatus.GATEWAY_TIMEOUT: "The prediction took too long.",
}

_GONE = 499
"""For the metrics alone: nobody is there to read it."""

_RETRY_SECONDS = 1
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def refuse_in_json(app: FastAPI) -> None:
    """Have an application answer in this way whatever its endpoints raise."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        return _refusal(error.status_code, error.detail)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(map(_said, error.errors())))

    @app.exception_handler(UserError)
    async def mistaken(request: Request, error: UserError) -> Response:
        return _refusal(HTTPStatus.UNPROCESSABLE_ENTITY, str(error).replace("--", ""))

    @app.exception_handler(AudioError)
    async def damaged(request: Request, error: AudioError) -> Response:
        return _refusal(HTTPStatus.BAD_REQUEST, str(error))

    @app.exception_handler(BusyError)
    async def busy(request: Request, error: BusyError) -> Response:
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "too many requests are waiting; try again")

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=_GONE)

    @app.exception_handler(OSError)
    async def full(request: Request, error: OSError) -> Response:
        if error.errno not in _FULL:
            raise error
        return _refusal(HTTPStatus.SERVICE_UNAVAILABLE, "there is no room for the upload; try again")

    @app.exception_handler(Exception)
    async def fault(request: Request, error: Exception) -> Response:  # which is then logged
        return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "this is a fault of didan, not yours")


def _refusal(status: int, why: str) -> JSONResponse:
    headers = {"Retry-After": str(_RETRY_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return JSONResponse({"error": " ".join(why.split())}, status, headers)


def _said(error: dict[str, Any]) -> str:
    """What is wrong with an option.

    >>> _said({"loc": ("query", "hop"), "msg": "Input should be a valid number", "type": "float_parsing"})
    'hop: Input should be a valid number'
    """
    option = ".".join(map(str, error["loc"][1:]))
    return (
        f"{option}: there is no such option" if error["type"] == "extra_forbidden" else f"{option}: {error['msg']}"
    )
