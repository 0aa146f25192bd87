"""Connections of HTTP/2 to instances whose port is named h2c: many requests at once each."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import h11
from h2.errors import ErrorCodes
from h2.events import Event, ResponseReceived

from gate.local.frontend.answers import phrase, reset_text
from gate.local.frontend.bodies import Body, ChunkedBody, EndlessBody, LengthBody
from gate.local.frontend.heads import HeadError, parse_response
from gate.local.frontend.http2.line import (
    PROTOCOL_ERROR,
    Fields,
    Line,
    Stream,
)
from gate.local.frontend.seams import Receiver
from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import Lease

_BODILESS: Final = frozenset({b"204", b"304"})


class Http2Pool:
    """Connections to instances, each for many requests (a Pool).

    Args:
        settings: how long they rest.
    """

    def __init__(self, settings: FrontEndSettings) -> None:
        self._settings = settings
        self._lines: dict[str, list[InstanceLine]] = {}

    def take(self, lease: Lease) -> "InstanceStream | None":
        """As `Pool.take`."""
        for line in self._lines.get(lease.instance_id, ()):
            if line.has_room:
                return line.open(reused=True)
        return None

    async def connect(self, lease: Lease) -> "InstanceStream":
        """As `Pool.connect`."""
        lines = self._lines.setdefault(lease.instance_id, [])
        line = InstanceLine(self._settings, lambda: self._remove(lease, line))
        lines.append(line)
        try:
            await asyncio.get_running_loop().create_connection(lambda: line, lease.host, lease.port)
        except BaseException:
            self._remove(lease, line)
            raise
        return line.open(reused=False)

    def close(self) -> None:
        """As `Pool.close`."""
        for lines in tuple(self._lines.values()):
            for line in tuple(lines):
                line.cut()

    def _remove(self, lease: Lease, line: "InstanceLine") -> None:
        lines = self._lines.get(lease.instance_id, [])
        if line in lines:
            lines.remove(line)
        if not lines:
            self._lines.pop(lease.instance_id, None)


class InstanceLine(Line):
    """One connection to an instance.

    Args:
        settings: how long it rests.
        closed: called when it is gone.
    """

    def __init__(self, settings: FrontEndSettings, closed: Callable[[], None]) -> None:
        super().__init__(client_side=True, idle_s=settings.upstream_idle_s)
        self._closed = closed
        self._made = False

    @property
    def has_room(self) -> bool:
        """It can take another request."""
        if not self._made or self.ending or self.transport.is_closing():
            return False
        most = self.http2.remote_settings.max_concurrent_streams
        return len(self.streams) < most

    def open(self, *, reused: bool) -> "InstanceStream":
        """A stream for one request; it has its number when the request is sent."""
        return InstanceStream(self, reused=reused)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self._made = True
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.Protocol`."""
        self._closed()
        super().connection_lost(exc)

    def begun(self, event: Event) -> None:
        """As `Line.begun`: a response."""
        if isinstance(event, ResponseReceived):
            stream = self.streams.get(event.stream_id)
            if isinstance(stream, InstanceStream):
                fields = [(bytes(name), bytes(value)) for name, value in event.headers]
                stream.take_head(fields, ends=event.stream_ended is not None)


