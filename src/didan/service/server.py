"""The server: an application at an address, until somebody ends it."""

import socket
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from didan.errors import UserError, reason

_SECONDS_TO_END = 5


def listening(host: str, port: int) -> socket.socket:
    """A socket at an address; port 0 takes a free one.

    Raises:
        UserError: the port is taken, or there is no such address.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UserError(
            f"cannot serve on {host}:{port} ({reason(error)}); choose another --port or --host"
        ) from error


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A server for an application, which says nothing of itself and logs nothing but faults."""
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SECONDS_TO_END,
    )
    return uvicorn.Server(config)


def serve(app: ASGIApp, at: socket.socket) -> None:
    """Serve an application until interrupted; requests under way then have a few seconds to end."""
    with at, suppress(KeyboardInterrupt):
        server_of(app).run(sockets=[at])
