"""A connection of HTTP/2 and its streams, whichever side of it the front end is on.

Reads no faster and sends no more than the other side's windows allow (RFC 9113, section 5.2).
"""

import asyncio
from collections.abc import Iterable
from typing import Final, cast

from h2.config import H2Configuration
from h2.connection import ConnectionInputs, H2Connection, H2ConnectionStateMachine
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError

from gate.local.frontend.deadline import Deadline

Fields = list[tuple[bytes, bytes]]

PROTOCOL_ERROR: Final = "protocol error"
REMOTE_RESET: Final = "remote reset"
TERMINATION: Final = "connection termination"
_PREFACE_BYTES: Final = 24
_TYPE_AT: Final = 3
_SETTINGS: Final = 4
_MOST_WAITING_BYTES: Final = 64 * 1024
_WINDOW_BYTES: Final = 1024 * 1024


class Stream:
    """One request and its response.

    Args:
        line: the connection that carries it.
        number: of the stream.
    """

    def __init__(self, line: "Line", number: int) -> None:
        self.line = line
        self.number = number
        self.gone = False
        self._waiting = bytearray()
        self._trailers: Fields | None = None
        self._holding = False
        self._paused = False
        self._unread = 0
        self.heard_all = False
        self.sent_all = False

    # What happens to it, for its kinds to say

    def take(self, data: bytes) -> None:
        """Bytes have come."""

    def take_end(self, trailers: Fields) -> None:
        """The other side will send no more."""

    def lost(self, why: str) -> None:
        """It was reset, or its connection is gone."""

    def hold(self) -> None:
        """Too much waits to be sent."""

    def go_on(self) -> None:
        """What had waited was sent."""

    # Sending

    def put_head(self, fields: Fields, *, ends: bool = False) -> None:
        """Sends a head; with `ends` there is nothing after it."""
        self.line.http2.send_headers(self.number, fields, end_stream=ends)
        self.sent_all = ends
        self._settle()

    def put(self, data: bytes) -> None:
        """Sends bytes when the other side takes them."""
        self._waiting += data
        self.pump()

    def put_end(self, trailers: Fields) -> None:
        """Says, after what waits, that there is no more."""
        self._trailers = trailers
        self.pump()

    def pump(self) -> None:
        """Sends what may be sent."""
        if self.gone or self.sent_all:
            return
        http2 = self.line.http2
        while self._waiting and not self.line.clogged:
            window = http2.local_flow_control_window(self.number)
            size = min(len(self._waiting), window, http2.max_outbound_frame_size)
            if size <= 0:
                break
            http2.send_data(self.number, bytes(self._waiting[:size]))
            del self._waiting[:size]
        if self._trailers is not None and not self._waiting:
            if self._trailers:
                http2.send_headers(self.number, self._trailers, end_stream=True)
            else:
                http2.end_stream(self.number)
            self.sent_all = True
        self._settle()
        self._tell()

    def reset(self, code: ErrorCodes) -> None:
        """Ends it now, in both directions."""
        if self.gone:
            return
        self.gone = True
        self.line.forget(self)
        if not (self.sent_all and self.heard_all):
            self.line.reset(self.number, code)

    # Receiving

    def pause(self) -> None:
        """Lets the other side send no more than its window."""
        self._paused = True

    def resume(self) -> None:
        """Opens the window again."""
        self._paused = False
        unread, self._unread = self._unread, 0
        self.line.acknowledge(self.number, unread)

    def count(self, size: int) -> None:
        """So many bytes have come and count against the window."""
        if self._paused:
            self._unread += size
        else:
            self.line.acknowledge(self.number, size)

    def hear_end(self) -> None:
        """The other side has sent all."""
        self.heard_all = True
        self._settle()

    def _settle(self) -> None:
        if self.sent_all and self.heard_all:
            self.line.forget(self)
        self.line.flush_soon()

    def _tell(self) -> None:
        full = len(self._waiting) > _MOST_WAITING_BYTES
        if full == self._holding:
            return
        self._holding = full
        if full:
            self.hold()
        else:
            self.go_on()


class _StateMachine(H2ConnectionStateMachine):
    """The library's, but GOAWAY lets the streams that are open go on (RFC 9113, section 6.8)."""

    def process_input(self, input_: ConnectionInputs) -> list[Event]:
        """As the library's."""
        before = self.state
        events = super().process_input(input_)
        if input_ is ConnectionInputs.RECV_GOAWAY:
            self.state = before
        return events


class _Connection(H2Connection):
    """The library's, but what is still to be sent when GOAWAY comes is sent."""

    def clear_outbound_data_buffer(self) -> None:
        """Nothing: the library calls it for GOAWAY, after which open streams go on."""