class InstanceStream(Stream):
    """One request to an instance, taken and answered in HTTP/1.1 (an Upstream).

    Args:
        line: the connection.
        reused: it had been used before.
    """

    def __init__(self, line: InstanceLine, *, reused: bool) -> None:
        super().__init__(line, 0)
        self.reused = reused
        self._receiver: Receiver | None = None
        self._http1 = h11.Connection(h11.SERVER)
        self._head: Fields | None = None
        self._head_only = False
        self._minor = 1
        self._body: Body | None = None

    # As Upstream: what the front end asks

    def begin(self, receiver: Receiver, request: bytes, *, head_only: bool, upgrade: bool) -> None:
        """As `Upstream.begin`."""
        assert not upgrade
        self._receiver = receiver
        self._head_only = head_only
        self.send(request)

    def send(self, data: bytes) -> None:
        """As `Upstream.send`."""
        if self.gone:
            return
        self._http1.receive_data(data)
        while True:
            event = self._http1.next_event()
            if event is h11.NEED_DATA or event is h11.PAUSED:
                break
            self._pass_on(event)
        self._send_head(ends=False)

    def finish(self) -> None:
        """As `Upstream.finish`: there are no other protocols here."""

    def close(self) -> None:
        """As `Upstream.close`."""
        self._receiver = None
        self.reset(ErrorCodes.CANCEL)

    def drop(self) -> None:
        """As `Upstream.drop`."""
        self.close()

    # As Stream: what the instance answers

    def take_head(self, fields: Fields, *, ends: bool) -> None:
        """The head of the response has come."""
        receiver = self._receiver
        if receiver is None:
            return
        framing = self._framing(fields, ends=ends)
        try:
            head = parse_response(_head(fields, framing))
        except HeadError:
            self._break(PROTOCOL_ERROR)
            return
        if head.chunked:
            self._body = ChunkedBody()
        else:
            at_end = head.length is None and not self._head_only and not ends
            self._body = EndlessBody() if at_end else LengthBody(0)
        start = receiver.compose(head, self._body)
        receiver.relay(start)

    def take(self, data: bytes) -> None:
        """As `Stream.take`."""
        if self._receiver is not None:
            chunked = isinstance(self._body, ChunkedBody)
            self._receiver.relay(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)

    def take_end(self, trailers: Fields) -> None:
        """As `Stream.take_end`."""
        receiver, self._receiver = self._receiver, None
        if receiver is None:
            return
        if self._body is None:
            receiver.broken(malformed=True, why=reset_text(PROTOCOL_ERROR))
            return
        if isinstance(self._body, ChunkedBody):
            receiver.relay(b"0\r\n" + _lines(trailers) + b"\r\n")
        receiver.finished(reusable=False)

    def lost(self, why: str) -> None:
        """As `Stream.lost`."""
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.broken(malformed=why == PROTOCOL_ERROR, why=reset_text(why))

    def hold(self) -> None:
        """As `Stream.hold`."""
        if self._receiver is not None:
            self._receiver.hold()

    def go_on(self) -> None:
        """As `Stream.go_on`."""
        if self._receiver is not None:
            self._receiver.go_on()

    def _framing(self, fields: Fields, *, ends: bool) -> bytes:
        """How the body is framed in HTTP/1.1; gRPC's has trailers, which only chunks allow."""
        found = dict(fields)
        status = found.get(b":status", b"")
        if self._head_only or status in _BODILESS:
            return b""
        if ends:
            return b"" if b"content-length" in found else b"Content-Length: 0\r\n"
        is_grpc = found.get(b"content-type", b"").startswith(b"application/grpc")
        if b"content-length" in found and not is_grpc:
            return b""
        return b"Transfer-Encoding: chunked\r\n" if self._minor else b""

    def _pass_on(self, event: Any) -> None:
        match event:
            case h11.Request():
                self._minor = 0 if event.http_version == b"1.0" else 1
                self._head = _request(event)
            case h11.Data():
                self._send_head(ends=False)
                self.put(bytes(event.data))
            case h11.EndOfMessage():
                trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
                if not (self._head and not trailers and self._send_head(ends=True)):
                    self._send_head(ends=False)
                    self.put_end(trailers)
            case _:  # the connection's own end, of which nothing follows
                pass

    def _send_head(self, *, ends: bool) -> bool:
        head, self._head = self._head, None
        if head is None:
            return False
        self.number = self.line.http2.get_next_available_stream_id()
        self.line.streams[self.number] = self
        self.put_head(head, ends=ends)
        return True

    def _break(self, why: str) -> None:
        receiver, self._receiver = self._receiver, None
        self.reset(ErrorCodes.PROTOCOL_ERROR)
        if receiver is not None:
            receiver.broken(malformed=True, why=reset_text(why))


def _request(event: h11.Request) -> Fields:
    fields = [(bytes(name).lower(), bytes(value)) for name, value in event.headers]
    host = next((value for name, value in fields if name == b"host"), b"")
    return [
        (b":method", bytes(event.method)),
        (b":scheme", b"http"),
        (b":authority", host),
        (b":path", bytes(event.target)),
        *((name, value) for name, value in fields if name != b"host"),
        (b"te", b"trailers"),
    ]


def _head(fields: Fields, framing: bytes) -> bytes:
    status = dict(fields).get(b":status", b"")
    name = phrase(int(status)).encode() if status.isdigit() else b""
    drop = {b"content-length"} if framing else set()
    kept = [field for field in fields if not field[0].startswith(b":") and field[0] not in drop]
    return b"HTTP/1.1 %b %b\r\n%b%b\r\n" % (status, name, framing, _lines(kept))


def _lines(fields: Fields) -> bytes:
    return b"".join(b"%b: %b\r\n" % field for field in fields)
