"""Connections of HTTP/1.1 to instances: one request at a time each, kept for the next one."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

from gate.local.frontend.bodies import (
    Body,
    ChunkedBody,
    EndlessBody,
    FramingError,
    LengthBody,
)
from gate.local.frontend.heads import HeadBuffer, HeadError, ResponseHead, parse_response
from gate.local.frontend.seams import Receiver
from gate.local.frontend.settings import FrontEndSettings
from gate.local.ports import Lease

_BODILESS: Final = frozenset({204, 304})


class UpstreamConnection(asyncio.Protocol):
    """One connection of HTTP/1.1 to an instance (an Upstream).

    Args:
        settings: sizes.
        lost: called when the connection is gone.
    """

    __slots__ = (
        "_body",
        "_feed",
        "_head_only",
        "_heads",
        "_keep",
        "_lost",
        "_receiver",
        "_tunnels",
        "_upgrading",
        "idle_since_s",
        "reused",
        "transport",
    )

    def __init__(
        self, settings: FrontEndSettings, lost: "Callable[[UpstreamConnection], None]"
    ) -> None:
        self.transport: asyncio.Transport
        self.idle_since_s = 0.0
        self.reused = False
        self._lost = lost
        self._heads = HeadBuffer(settings.head_bytes)
        self._receiver: Receiver | None = None
        self._body: Body | None = None
        self._head_only = False
        self._upgrading = False
        self._tunnels = False
        self._keep = False
        self._feed: Callable[[bytes], None] = self._feed_idle

    def begin(self, receiver: Receiver, request: bytes, *, head_only: bool, upgrade: bool) -> None:
        """As `Upstream.begin`."""
        self._receiver = receiver
        self._head_only = head_only
        self._upgrading = upgrade
        self._body = None
        self._feed = self._feed_head
        self.transport.write(request)

    def send(self, data: bytes) -> None:
        """As `Upstream.send`."""
        if not self.transport.is_closing():
            self.transport.write(data)

    def finish(self) -> None:
        """As `Upstream.finish`."""
        with suppress(OSError, RuntimeError):
            if not self.transport.is_closing():
                self.transport.write_eof()

    def close(self) -> None:
        """As `Upstream.close`."""
        self._receiver = None
        self._feed = self._feed_idle
        self.transport.close()

    def drop(self) -> None:
        """As `Upstream.drop`."""
        self._receiver = None
        self._feed = self._feed_idle
        self.transport.abort()

    def pause(self) -> None:
        """As `Upstream.pause`."""
        if not self.transport.is_closing():
            self.transport.pause_reading()

    def resume(self) -> None:
        """As `Upstream.resume`."""
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        self._feed(data)

    def eof_received(self) -> bool:
        """As `asyncio.Protocol`: a tunnel stays open in the other direction."""
        if self._tunnels and self._receiver is not None:
            self._receiver.half_closed()
            return True
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.Protocol`."""
        receiver, self._receiver = self._receiver, None
        self._feed = _ignore
        self._lost(self)
        if receiver is None:
            return
        if self._body is not None and self._body.at_eof and exc is None:
            receiver.finished(reusable=False)
        else:
            receiver.broken(malformed=False)

    def pause_writing(self) -> None:
        """As `asyncio.Protocol`."""
        if self._receiver is not None:
            self._receiver.hold()

    def resume_writing(self) -> None:
        """As `asyncio.Protocol`."""
        if self._receiver is not None:
            self._receiver.go_on()

    def _feed_idle(self, data: bytes) -> None:  # noqa: ARG002 - whatever it is
        """Bytes that nobody asked for."""
        self.transport.abort()

    def _feed_head(self, data: bytes) -> None:
        receiver = self._receiver
        assert receiver is not None
        try:
            while True:
                found = self._heads.feed(data)
                if found is None:
                    return
                data, end = found
                head = parse_response(data[:end])
                if head.status >= 200:
                    break
                if head.status == 101:
                    self._change(receiver, head, data[end:])
                    return
                receiver.relay(_interim(head))
                data = data[end:]
            self._respond(receiver, head, data, end)
        except (HeadError, FramingError):
            self._break(malformed=True)

    def _respond(self, receiver: Receiver, head: ResponseHead, data: bytes, end: int) -> None:
        self._body = body = _body_of(head, head_only=self._head_only)
        self._keep = head.keep_alive
        stop = body.take(data, end)
        start = receiver.compose(head, body)
        if self._receiver is None:  # it was refused
            return
        if body.done:
            receiver.relay(start + data[end:stop])
            self._done(reusable=self._keep and stop == len(data))
        else:
            self._feed = self._feed_body
            receiver.relay(start + data[end:] if end < len(data) else start)

    def _feed_body(self, data: bytes) -> None:
        receiver, body = self._receiver, self._body
        assert receiver is not None
        assert body is not None
        try:
            stop = body.take(data)
        except FramingError:
            self._break(malformed=True)
            return
        if not body.done:
            receiver.relay(data)
            return
        receiver.relay(data[:stop])
        self._done(reusable=self._keep and stop == len(data))

    def _change(self, receiver: Receiver, head: ResponseHead, rest: bytes) -> None:
        if not self._upgrading:
            self._break(malformed=True)
            return
        self._tunnels = True
        self._feed = receiver.relay
        receiver.changed(head, rest)

    def _done(self, *, reusable: bool) -> None:
        receiver, self._receiver = self._receiver, None
        self._feed = self._feed_idle
        if receiver is not None:
            receiver.finished(reusable=reusable and not self.transport.is_closing())

    def _break(self, *, malformed: bool) -> None:
        receiver = self._receiver
        self.drop()
        if receiver is not None:
            receiver.broken(malformed=malformed)


