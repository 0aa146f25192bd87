"""Who the gate is to a service that does not let everybody in (a ports.Identity).

Cloud Run's own check takes an ID token in X-Serverless-Authorization in place of Authorization, so
that the probed application keeps its own. Its audience is the service's URL, also for requests to a
tag's URL, or a custom audience (run/docs/authenticating/service-to-service,
run/docs/configuring/custom-audiences). IAP takes its token in Proxy-Authorization for the same
reason: an ID token made out to an OAuth client that it allows, or a JWT that a service account has
signed for the URL that is asked (iap/docs/authentication-howto).
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol
from urllib.parse import urlsplit

from gate.cloud.fresh_headers import FreshHeaders
from gate.cloud.way_in import WayIn
from gate.errors import InfrastructureError
from gate.ports import Headers

SERVERLESS = "X-Serverless-Authorization"
PROXY = "Proxy-Authorization"
_LOOKS_AGAIN = timedelta(minutes=1)


class Mint(Protocol):
    """Makes tokens; cloud.id_tokens.IdTokens is one."""

    async def token(self, audience: str) -> str:
        """An ID token made out to an audience."""
        ...

    async def signed(self, audience: str) -> str:
        """A JWT signed by the service account itself, for a URL."""
        ...


class ServiceIdentity:
    """Headers that let probes into a service (a ports.Identity).

    Args:
        way_in: tells what stands before the service; asked again after a minute, and what it said
            last holds where it cannot be asked then.
        mint: makes the tokens.
        now: the time, aware.
        audience: what tokens are made out to in place of the service's URL: a custom audience of
            the service, or behind IAP an OAuth client that it allows.
    """

    def __init__(
        self,
        way_in: Callable[[], Awaitable[WayIn]],
        mint: Mint,
        now: Callable[[], datetime],
        audience: str = "",
    ) -> None:
        self._ask = way_in
        self._mint = mint
        self._now = now
        self._audience = audience
        self._way: WayIn | None = None
        self._asked_at = now()
        self._kept: dict[str, FreshHeaders] = {}

    async def __call__(self, audience: str, url: str = "") -> Headers:
        """Headers for requests to a service.

        Args:
            audience: the service's own URL.
            url: where it is asked; "" for its own URL.

        Raises:
            AccessError: a token is needed, and none can be had.
            InfrastructureError: the service has no URL, or what stands before it is not known.
        """
        way = await self._way_in()
        if way is WayIn.OPEN:
            return ()
        if not (self._audience or audience):
            raise InfrastructureError("ID token: the service has no URL to make it out to")
        client = is_client(self._audience)
        if way is WayIn.TOKEN:
            made_out = audience.rstrip("/") if client else self._audience or audience.rstrip("/")
            return await self._headers(SERVERLESS, made_out, self._mint.token)
        if client:
            return await self._headers(PROXY, self._audience, self._mint.token)
        return await self._headers(PROXY, f"{origin(url or audience)}/*", self._mint.signed)

    async def _way_in(self) -> WayIn:
        now = self._now()
        if self._way is None or now - self._asked_at >= _LOOKS_AGAIN:
            try:
                self._way, self._asked_at = await self._ask(), now
            except InfrastructureError:
                if self._way is None:
                    raise
        return self._way

    async def _headers(
        self, name: str, made_out: str, make: Callable[[str], Awaitable[str]]
    ) -> Headers:
        kept = self._kept.get(made_out)
        if kept is None:
            kept = FreshHeaders(name, lambda: make(made_out), self._now)
        await kept.ready()
        self._kept[made_out] = kept
        return kept


def is_client(audience: str) -> bool:
    """Whether this is the id of an OAuth client, to which IAP's tokens are made out."""
    return audience.endswith(".apps.googleusercontent.com")


def origin(url: str) -> str:
    """Scheme and host of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def own_url(url: str) -> str:
    """The URL of the service that a URL belongs to: `TAG---` at the front of a host is left out."""
    scheme, _, host = origin(url).partition("://")
    return f"{scheme}://{host.rpartition('---')[2]}"
