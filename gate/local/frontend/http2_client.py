"""A client that speaks HTTP/2: each stream is a connection of one request, in HTTP/1.1."""

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from h2.errors import ErrorCodes
from h2.events import Event, RequestReceived

from gate.local.frontend.address import FrontEndContext
from gate.local.frontend.http2.line import Fields, Line, Stream


class Http2Client(Line):
    """One connection of a client, by prior knowledge (RFC 9113, section 3.3).

    Args:
        context: what all connections share.
        accept: makes what answers one request, as if its client had connected.
    """

    def __init__(self, context: FrontEndContext, accept: Callable[[], asyncio.Protocol]) -> None:
        super().__init__(client_side=False, idle_s=context.settings.idle_s)
        self._context = context
        self._accept = accept

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        super().connection_made(transport)
        self._context.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.Protocol`."""
        super().connection_lost(exc)
        self._context.leave(self)

    def begun(self, event: Event) -> None:
        """As `Line.begun`: a request."""
        if isinstance(event, RequestReceived):
            stream = ClientStream(self, event.stream_id, self._accept())
            self.streams[event.stream_id] = stream
            fields = [(bytes(name), bytes(value)) for name, value in event.headers]
            stream.ask(fields, ends=event.stream_ended is not None)


class ClientStream(Stream):
    """One request of a client.

    Args:
        line: the client's connection.
        number: of the stream.
        connection: answers it, in HTTP/1.1.
    """

    def __init__(self, line: Line, number: int, connection: asyncio.Protocol) -> None:
        super().__init__(line, number)
        self._connection = connection
        self._http1 = h11.Connection(h11.CLIENT)
        self._head: Fields | None = None
        self._over = False
        self.transport = StreamTransport(self)

    def ask(self, fields: Fields, *, ends: bool) -> None:
        """Passes the head of the request on."""
        self._connection.connection_made(self.transport)
        self._pass_on(_request(fields, ends=ends))

    def take(self, data: bytes) -> None:
        """As `Stream.take`: more of the request."""
        self._pass_on(h11.Data(data=data))

    def take_end(self, trailers: Fields) -> None:
        """As `Stream.take_end`: the whole request is there."""
        self._pass_on(h11.EndOfMessage(headers=trailers))

    def lost(self, why: str) -> None:
        """As `Stream.lost`: the client has gone."""
        self._end(ConnectionResetError(why))

    def pump(self) -> None:
        """As `Stream.pump`; a client that still sends is told that it need not."""
        super().pump()
        self._part()

    def hold(self) -> None:
        """As `Stream.hold`: the client reads too slowly."""
        if not self._over:
            self._connection.pause_writing()

    def go_on(self) -> None:
        """As `Stream.go_on`."""
        if not self._over:
            self._connection.resume_writing()

    def answer(self, data: bytes) -> None:
        """Sends bytes of the response, as HTTP/1.1 has them; none is the connection's end."""
        if self.gone or self._over:
            return
        try:
            self._http1.receive_data(data)
            while not self._over:
                event = self._http1.next_event()
                if event is h11.NEED_DATA or event is h11.PAUSED:
                    break
                self._answer(event)
        except h11.RemoteProtocolError:
            self.cut()
            return
        self._send_head(ends=False)

    def cut(self) -> None:
        """Ends it: the response is not whole."""
        self.reset(ErrorCodes.INTERNAL_ERROR)
        self._end(None)

    @property
    def over(self) -> bool:
        """Nothing more can be sent."""
        return self.gone or self._over

    def _answer(self, event: Any) -> None:
        match event:
            case h11.InformationalResponse():
                self.line.http2.send_headers(self.number, _response(event))
            case h11.Response():
                self._head = _response(event)
            case h11.Data():
                self._send_head(ends=False)
                self.put(bytes(event.data))
            case h11.EndOfMessage():
                trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
                if not (self._head and not trailers and self._send_head(ends=True)):
                    self._send_head(ends=False)
                    self.put_end(trailers)
                self._end(None)
            case _:
                self.cut()

    def _send_head(self, *, ends: bool) -> bool:
        head, self._head = self._head, None
        if head is not None and not self.gone:
            self.put_head(head, ends=ends)
        return head is not None

    def _pass_on(self, event: Any) -> None:
        if self._over:
            return
        try:
            data = self._http1.send(event)
        except h11.LocalProtocolError:
            self.reset(ErrorCodes.PROTOCOL_ERROR)
            self._end(None)
            return
        if data:
            self._connection.data_received(data)

    def _end(self, error: Exception | None) -> None:
        """What answers it is told that its client has gone, as by a transport: a little later."""
        if not self._over:
            self._over = True
            asyncio.get_running_loop().call_soon(self._leave, error)

    def _leave(self, error: Exception | None) -> None:
        self._connection.connection_lost(error)
        self._part()

    def _part(self) -> None:
        if self._over and self.sent_all and not self.heard_all:
            self.reset(ErrorCodes.NO_ERROR)


class StreamTransport(asyncio.Transport):
    """A stream, as the transport of a connection.

    Args:
        stream: what it stands for.
    """

    def __init__(self, stream: ClientStream) -> None:
        super().__init__()
        self._stream = stream

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As `asyncio.Transport`."""
        return self._stream.line.transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        """As `asyncio.Transport`."""
        return self._stream.over

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """As `asyncio.Transport`."""
        if data:
            self._stream.answer(bytes(data))

    def write_eof(self) -> None:
        """As `asyncio.Transport`."""
        self._stream.answer(b"")

    def close(self) -> None:
        """As `asyncio.Transport`."""
        self._stream.answer(b"")
        if not self._stream.over:
            self._stream.cut()

    def abort(self) -> None:
        """As `asyncio.Transport`."""
        self._stream.cut()

    def pause_reading(self) -> None:
        """As `asyncio.Transport`."""
        self._stream.pause()

    def resume_reading(self) -> None:
        """As `asyncio.Transport`."""
        self._stream.resume()


def _request(fields: Fields, *, ends: bool) -> h11.Request:
    found = dict(fields)
    method = found.get(b":method", b"")
    more = [
        (name, value) for name, value in fields if not name.startswith(b":") and name != b"host"
    ]
    if not ends and b"content-length" not in found:
        more.append((b"transfer-encoding", b"chunked"))
    host = found.get(b":authority", found.get(b"host", b""))
    target = found.get(b":path", host)
    return h11.Request(method=method, target=target, headers=[(b"host", host), *more])


def _response(event: h11.Response | h11.InformationalResponse) -> Fields:
    """The head; what means something to one connection only is the library's to leave out."""
    kept = [(bytes(name), bytes(value)) for name, value in event.headers]
    return [(b":status", b"%d" % event.status_code), *kept]
