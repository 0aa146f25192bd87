"""Serves the REST faces: uvicorn inside a running loop, on a socket that is already bound."""

import contextlib
import socket
from asyncio import Event, Protocol, Task, get_running_loop
from collections.abc import Iterator, Sequence
from typing import cast

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gate.local.admin.guard import LoopbackOnly
from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import error_response
from gate.local.faults.rest import TRANSPORT

_CODES = {
    404: Code.NOT_FOUND,
    405: Code.NOT_FOUND,
}  # never 501: gcloud asks again for half a minute


class HttpServer:
    """One HTTP/1.1 server on a loopback socket.

    httptools parses the request lines, so that the absolute form which gcloud sends through its
    proxy setting reaches the right route.

    Args:
        routes: what it serves; everything else is 404.
        listener: bound, not yet listening; closed with the server.
    """

    def __init__(self, routes: Sequence[Route], listener: socket.socket) -> None:
        app = Starlette(routes=list(routes), exception_handlers={HTTPException: _refused})
        config = uvicorn.Config(
            LoopbackOnly(app),
            http=_Connection,
            ws="none",
            lifespan="off",
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_keep_alive=60,
            timeout_graceful_shutdown=1,
        )
        self._server = _EmbeddedServer(config)
        self._listener = listener
        self._task: Task[None] | None = None

    async def start(self) -> None:
        """Starts serving; returns when connections are accepted."""
        serving = self._server.serve(sockets=[self._listener])
        self._task = get_running_loop().create_task(serving)
        await self._server.ready.wait()

    def protocol(self) -> Protocol:
        """Makes the protocol of a connection that somebody else accepted."""
        return self._server.protocol()

    async def stop(self) -> None:
        """Ends open requests within a second and closes the socket."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
        self._listener.close()


class _Connection(HttpToolsProtocol):
    """A connection that those who serve it can cut without an answer."""

    def on_message_begin(self) -> None:
        """Begins a request."""
        super().on_message_begin()
        cast("dict[str, object]", self.scope)[TRANSPORT] = self.transport


class _EmbeddedServer(uvicorn.Server):
    """A server that leaves signals to the program and says when it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield

    def protocol(self) -> Protocol:
        """Makes the protocol of a connection; it ends with the server like its own ones."""
        made: Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts, then says so."""
        await super().startup(sockets=sockets)
        self.ready.set()


async def _refused(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    code = _CODES.get(status, Code.INTERNAL)
    return error_response(ApiError(code, "There is nothing at this path and method."))
