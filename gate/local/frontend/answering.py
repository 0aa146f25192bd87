"""How a client's request ends, and what is answered in an instance's place."""

import asyncio
from abc import abstractmethod

from gate.local.frontend.address import Address, FrontEndContext
from gate.local.frontend.answers import answer, page
from gate.local.frontend.exchange import Exchange, body_of
from gate.local.frontend.heads import RequestHead
from gate.local.frontend.limits import Refusal
from gate.local.frontend.line import ClientLine
from gate.local.frontend.trace import follow
from gate.local.ports import Denial, RevisionKey, Share

_CLOSE = b"Connection: close\r\n"


class AnsweringLine(ClientLine):
    """Ends requests, one after another, and answers what no instance does.

    Args:
        context: what all connections share.
        address: where the client came in.
        protocol: what the client speaks, where it is not the HTTP/1.1 that comes in here.
    """

    __slots__ = ("_address", "_clogged", "_exchange", "_ip", "_protocol")

    def __init__(self, context: FrontEndContext, address: Address, protocol: str) -> None:
        super().__init__(context, self._feed_head)
        self._address = address
        self._protocol = protocol
        self._ip = ""
        self._exchange: Exchange | None = None
        self._clogged = False

    @abstractmethod
    def _feed_head(self, data: bytes) -> None:
        """Takes the bytes of a request's head."""

    @abstractmethod
    def _feed_ahead(self, data: bytes) -> None:
        """Keeps bytes that come before they can be used."""

    @abstractmethod
    def relay(self, data: bytes) -> None:
        """Passes bytes of a response to the client."""

    def _end(self, exchange: Exchange, text: str | None, *, gently: bool) -> None:
        """The exchange is over: gives everything back and logs it."""
        self._exchange = None
        if exchange.upstream is not None:
            if gently:
                exchange.upstream.close()
            else:
                exchange.upstream.drop()
            exchange.upstream = None
        if exchange.lease is not None:
            self._context.places.release(exchange.lease)
        self._context.sink.append(
            exchange.log_line(self._address.url, self._ip, text, self._protocol)
        )

    def _next(self, exchange: Exchange) -> None:
        self._held = False
        self._choose_to_read()
        if exchange.closes:
            self._hang_up(lingers=not exchange.body.done or bool(self._ahead))
            return
        self._deadline.expire_in(self._context.settings.idle_s)
        if self._ahead or self._clogged:
            self._feed = self._feed_ahead
            self._go_on_with_ahead()
        else:
            self._feed = self._feed_head

    def _go_on_with_ahead(self) -> None:
        """Not from within the request that ends: thousands may be waiting."""
        asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        """Goes on with what the client sent ahead, unless it does not read its answers."""
        if self._exchange is not None or self._clogged or self._feed != self._feed_ahead:
            return
        data = self._take_ahead()
        self._feed = self._feed_head
        self._choose_to_read()
        if data:
            self._feed(data)

    def _fail(self, exchange: Exchange, status: int, body: str, text: str | None) -> None:
        """Answers in the instance's place."""
        self._refuse_exchange(exchange, Refusal(status, body.encode(), text))

    def _refuse_exchange(self, exchange: Exchange, refusal: Refusal) -> None:
        """Answers in the instance's place, if the client has not had a status yet."""
        if exchange.status or self._transport.is_closing():
            self._end(exchange, refusal.text, gently=False)
            self._transport.abort()
            return
        exchange.status = refusal.status
        exchange.closes = not (exchange.body.done and exchange.head.keep_alive)
        fields = exchange.trace.response_field() + (_CLOSE if exchange.closes else b"")
        head_only = exchange.head.method == b"HEAD"
        body, is_page = refusal.body, refusal.is_page
        self.relay(answer(refusal.status, body, fields, is_page=is_page, head_only=head_only))
        self._end(exchange, refusal.text, gently=False)
        self._next(exchange)

    def _answer_itself(self, head: RequestHead, why: Denial | int, data: bytes, end: int) -> None:
        """Answers what never reaches a revision; the log shows only what the door denied."""
        if isinstance(why, int):
            why = Denial(why, page(why, head.target.decode()))
        closes = not head.keep_alive or head.length != 0
        fields = follow(head.found).response_field() + (_CLOSE if closes else b"") + why.fields
        head_only = head.method == b"HEAD"
        said = answer(why.status, why.page, fields, is_page=True, head_only=head_only)
        self._transport.write(said)
        if why.text:
            self._log_denial(head, why, end, len(said))
        if closes:
            self._hang_up(lingers=head.length != 0)
            return
        self._deadline.expire_in(self._context.settings.idle_s)
        self._feed = self._feed_ahead
        self._feed_ahead(data[end:])
        self._go_on_with_ahead()

    def _log_denial(self, head: RequestHead, why: Denial, asked: int, said: int) -> None:
        nowhere = Share(RevisionKey(self._address.service, ""), 100)
        exchange = Exchange(head, nowhere, follow(head.found), body_of(head), asked)
        exchange.status, exchange.response_bytes = why.status, said
        line = exchange.log_line(self._address.url, self._ip, why.text, self._protocol)
        self._context.sink.append(line)

    def _refuse(self, status: int) -> None:
        """Answers what is no request, and hears no more of this client."""
        self._transport.write(answer(status, page(status, ""), _CLOSE, is_page=True))
        self._hang_up(lingers=True)
