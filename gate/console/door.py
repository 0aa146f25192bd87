"""Who is let in, what may be asked, and what a browser may do with the answer."""

from collections.abc import Awaitable, Callable
from enum import Enum

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gate.report.html.page import policy

ASSERTION = "x-goog-iap-jwt-assertion"
METHODS = frozenset({"GET", "HEAD"})
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": f"{policy(forms=True)}; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Passport(Enum):
    """What an assertion of Identity-Aware Proxy is worth."""

    GOOD = "good"
    INVALID = "invalid"  # none, not signed by IAP's keys, or over
    FOREIGN = "foreign"  # of IAP, and for somebody else


Check = Callable[[str], Awaitable[Passport]]
"""Judges an assertion; "" where none was sent."""


class Door:
    """Lets reading through, and nothing else.

    Args:
        app: what is behind it.
        check: judges IAP's assertion; None on loopback, where the Host header is held instead, so
            that no page of another site can ask through a name of its own.
    """

    def __init__(self, app: ASGIApp, check: Check | None) -> None:
        self._app, self._check = app, check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        await (refusal or self._app)(scope, receive, _guarded(send))

    async def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        if self._check is None:
            if not _local(headers.getlist("host")):
                return PlainTextResponse("another host was asked for\n", 421)
        else:
            sent = headers.getlist(ASSERTION)
            found = await self._check(sent[0] if len(sent) == 1 else "")
            if found is not Passport.GOOD:
                status = 403 if found is Passport.FOREIGN else 401
                return PlainTextResponse("Identity-Aware Proxy does not vouch for this\n", status)
        if scope["method"] not in METHODS:
            allow = {"allow": ", ".join(sorted(METHODS))}
            return PlainTextResponse("nothing can be changed here\n", 405, allow)
        return None


def _local(hosts: list[str]) -> bool:
    """Whether exactly one host is named, and it is this machine."""
    if len(hosts) != 1:
        return False
    name, colon, port = hosts[0].rpartition(":")
    if not colon or hosts[0].endswith("]"):
        name, port = hosts[0], "80"
    return name.lower() in LOOPBACK and port.isascii() and port.isdigit()


def _guarded(send: Send) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return guarded
