"""Sends notices: each again where that may help, all of them within one bounded time.

Nothing here raises for what a receiver does, and no message holds an address, which is a secret.
"""

import asyncio
import contextlib
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from gate.notify.bodies import Body
from gate.notify.signing import signed

WITHIN_S = 10.0
"""All that telling may take, whatever receivers and names do."""
TRY_S = 4.0
TRIES = 5
FIRST_WAIT_S = 0.25
MAX_WAIT_S = 2.0
_BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError)
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that may be others a moment later."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One body for one receiver.

    Attributes:
        name: how the receiver is called in messages; never its address.
        url: https, or http to this machine.
        id: of the message, the same for each try.
        key: signs it; b"" for no signature.
    """

    name: str
    url: str = field(repr=False)
    body: Body
    id: str
    key: bytes = field(default=b"", repr=False)


class _PassingError(Exception):
    """What may help to try again."""


class _RefusedError(Exception):
    """What will not be otherwise the next time."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends over HTTP.

    Attributes:
        tls: makes the context, where one is needed.
        now: the time.
        within_s: limit for all of it.
    """

    tls: Callable[[], ssl.SSLContext]
    now: Callable[[], datetime]
    within_s: float = WITHIN_S

    async def send(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        """Sends all of them at once; returns a note for each that did not arrive."""
        notes = await asyncio.gather(*map(self._delivered, deliveries))
        return tuple(filter(None, notes))

    async def _delivered(self, delivery: Delivery) -> str:
        why: list[str] = []
        try:
            async with asyncio.timeout(self.within_s):
                await self._tried(delivery, why)
        except TimeoutError:
            last = f" (last: {why[-1]})" if why else ""
            return f"{delivery.name}: not told within {self.within_s:g} s{last}"
        except _PassingError as error:
            return f"{delivery.name}: not told: {error}, tried {TRIES} times"
        except _RefusedError as error:
            return f"{delivery.name}: not told: {error}"
        return ""

    async def _tried(self, delivery: Delivery, why: list[str]) -> None:
        parts = _usable(delivery.url)
        retrying = AsyncRetrying(
            retry=retry_if_exception_type(_PassingError),
            wait=wait_exponential(FIRST_WAIT_S, max=MAX_WAIT_S) + wait_random(0, FIRST_WAIT_S),
            stop=stop_after_attempt(TRIES),
            reraise=True,
        )

        async def once() -> None:
            try:
                await self._once(delivery, parts)
            except _PassingError as error:
                why.append(str(error))
                raise

        await retrying(once)

    async def _once(self, delivery: Delivery, parts: SplitResult) -> None:
        """One try.

        Raises:
            _PassingError: no answer, or one that may be another a moment later.
            _RefusedError: any other but 2xx.
        """
        tls = self.tls() if parts.scheme == "https" else None
        content = delivery.body.content
        headers = {"content-type": delivery.body.content_type, "user-agent": "gate"}
        if delivery.key:
            headers |= signed(delivery.key, delivery.id, self.now(), content)
        try:
            async with asyncio.timeout(TRY_S):
                proxy = _proxy_for(parts)
                await _resolved((proxy or parts).hostname or "")
                async with (
                    _pool(tls, proxy) as pool,
                    pool.stream(
                        "POST", delivery.url, headers=[*headers.items()], content=content
                    ) as answer,
                ):
                    status = answer.status
        except TimeoutError:
            raise _PassingError(f"no answer within {TRY_S:g} s") from None
        except (*_BROKEN, OSError) as error:
            if isinstance(_first_cause(error), ssl.SSLCertVerificationError):
                raise _RefusedError("its certificate is not to be trusted") from None
            raise _PassingError(f"no connection ({type(error).__name__})") from None
        if status in _PASSING:
            raise _PassingError(f"status {status}")
        if not 200 <= status < 300:
            raise _RefusedError(f"status {status}")


def _proxy_for(parts: SplitResult) -> SplitResult | None:
    """The proxy that HTTPS_PROXY and NO_PROXY name for this address; None for a direct way."""
    found = getproxies().get("https", "") if parts.scheme == "https" else ""
    if not found or proxy_bypass(parts.hostname or ""):
        return None
    return urlsplit(found if "://" in found else f"http://{found}")


def _pool(tls: ssl.SSLContext | None, proxy: SplitResult | None) -> httpcore.AsyncConnectionPool:
    if proxy is None:
        return httpcore.AsyncConnectionPool(ssl_context=tls)
    port = proxy.port or (443 if proxy.scheme == "https" else 80)
    address = httpcore.URL(scheme=proxy.scheme, host=proxy.hostname or "", port=port, target="/")
    user = unquote(proxy.username or ""), unquote(proxy.password or "")
    auth = user if proxy.username else None
    return httpcore.AsyncHTTPProxy(address, proxy_auth=auth, ssl_context=tls)


def _first_cause(error: BaseException) -> BaseException:
    while (before := error.__cause__ or error.__context__) is not None:
        error = before
    return error


def _usable(url: str) -> SplitResult:
    """The parts of an address that may be told.

    Raises:
        _RefusedError: it is none, not private on its way, or has a user in it.
    """
    wrong = "its address is unusable (expected https://, or http:// to this machine)"
    try:
        parts = urlsplit(url)
        sound = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        raise _RefusedError(wrong) from None
    safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))
    if not (sound and safe and url.isascii() and url.isprintable() and " " not in url):
        raise _RefusedError(wrong)
    return parts


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


async def _resolved(host: str) -> None:
    """Waits until the name is known, in a thread that nobody joins.

    A resolver may take half a minute to give up; asyncio's own threads would be waited for at exit.

    Raises:
        OSError: it has no address.
    """
    loop = asyncio.get_running_loop()
    found: asyncio.Future[None] = loop.create_future()

    def settle(error: OSError | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(None)
        else:
            found.set_exception(error)

    def resolve() -> None:
        error: OSError | None = None
        try:
            socket.getaddrinfo(host, None)
        except (OSError, UnicodeError) as problem:
            error = problem if isinstance(problem, OSError) else OSError(str(problem))
        with contextlib.suppress(RuntimeError):  # the loop has ended by now
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=resolve, daemon=True).start()
    await found
