"""Strikes calls over REST, v1 and v2, by the names that the same calls have over gRPC."""

from collections.abc import Callable, Iterable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import MAX_BODY_BYTES, error_response
from gate.local.faults.strikes import Refusal, Strikes

TRANSPORT: Final = "gate.transport"
"""Where the HTTP server keeps a connection's transport in an ASGI scope."""
SPARED: Final = "x-gate-local-spared"
"""A call with this header is left alone: whoever switches faults on must be able to look on."""

Names = Callable[[Request, bytes], str]


def struck(strikes: Strikes, routes: Iterable[Route], names: Names) -> list[Route]:
    """Gives the same routes, with calls struck by their route's name.

    Args:
        strikes: the rules, and what they do.
        routes: each has the name that its call has over gRPC.
        names: gives v2's full names of what a call is about; rules look for them.
    """
    return [
        Route(
            route.path,
            _Endpoint(strikes, route, names),
            methods=list(route.methods or ()),
            name=route.name,
        )
        for route in routes
    ]


class _Endpoint:
    """An ASGI application: one route's calls."""

    def __init__(self, strikes: Strikes, route: Route, names: Names) -> None:
        self._strikes = strikes
        self._route = route
        self._names = names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Leaves calls alone while nothing is switched on, and those that ask for it."""
        if not self._strikes or SPARED in Request(scope).headers:
            await self._route.app(scope, receive, send)
            return
        body = await _body(Request(scope, receive))

        async def carry_out() -> Response:
            answer: Response = await self._route.endpoint(Request(scope, _replay(body)))
            return answer

        request = Request(scope, _replay(body))
        text = f"{request.url.path}?{request.url.query}\n{self._names(request, body)}\n".encode()
        outcome = await self._strikes.outcome(self._route.name, text + body, carry_out)
        if isinstance(outcome, Refusal):
            if outcome.lost:
                await _hang_up(scope, receive)
                return
            outcome = error_response(ApiError(_code(outcome.number), outcome.text))
        await outcome(scope, receive, send)


async def _body(request: Request) -> bytes:
    """Reads a body, no further than is needed to refuse it."""
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > MAX_BODY_BYTES:
            break
    return bytes(raw)


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _hang_up(scope: Scope, receive: Receive) -> None:
    """Cuts the connection; returns when the server knows, so that it does not answer for us."""
    scope[TRANSPORT].abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _code(number: int) -> Code:
    return next(code for code in Code if code.number == number)
