"""A client's connection: reads requests, one after another, and sees each to its end.

    _feed_head -> (own answer | place -> connection -> request) -> _feed_body -> _feed_ahead
        ^                                                                            |
        +------------------------ response finished, log line -----------------------+
    after 101: _feed_tunnel, until one side ends or the request's time is up

Bytes are handed on as they come. A side that reads slowly stops the other from being read. How the
connection is read and closed, whatever it carries, is ClientLine's; how a request ends, and what is
answered in an instance's place, AnsweringLine's.
"""

import asyncio
from typing import cast

from gate.local.frontend.address import Address, FrontEndContext
from gate.local.frontend.affinity import session_of
from gate.local.frontend.answering import AnsweringLine
from gate.local.frontend.answers import (
    MALFORMED,
    NO_INSTANCE,
    UPSTREAM_TIMEOUT,
)
from gate.local.frontend.bodies import Body, FramingError
from gate.local.frontend.exchange import CLIENT_GONE, Exchange, body_of
from gate.local.frontend.heads import (
    HeadBuffer,
    HeadError,
    RequestHead,
    ResponseHead,
    parse_request,
)
from gate.local.frontend.limits import (
    REQUEST_TOO_LARGE,
    refuses_request,
    refuses_response,
)
from gate.local.frontend.line import ignore
from gate.local.frontend.seams import Upstream
from gate.local.frontend.trace import follow
from gate.local.frontend.upstream import UpstreamConnection
from gate.local.ports import Lease, NoInstanceError, Share

_PREFACE = b"PRI * HTTP/2.0\r\n\r\n"
_TRUNCATED = "The response was cut short: the instance ended, or the request's time was up."


