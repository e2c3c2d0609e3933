"""A secret that requests must know."""

import base64
import binascii
import hmac

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from didan.errors import UserError


class Guard:
    """An application of which only ``open_path`` answers whoever does not know the token.

    Programs send it as ``Authorization: Bearer TOKEN``; a browser asks for it as a password, to any name.
    """

    def __init__(self, app: ASGIApp, token: str, open_path: str) -> None:
        self._app, self._token, self._open_path = app, token.encode(), open_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan" or scope["path"] == self._open_path or self._knows(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        refusal = JSONResponse({"error": "wrong or missing token; send Authorization: Bearer TOKEN"}, 401)
        refusal.headers.append("WWW-Authenticate", "Bearer")
        refusal.headers.append("WWW-Authenticate", 'Basic realm="didan"')
        await refusal(scope, receive, send)

    def _knows(self, headers: Headers) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        secret = given.strip().encode("latin-1")
        if scheme.lower() == "basic":
            try:
                secret = base64.b64decode(secret, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != "bearer":
            return False
        return hmac.compare_digest(secret, self._token)


def checked_token(token: str | None) -> str | None:
    """The token that somebody has set, if so.

    Raises:
        UserError: it is empty, or cannot be sent in a header.
    """
    if token is not None and (not token or not token.isascii() or not token.isprintable() or " " in token):
        raise UserError(
            "DIDAN_TOKEN is empty or has blanks or letters that a request cannot carry; unset it or set "
            "letters and digits"
        )
    return token
