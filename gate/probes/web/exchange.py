"""One HTTP/1.1 exchange, bounded in time and size, that follows nothing and keeps nothing."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum
from urllib.parse import quote, urlsplit

import httpcore

from gate.core.evidence import Symptom
from gate.http1.packing import decoded
from gate.probes import faults
from gate.probes.frontend import FrontEndAnswer, recognise, telling
from gate.probes.outcome import Fault

BODY_MAX = 1 << 20
"""Most bytes of a body, as sent and as decoded, where a probe does not say otherwise."""
BROKEN = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)
"""What httpcore raises where there is no whole answer."""
_IN_PATH = "!$%&'()*+,/:;=@[]~|^\\"
_IN_QUERY = _IN_PATH + "?`{}"
"""What stands there as it is written; a `%` only where it begins an escape."""
_NO_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent; `headers` are in order and complete but for what the client must write."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is decoded; `headers` have lower-case names and are in order."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    took_s: float

    @property
    def text(self) -> str:
        """The body as text; what is not UTF-8 is replaced."""
        return self.body.decode(errors="replace")

    def header(self, name: str) -> str | None:
        """The value of a header (values joined by a comma), None if it is not there."""
        values = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(values) if values else None

    @property
    def front_end(self) -> FrontEndAnswer | None:
        """What the front end said in the container's place, as far as the answer alone tells."""
        return recognise(self.status, self.text, telling(self.header))

    @property
    def phrase(self) -> str:
        """The status with its usual name: 307 Temporary Redirect."""
        return faults.phrase(self.status)


class ExchangeError(Exception):
    """No whole answer came.

    Args:
        fault: why.

    Attributes:
        begun: the answer as far as its headers, None if it did not get so far.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.seen)
        self.fault = fault
        self.begun: Answer | None = None


class _Phase(Enum):
    """How far an exchange has come: decides whose fault it is that it went no further."""

    CONNECTING = "connecting"
    TLS = "in the TLS handshake"
    ASKED = "asked"
    ANSWERING = "answering"


class Course:
    """Follows an exchange through the trace that httpcore reports.

    Args:
        most: most bytes of the body.

    Attributes:
        received: bytes of the body so far.
        begun: the answer as far as its headers, None before.
    """

    _REACHED: Mapping[str, _Phase] = {
        "connection.start_tls.started": _Phase.TLS,
        "http11.send_request_headers.started": _Phase.ASKED,
        "http11.receive_response_body.started": _Phase.ANSWERING,
    }

    def __init__(self, most: int) -> None:
        self.most = most
        self.phase = _Phase.CONNECTING
        self.received = 0
        self.begun: Answer | None = None

    async def trace(self, name: str, _: Mapping[str, object]) -> None:
        """As httpcore reports."""
        self.phase = self._REACHED.get(name, self.phase)

    @property
    def reached(self) -> bool:
        """Whether the request was on its way to whoever answers."""
        return self.phase in (_Phase.ASKED, _Phase.ANSWERING)


async def exchange(
    request: Request, timeout_s: float, tls: ssl.SSLContext | None, most: int = BODY_MAX
) -> Answer:
    """Sends one request over its own connection and reads the whole answer.

    Args:
        request: what to send.
        timeout_s: wall clock for everything, from the first packet to the last byte.
        tls: context for https, None for http.
        most: most bytes of the body, as sent and as decoded.

    Raises:
        ExchangeError: there is no whole answer within the bounds.
    """
    course = Course(most)
    try:
        return await _whole(request, timeout_s, tls, course)
    except ExchangeError as error:
        error.begun = course.begun
        raise


async def _whole(
    request: Request, timeout_s: float, tls: ssl.SSLContext | None, course: Course
) -> Answer:
    with told(course):
        try:
            async with asyncio.timeout(timeout_s):
                return await _exchange(request, tls, course)
        except TimeoutError:
            raise ExchangeError(late(course, timeout_s)) from None


@contextmanager
def told(course: Course) -> Iterator[None]:
    """Says in our words what goes wrong in an exchange.

    Raises:
        ExchangeError: in place of what the libraries raise.
    """
    try:
        yield
    except (*BROKEN, httpcore.UnsupportedProtocol, ValueError) as error:
        raise ExchangeError(faults.of_exception(error, asked=course.reached)) from None


async def _exchange(request: Request, tls: ssl.SSLContext | None, course: Course) -> Answer:
    began_s = asyncio.get_running_loop().time()
    async with opened(request, tls, course) as response:
        course.begun = begun = answer_of(response)
        raw = await _raw(response.aiter_stream(), course)
        body = decoded(raw, begun.header("content-encoding") or "", course.most)
        took_s = asyncio.get_running_loop().time() - began_s
        return Answer(begun.status, begun.headers, body, took_s)


def answer_of(response: httpcore.Response, took_s: float = 0.0) -> Answer:
    """An answer as far as its headers."""
    headers = tuple((name.decode().lower(), _text(value)) for name, value in response.headers)
    return Answer(response.status, headers, b"", took_s)


@asynccontextmanager
async def opened(
    request: Request, tls: ssl.SSLContext | None, course: Course
) -> AsyncIterator[httpcore.Response]:
    """Sends a request over its own connection; the answer is there as far as its headers.

    Args:
        request: what to send.
        tls: context for https, None for http.
        course: follows it.
    """
    context = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the latter trusts nobody
    url, host = _address(request.url)
    named = any(name.lower() == "host" for name, _ in request.headers)
    bodied = request.body or request.method in ("POST", "PUT", "PATCH")  # RFC 9110, 8.6
    async with (
        httpcore.AsyncConnectionPool(ssl_context=context) as pool,
        pool.stream(
            request.method,
            url,
            headers=[
                (name.encode(), value.encode())  # a server may set a cookie beyond ASCII
                for name, value in (request.headers if named else (host, *request.headers))
            ],
            content=request.body if bodied else None,
            extensions={"trace": course.trace},  # no timeouts: the wall clock above bounds all
        ) as response,
    ):
        yield response


def _address(url: str) -> tuple[httpcore.URL, tuple[str, str]]:
    """What is asked, with what HTTP does not carry escaped, and the Host header.

    Raises:
        ValueError: it is no address.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError("no host")
    host = parts.hostname.encode("idna").decode()
    target = _escaped(parts.path or "/", _IN_PATH)
    if parts.query:
        target += f"?{_escaped(parts.query, _IN_QUERY)}"
    place = f"[{host}]" if ":" in host else host
    place += f":{parts.port}" if parts.port else ""
    asked = httpcore.URL(scheme=parts.scheme, host=host, port=parts.port, target=target)
    return asked, ("Host", place)


def _escaped(text: str, safe: str) -> str:
    return _NO_ESCAPE.sub("%25", quote(text, safe=safe))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _raw(chunks: AsyncIterable[bytes], course: Course) -> bytes:
    kept = bytearray()
    async for chunk in chunks:
        kept += chunk
        course.received = len(kept)
        if len(kept) > course.most:
            raise ExchangeError(faults.too_large(course.most))
    return bytes(kept)


def late(course: Course, timeout_s: float) -> Fault:
    """The fault of an exchange that has not ended in time."""
    expected = f"an answer within {timeout_s:g} s"
    if not course.reached:
        return Fault(
            Symptom.CONNECT,
            f"no connection within {timeout_s:g} s ({course.phase.value})",
            expected,
        )
    if course.phase is _Phase.ANSWERING:
        seen = f"an answer that had not ended after {timeout_s:g} s ({course.received} bytes)"
    else:
        seen = f"no answer within {timeout_s:g} s"
    return Fault(Symptom.TIMEOUT, seen, expected)