class Line(asyncio.Protocol):
    """One connection.

    Args:
        client_side: the front end asks, and the other side answers.
    """

    def __init__(self, *, client_side: bool, idle_s: float) -> None:
        self._idle_s = idle_s
        self._deadline = Deadline(self._expired)
        self._first: bytes | None = b""
        self._preface_bytes = 0 if client_side else _PREFACE_BYTES
        self.http2 = _Connection(H2Configuration(client_side=client_side, header_encoding=None))
        self.http2.state_machine = _StateMachine()
        self.streams: dict[int, Stream] = {}
        self.clogged = False
        self.ending = False
        self.transport: asyncio.Transport
        self._flushing = False
        self._trailers: dict[int, Fields] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self.transport = cast(asyncio.Transport, transport)
        self.http2.initiate_connection()
        self.http2.increment_flow_control_window(_WINDOW_BYTES)
        self.flush()
        self._deadline.expire_in(self._idle_s)

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        try:
            if self._first is not None:
                self._open(data)
            for event in self.http2.receive_data(data):
                self._hear(event)
        except ProtocolError:
            self.flush()
            self._lose_all(PROTOCOL_ERROR)
            self.transport.close()
            return
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio.Protocol
        """As `asyncio.Protocol`."""
        self._deadline.stop()
        self._lose_all(TERMINATION)

    def pause_writing(self) -> None:
        """As `asyncio.Protocol`."""
        self.clogged = True

    def resume_writing(self) -> None:
        """As `asyncio.Protocol`."""
        self.clogged = False
        self._pump(self.streams.values())

    def begun(self, event: Event) -> None:
        """A head has come; its kinds know what it means."""

    def cut(self) -> None:
        """Ends the connection now."""
        self.transport.abort()

    def forget(self, stream: Stream) -> None:
        """A stream is over."""
        if self.streams.pop(stream.number, None) is not None and not self.streams:
            self._rest()

    def reset(self, number: int, code: ErrorCodes) -> None:
        """Tells the other side that a stream is over."""
        if self._may_send():
            self.http2.reset_stream(number, code)
            self.flush_soon()

    def acknowledge(self, number: int, size: int) -> None:
        """Opens the window for as much as was read."""
        if size and self._may_send():
            self.http2.acknowledge_received_data(size, number)
            self.flush_soon()

    def flush_soon(self) -> None:
        """Sends what there is at the end of this turn of the loop."""
        if not self._flushing:
            self._flushing = True
            asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Sends what there is."""
        self._flushing = False
        data = self.http2.data_to_send()
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def _open(self, data: bytes) -> None:
        """Looks at the type of the first frame, which would else be waited for to its end.

        Raises:
            ProtocolError: it is not SETTINGS (RFC 9113, section 3.4): this is not HTTP/2.
        """
        self._first = first = (self._first or b"") + data
        at = self._preface_bytes + _TYPE_AT
        if len(first) > at:
            self._first = None
            if first[at] != _SETTINGS:
                raise ProtocolError

    def _may_send(self) -> bool:
        return not self.transport.is_closing()

    def _hear(self, event: Event) -> None:
        match event:
            case DataReceived():
                self._hear_data(event)
            case TrailersReceived():
                self._trailers[event.stream_id] = cast(Fields, list(event.headers))
            case StreamEnded():
                self._hear_end(event.stream_id)
            case StreamReset():
                self._lose(event.stream_id)
            case WindowUpdated() | RemoteSettingsChanged():
                self._pump(self.streams.values())
            case ConnectionTerminated():
                self._hear_goodbye()
            case _:
                self.begun(event)

    def _hear_goodbye(self) -> None:
        self.ending = True
        if not self.streams:
            self._rest()

    def _rest(self) -> None:
        """No stream is left: it may stay for a while, unless the other side is about to go."""
        if self.ending:
            self.flush()
            self.transport.close()
        else:
            self._deadline.expire_in(self._idle_s)

    def _expired(self) -> None:
        if self.streams:
            self._deadline.expire_in(self._idle_s)
            return
        self.http2.close_connection()
        self.flush()
        self.transport.close()

    def _hear_data(self, event: DataReceived) -> None:
        stream = self.streams.get(event.stream_id)
        if stream is None:
            self.acknowledge(event.stream_id, event.flow_controlled_length)
            return
        if event.data:
            stream.take(event.data)
        stream.count(event.flow_controlled_length)

    def _hear_end(self, number: int) -> None:
        trailers = self._trailers.pop(number, [])
        stream = self.streams.get(number)
        if stream is not None:
            stream.hear_end()
            stream.take_end(trailers)

    def _lose(self, number: int) -> None:
        stream = self.streams.get(number)
        if stream is not None:
            stream.gone = True
            self.forget(stream)
            stream.lost(REMOTE_RESET)

    def _lose_all(self, why: str) -> None:
        for stream in tuple(self.streams.values()):
            stream.gone = True
            self.forget(stream)
            stream.lost(why)

    def _pump(self, streams: Iterable[Stream]) -> None:
        for stream in tuple(streams):
            stream.pump()