class ClientConnection(AnsweringLine):
    """One connection of a client (a Receiver of responses).

    Args:
        context: what all connections share.
        address: where the client came in.
        protocol: what the client speaks, where it is not the HTTP/1.1 that comes in here.
    """

    __slots__ = ("_heads", "_task")

    def __init__(self, context: FrontEndContext, address: Address, protocol: str = "") -> None:
        super().__init__(context, address, protocol)
        self._heads = HeadBuffer(context.settings.head_bytes)
        self._task: asyncio.Task[None] | None = None

    # The client's side: asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._ip = peer[0] if peer else "127.0.0.1"
        self._context.enter(self)
        self._deadline.expire_in(self._context.settings.idle_s)

    def data_received(self, data: bytes) -> None:
        """As `asyncio.Protocol`."""
        self._feed(data)

    def eof_received(self) -> bool:
        """As `asyncio.Protocol`: a client that ends ends its request, but a tunnel half by half."""
        exchange = self._exchange
        if exchange is None or exchange.status != 101 or self._leaving:
            return False
        if exchange.upstream is not None:
            exchange.upstream.finish()
        self._leaving = True
        self._deadline.expire_in(self._context.settings.linger_s)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """As `asyncio.Protocol`."""
        self._context.leave(self)
        self._feed = ignore
        self._deadline.stop()
        if self._task is not None:
            self._task.cancel()
            self._task = None
        exchange = self._exchange
        if exchange is not None:
            exchange.status = exchange.status or CLIENT_GONE
            self._end(exchange, None, gently=exc is None and exchange.status == 101)

    def pause_writing(self) -> None:
        """As `asyncio.Protocol`."""
        self._clogged = True
        if self._exchange is not None and self._exchange.upstream is not None:
            self._exchange.upstream.pause()

    def resume_writing(self) -> None:
        """As `asyncio.Protocol`."""
        self._clogged = False
        if self._exchange is None:
            self._go_on_with_ahead()
        elif self._exchange.upstream is not None:
            self._exchange.upstream.resume()

    # Bytes from the client, by what they belong to

    def _feed_head(self, data: bytes) -> None:
        begins = not self._heads
        if begins and data.startswith(b"\r\n"):
            data = data.lstrip(b"\r\n")
        try:
            found = self._heads.feed(data)
            if found is None:
                if begins:
                    self._deadline.expire_in(self._context.settings.head_s)
                return
            data, end = found
            head = parse_request(data[:end])
        except HeadError as error:
            if data.startswith(_PREFACE):
                self._speak_http2(data)
            else:
                self._refuse(error.status)
            return
        to = self._address.judge(head)
        if isinstance(to, Share):
            self._begin(head, to, data, end)
        else:
            self._answer_itself(head, to, data, end)

    def _speak_http2(self, data: bytes) -> None:
        """Gives the connection to what understands its first bytes (RFC 9113, section 3.4)."""
        from gate.local.frontend.http2_client import Http2Client  # noqa: PLC0415 - few need it

        context, address = self._context, self._address
        other = Http2Client(context, lambda: ClientConnection(context, address, "HTTP/2"))
        self._transport.set_protocol(other)
        self._deadline.stop()
        other.connection_made(self._transport)
        other.data_received(data)
        context.leave(self)

    def _feed_body(self, data: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        try:
            stop = exchange.body.take(data)
        except FramingError:
            self._fail(exchange, 400, "Bad Request", None)
            return
        exchange.request_bytes += stop
        if exchange.is_too_large(self._context.settings.request_bytes):
            self._refuse_exchange(exchange, REQUEST_TOO_LARGE)
            return
        if exchange.body.done:
            self._feed = self._feed_ahead
            if stop < len(data):
                self._feed_ahead(data[stop:])
                data = data[:stop]
        if exchange.upstream is not None:
            exchange.upstream.send(data)

    def _feed_ahead(self, data: bytes) -> None:
        """What came before it could be used: while a place is found, or the next request."""
        self._ahead += data
        self._choose_to_read()

    def _feed_tunnel(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is not None and exchange.upstream is not None:
            exchange.request_bytes += len(data)
            exchange.upstream.send(data)

    # A request's way to an instance

    def _begin(self, head: RequestHead, share: Share, data: bytes, end: int) -> None:
        context = self._context
        exchange = Exchange(head, share, follow(head.found), body_of(head), end, end)
        self._exchange = exchange
        self._deadline.expire_in(share.timeout_s)
        refusal = refuses_request(head, share, context.settings)
        if refusal is not None:
            self._feed_ahead(data[end:])
            self._refuse_exchange(exchange, refusal)
            return
        exchange.lease = lease = self._place(exchange)
        upstream = None if lease is None else context.pool_for(share).take(lease)
        if upstream is not None:
            self._send(exchange, upstream, data[end:])
            return
        self._feed = self._feed_ahead
        self._feed_ahead(data[end:])
        self._find(exchange)

    def _place(self, exchange: Exchange) -> Lease | None:
        """A place that is free now; the one that the client had before, if it may."""
        share = exchange.share
        if not share.affinity:
            return self._context.places.try_acquire(share.revision)
        exchange.session = session = session_of(exchange.head.found)
        instance_id = "" if session is None else session.instance_id
        return self._context.places.try_acquire(share.revision, instance_id)

    def _find(self, exchange: Exchange) -> None:
        self._task = asyncio.get_running_loop().create_task(self._find_instance(exchange))

    async def _find_instance(self, exchange: Exchange) -> None:
        """Waits for a place and a connection to it, then sends the request."""
        context = self._context
        try:
            if exchange.lease is None:
                exchange.lease = await context.places.acquire(exchange.share.revision)
            pool = context.pool_for(exchange.share)
            upstream = pool.take(exchange.lease) or await pool.connect(exchange.lease)
        except NoInstanceError as refusal:
            self._task = None
            self._fail(exchange, refusal.status, refusal.text, NO_INSTANCE)
        except OSError:
            self._task = None
            self._fail(exchange, 503, MALFORMED, MALFORMED)
        else:
            self._task = None
            self._send(exchange, upstream, self._take_ahead())
            self._choose_to_read()

    def _send(self, exchange: Exchange, upstream: Upstream, rest: bytes) -> None:
        head = exchange.head
        exchange.upstream = upstream
        upstream.begin(
            self,
            exchange.request(self._ip),
            head_only=head.method == b"HEAD",
            upgrade=bool(head.upgrade),
        )
        self._feed = self._feed_ahead if exchange.body.done else self._feed_body
        if rest:
            self._feed(rest)

    # The instance's side: Receiver

    def compose(self, head: ResponseHead, body: Body) -> bytes:
        """As `Receiver.compose`."""
        exchange = self._exchange
        assert exchange is not None
        refusal = refuses_response(head, exchange.head, exchange.share, self._context.settings)
        if refusal is not None:
            self._refuse_exchange(exchange, refusal)
            return b""
        exchange.status = head.status
        exchange.closes = (
            body.at_eof
            or not exchange.head.keep_alive
            or not exchange.body.done
            or self._address.shut
        )
        return exchange.response(head)

    def relay(self, data: bytes) -> None:
        """As `Receiver.relay`."""
        exchange = self._exchange
        if exchange is not None and not self._transport.is_closing():
            exchange.response_bytes += len(data)
            self._transport.write(data)

    def finished(self, *, reusable: bool) -> None:
        """As `Receiver.finished`."""
        exchange = self._exchange
        assert exchange is not None
        upstream, lease = exchange.upstream, exchange.lease
        reusable = reusable and exchange.body.done and exchange.head.minor == 1
        if reusable and isinstance(upstream, UpstreamConnection) and lease is not None:
            if self._clogged:
                upstream.resume()
            self._context.pool.give(lease, upstream)
            exchange.upstream = None
        self._end(exchange, None, gently=True)
        self._next(exchange)

    def changed(self, head: ResponseHead, rest: bytes) -> None:
        """As `Receiver.changed`."""
        exchange = self._exchange
        assert exchange is not None
        exchange.status = head.status
        self.relay(exchange.response(head) + rest)
        ahead = self._take_ahead()
        self._feed = self._feed_tunnel
        self._feed_tunnel(ahead)
        self._choose_to_read()

    def half_closed(self) -> None:
        """As `Receiver.half_closed`."""
        if self._leaving:
            self._transport.close()
            return
        self._leaving = True
        self._say_end()

    def broken(self, *, malformed: bool, why: str = MALFORMED) -> None:
        """As `Receiver.broken`."""
        exchange = self._exchange
        assert exchange is not None
        again = not malformed and exchange.may_repeat()
        exchange.upstream = None
        if again:
            self._find(exchange)
        elif exchange.status == 101:
            self._end(exchange, None, gently=True)
            self._hang_up()
        elif not exchange.status:
            self._fail(exchange, 503, why, why)
        else:
            self._end(exchange, _TRUNCATED, gently=False)
            self._transport.abort()

    def hold(self) -> None:
        """As `Receiver.hold`."""
        self._held = True
        self._choose_to_read()

    def go_on(self) -> None:
        """As `Receiver.go_on`."""
        self._held = False
        self._choose_to_read()

    # Time

    def _expired(self) -> None:
        exchange = self._exchange
        if self._task is not None:
            self._task.cancel()
            self._task = None
        if self._leaving or self._transport.is_closing():
            self._transport.abort()
        elif exchange is None:
            if self._heads:
                self._refuse(408)
            else:
                self._hang_up_soon()
        elif exchange.status == 101:
            self._end(exchange, None, gently=True)
            self._hang_up_soon()
        else:
            text = _TRUNCATED if exchange.status else UPSTREAM_TIMEOUT
            self._fail(exchange, 504, UPSTREAM_TIMEOUT, text)
