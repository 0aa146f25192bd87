"""One HTTP/1.1 exchange, bounded in time and size, that follows nothing and keeps nothing."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import Enum

import httpx

from gate.core.evidence import Symptom
from gate.probes import faults
from gate.probes.outcome import Fault
from gate.probes.web.packing import UnpackError, decoded

BODY_MAX = 1 << 20
"""Most bytes of a body, as sent and as decoded, where a probe does not say otherwise."""


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
    except UnpackError as error:
        raise ExchangeError(error.fault) from None
    except httpx.RemoteProtocolError as error:
        raise ExchangeError(_garbled(error)) from None
    except (httpx.LocalProtocolError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise ExchangeError(faults.unsendable(error)) from None
    except httpx.TransportError as error:
        raise ExchangeError(_broken(error, course)) from None


async def _exchange(request: Request, tls: ssl.SSLContext | None, course: Course) -> Answer:
    began_s = asyncio.get_running_loop().time()
    async with opened(request, tls, course) as response:
        head = answer_of(response)
        course.begun = head
        raw = await _raw(response.aiter_raw(), course)
        body = decoded(raw, response.headers.get("content-encoding", ""), course.most)
        took_s = asyncio.get_running_loop().time() - began_s
        return Answer(head.status, head.headers, body, took_s)


def answer_of(response: httpx.Response, took_s: float = 0.0) -> Answer:
    """An answer as far as its headers."""
    headers = tuple((name.lower(), value) for name, value in response.headers.multi_items())
    return Answer(response.status_code, headers, b"", took_s)


@asynccontextmanager
async def opened(
    request: Request, tls: ssl.SSLContext | None, course: Course
) -> AsyncIterator[httpx.Response]:
    """Sends a request over its own connection; the answer is there as far as its headers.

    Args:
        request: what to send.
        tls: context for https, None for http.
        course: follows it.
    """
    context = tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the latter trusts nobody
    # an explicit transport and no trust_env: no proxy of the environment diverts the question
    transport = httpx.AsyncHTTPTransport(verify=context, http2=False)
    async with (
        httpx.AsyncClient(transport=transport, trust_env=False, timeout=None) as client,  # noqa: S113 - the wall clock above bounds everything, which httpx's own limits cannot
        client.stream(
            request.method,
            request.url,
            headers=request.headers,
            content=request.body or None,
            follow_redirects=False,
            extensions={"trace": course.trace},
        ) as response,
    ):
        yield response


async def _raw(chunks: AsyncIterator[bytes], course: Course) -> bytes:
    kept = bytearray()
    async for chunk in chunks:
        kept += chunk
        course.received = len(kept)
        if len(kept) > course.most:
            raise ExchangeError(_too_large("a body of more than", course.most))
    return bytes(kept)


def _too_large(what: str, most: int) -> Fault:
    return Fault(Symptom.TOO_LARGE, f"{what} {most} bytes", f"at most {most} bytes")


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


def _garbled(error: httpx.RemoteProtocolError) -> Fault:
    """Tells a connection that broke off from bytes that are not HTTP, by the libraries' texts."""
    text = str(error)
    if "disconnected" in text or "peer closed" in text:
        return faults.broken_off(text)
    return faults.endless_headers(text) if "too long" in text else faults.not_http(text)


def _broken(error: httpx.TransportError, course: Course) -> Fault:
    text = str(error) or type(error).__name__
    return faults.broken_off(text) if course.reached else faults.unreached(text)
