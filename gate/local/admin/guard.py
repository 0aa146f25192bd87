"""Keeps browsers out of the REST face: no other site's page may drive the local Cloud Run.

A page of another site can send requests to loopback, and through DNS rebinding even under a name
of its own. So the Host must be a loopback name (or one that clients derive from it: gcloud puts
the region in front), and anything that only browsers send across sites is refused.
"""

import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gate.local.api.errors import ApiError, Code
from gate.local.api.json_wire import error_response

_HOST = re.compile(
    r"(?:(?:[a-z0-9-]+-)?127\.0\.0\.1|\[::1\]|(?:[a-z0-9-]+[.-])*localhost)(?::[0-9]{1,5})?",
    re.IGNORECASE,
)
_SAME_SITE = frozenset({"same-origin", "none"})


def refusal(host: str, origin: str | None, fetch_site: str | None) -> str:
    """Says why a request is refused, or "" when it is let in.

    Args:
        host: the Host header.
        origin: the Origin header; only browsers send it.
        fetch_site: the Sec-Fetch-Site header; only browsers send it.
    """
    if not _HOST.fullmatch(host):
        return f"Host: not a loopback name (got {host[:100]!r}, expected 127.0.0.1 or localhost)"
    if origin is not None:
        return f"Origin: browsers are not served (got {origin[:100]!r}, expected none)"
    if fetch_site is not None and fetch_site.lower() not in _SAME_SITE:
        return f"Sec-Fetch-Site: other sites are not served (got {fetch_site[:40]!r})"
    return ""


class LoopbackOnly:
    """ASGI middleware that answers 403 to what `refusal` refuses.

    Args:
        app: what it guards.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets an HTTP request in, or refuses it; closes anything else."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        why = refusal(headers.get("host", ""), headers.get("origin"), headers.get("sec-fetch-site"))
        if not why:
            await self._app(scope, receive, send)
            return
        response: Response = error_response(ApiError(Code.PERMISSION_DENIED, why))
        await response(scope, receive, send)
