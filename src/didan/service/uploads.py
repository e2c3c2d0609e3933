"""Uploads: what a request brings becomes a file, or is refused before it fills the disk."""

import asyncio
import errno
import shutil
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import soundfile
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from didan.audio import audio_info
from didan.errors import UserError
from didan.service.limits import Limits

Format = Literal["s16le", "f32le"]
"""Raw samples, as FFmpeg names them."""

RAW = ("audio/pcm", "application/octet-stream")
"""Types of bodies that are raw samples."""

UNNAMED = "-"

_SUBTYPES: dict[str, tuple[str, int, Any]] = {"s16le": ("PCM_16", 2, "int16"), "f32le": ("FLOAT", 4, "float32")}


async def received(
    request: Request, folder: Path, limits: Limits, rate: int | None, format: Format | None
) -> tuple[Path, str]:
    """What a request brings, as a file of audio, and the name that whoever sends it gave it.

    Args:
        request: a form with a file, or raw samples.
        folder: to write it to.
        limits: what is taken.
        rate: samples per second of raw ones.
        format: of raw ones.

    Raises:
        HTTPException: it is too large, too slow, or something else.
        ClientDisconnect: whoever sends it has gone.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data" and kind not in RAW:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"send a file in a form (multipart/form-data), or raw samples ({' or '.join(RAW)}), not "
            f"{kind or 'a body without Content-Type'}",
        )
    if (kind in RAW) != (rate is not None) or (format and kind not in RAW):
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "raw samples need ?rate=, such as 16000"
            if kind in RAW
            else "rate and format are those of raw samples",
        )
    limited = Request(request.scope, _bounded(request, limits))
    try:
        async with asyncio.timeout(limits.timeout):
            if rate is not None:
                return await _raw(limited, folder, rate, format or "s16le"), UNNAMED
            return await _of_form(limited, folder)
    except TimeoutError:
        raise HTTPException(
            HTTPStatus.REQUEST_TIMEOUT, f"the upload took longer than {limits.timeout:g} s"
        ) from None


def refuse_long(file: Path, limits: Limits) -> float:
    """The seconds of a recording.

    Raises:
        AudioError: it is none.
        HTTPException: it is too long.
    """
    seconds = audio_info(file, limits.seconds).seconds
    if seconds > limits.seconds:
        raise HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the recording lasts more than the {limits.seconds:g} s that are taken",
        )
    return seconds


def without_place(error: UserError, file: Path, name: str) -> str:
    """The reason with the name of an upload in place of where it lies on this machine."""
    return str(error).replace(str(file), name)


def _bounded(request: Request, limits: Limits) -> Callable[[], Any]:
    """How the request's body is received, until it is larger than it may be."""
    too_large = HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"the upload is larger than the {limits.megabytes:g} MB that are taken",
    )
    with suppress(ValueError):
        if int(request.headers.get("content-length", "")) > limits.bytes:
            raise too_large
    n_bytes = 0

    async def receive() -> Message:
        nonlocal n_bytes
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        n_bytes += len(message.get("body", b""))
        if n_bytes > limits.bytes:
            raise too_large
        return message

    return receive


async def _of_form(request: Request, folder: Path) -> tuple[Path, str]:
    """The one file of a form."""
    async with request.form(max_files=1, max_fields=1) as form:
        files = [value for value in form.values() if isinstance(value, UploadFile)]
        if len(files) != 1 or len(form) != 1:
            raise HTTPException(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "the form holds one file and nothing else; options stand in the address: /v1/predict?window=3",
            )
        name = files[0].filename or UNNAMED
        # What it is called helps to decode it, no more than that.
        suffix = PurePosixPath(name).suffix
        file = folder / f"upload{suffix if suffix[1:].isalnum() and suffix.isascii() and len(suffix) < 9 else ''}"
        with file.open("wb") as out:
            await asyncio.to_thread(shutil.copyfileobj, files[0].file, out)
        return file, name


async def _raw(request: Request, folder: Path, rate: int, format: Format) -> Path:
    """Raw mono samples as a WAV file, which holds the same."""
    file, (subtype, width, of) = folder / "upload.wav", _SUBTYPES[format]
    rest = b""
    try:
        with soundfile.SoundFile(file, "w", rate, 1, subtype) as out:
            async for chunk in request.stream():
                rest += chunk
                whole = len(rest) // width * width
                out.buffer_write(rest[:whole], of)
                rest = rest[whole:]
    except soundfile.LibsndfileError as error:  # which does not say what the system has said
        raise OSError(errno.ENOSPC, "no room for raw samples") from error
    if rest:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"the body ends within a sample; is it {format}?")
    return file
