"""One request and its response, from the head to the line in the request log."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from gate.local.frontend.affinity import Session, session_field
from gate.local.frontend.answers import SERVER, date_field
from gate.local.frontend.bodies import Body, ChunkedBody, LengthBody
from gate.local.frontend.heads import RequestHead, ResponseHead
from gate.local.frontend.seams import Upstream
from gate.local.frontend.trace import Trace
from gate.local.ports import HttpRequestLog, Lease, LogLine, Share

REQUESTS: Final = "run.googleapis.com/requests"
CLIENT_GONE: Final = 499
_REQUEST: Final = (
    b"%b %b HTTP/1.%d\r\n%b"
    b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: https\r\nForwarded: %b\r\n%b%b\r\n"
)
_NO_LABELS: Final[Mapping[str, str]] = MappingProxyType({})
_SAFE_TO_REPEAT: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"})


@dataclass(slots=True, eq=False)
class Exchange:
    """What is known of a request while it is under way.

    Attributes:
        head: the request.
        share: who takes it and for how long.
        trace: its place in a trace.
        body: follows the request's body.
        status: of the response; 0 before its head was passed on.
        lease: the place it holds in an instance.
        upstream: the connection it uses.
        closes: the client's connection ends with the response.
        session: where the client was before, if its revision keeps its clients.
    """

    head: RequestHead
    share: Share
    trace: Trace
    body: Body
    head_bytes: int
    request_bytes: int = 0
    response_bytes: int = 0
    status: int = 0
    lease: Lease | None = None
    upstream: Upstream | None = None
    closes: bool = False
    session: Session | None = None
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    began_s: float = field(default_factory=time.monotonic)

    def is_too_large(self, most_bytes: int) -> bool:
        """Its body, of a length that was not said, is too long for a container of HTTP/1."""
        if self.head.length is not None or self.share.h2c:
            return False
        return self.request_bytes - self.head_bytes > most_bytes

    def may_repeat(self) -> bool:
        """It can be sent once more: a kept connection had been closed before it arrived."""
        return (
            self.upstream is not None
            and self.upstream.reused
            and not self.response_bytes
            and self.head.length == 0
            and self.head.method in _SAFE_TO_REPEAT
        )

    def request(self, client_ip: str) -> bytes:
        """The head that the container gets."""
        head = self.head
        found = head.found
        said = found.get(b"x-forwarded-for")
        ip = client_ip.encode()
        forwarded = b'for="%b";proto=https' % ip
        if b"forwarded" in found:
            forwarded = found[b"forwarded"] + b"," + forwarded
        if head.upgrade:
            more = b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade
        else:
            more = b"" if head.minor else b"Connection: close\r\n"
        return _REQUEST % (
            head.method,
            head.target,
            head.minor,
            head.fields,
            ip if said is None else said + b"," + ip,
            forwarded,
            self.trace.request_fields(),
            more,
        )

    def response(self, head: ResponseHead) -> bytes:
        """The head that the client gets."""
        if head.status == 101:
            more = b""
        elif self.closes:
            more = b"Connection: close\r\n"
        else:
            more = b"" if self.head.minor else b"Connection: keep-alive\r\n"
        if self.share.affinity:
            more += self._session_field()
        return b"HTTP/1.1 %d %b\r\n%b%b%b%b%b\r\n" % (
            head.status,
            head.reason,
            head.fields,
            b"" if b"date" in head.found else date_field(),
            SERVER,
            self.trace.response_field(),
            more,
        )

    def _session_field(self) -> bytes:
        """A session for a client that has none, or whose instance is another one now."""
        lease, session = self.lease, self.session
        if lease is None or (session is not None and session.instance_id == lease.instance_id):
            return b""
        return session_field(lease)

    def log_line(
        self, base_url: str, client_ip: str, text: str | None, protocol: str = ""
    ) -> LogLine:
        """Its entry in the request log.

        Args:
            base_url: the address it came to.
            client_ip: where it came from.
            text: why it failed, when the platform knows.
            protocol: what the client speaks, where its head does not say it.
        """
        head, lease = self.head, self.lease
        http = HttpRequestLog(
            head.method.decode(),
            base_url + head.target.decode(),
            self.status,
            time.monotonic() - self.began_s,
            self.request_bytes,
            self.response_bytes,
            head.user_agent,
            client_ip,
            protocol or ("HTTP/1.1" if head.minor else "HTTP/1.0"),
        )
        return LogLine(
            self.share.revision,
            REQUESTS,
            self.at,
            severity(self.status),
            text,
            http,
            _NO_LABELS if lease is None else {"instanceId": lease.instance_id},
            self.trace.trace_id,
            self.trace.span_id,
            self.trace.sampled,
        )


def severity(status: int) -> str:
    """The severity of a request log entry: ERROR from 500, WARNING from 400, else INFO."""
    if status >= 500:
        return "ERROR"
    return "WARNING" if status >= 400 else "INFO"


def body_of(head: RequestHead) -> Body:
    """Follows the body of a request."""
    return ChunkedBody() if head.length is None else LengthBody(head.length)