class UpstreamPool:
    """Connections to instances that rest between two requests, newest first (a Pool).

    Args:
        settings: how long they rest.
    """

    def __init__(self, settings: FrontEndSettings) -> None:
        self._settings = settings
        self._resting: dict[str, list[UpstreamConnection]] = {}
        self._all: set[UpstreamConnection] = set()
        self._timer: asyncio.TimerHandle | None = None

    def take(self, lease: Lease) -> UpstreamConnection | None:
        """As `Pool.take`: one that has just been used."""
        resting = self._resting.get(lease.instance_id)
        while resting:
            connection = resting.pop()
            if not connection.transport.is_closing():
                connection.reused = True
                return connection
        return None

    async def connect(self, lease: Lease) -> UpstreamConnection:
        """As `Pool.connect`."""
        connection = UpstreamConnection(self._settings, self._all.discard)
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection, lease.host, lease.port
            )
        except BaseException:
            if hasattr(connection, "transport"):
                connection.drop()
            raise
        self._all.add(connection)
        return connection

    def give(self, lease: Lease, connection: UpstreamConnection) -> None:
        """Keeps a connection for the instance's next request."""
        connection.idle_since_s = time.monotonic()
        self._resting.setdefault(lease.instance_id, []).append(connection)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._settings.upstream_idle_s, self._sweep)

    def close(self) -> None:
        """As `Pool.close`."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._resting.clear()
        for connection in tuple(self._all):
            connection.drop()
        self._all.clear()

    def _sweep(self) -> None:
        """Closes what has rested for too long."""
        self._timer = None
        oldest_s = time.monotonic() - self._settings.upstream_idle_s
        for instance_id, resting in tuple(self._resting.items()):
            fresh = [each for each in resting if each.idle_since_s > oldest_s]
            for connection in resting:
                if connection.idle_since_s <= oldest_s:
                    connection.transport.close()
            if fresh:
                self._resting[instance_id] = fresh
            else:
                del self._resting[instance_id]
        if self._resting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._settings.upstream_idle_s / 2, self._sweep)


def _body_of(head: ResponseHead, *, head_only: bool) -> Body:
    if head_only or head.status in _BODILESS:
        return LengthBody(0)
    if head.chunked:
        return ChunkedBody()
    return EndlessBody() if head.length is None else LengthBody(head.length)


def _interim(head: ResponseHead) -> bytes:
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (head.status, head.reason, head.fields)


def _ignore(data: bytes) -> None:
    """Bytes after the end."""
