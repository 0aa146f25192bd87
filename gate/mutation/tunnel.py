"""A WebSocket session between a probe and the service, with a conversation in between.

Where nothing is to be changed, bytes pass as they are; else frames are taken apart, and texts go
through the conversation.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

from websockets.exceptions import PayloadTooBig, ProtocolError, WebSocketException
from websockets.frames import Close, CloseCode, Frame, Opcode

from gate.http1.streams import Streams
from gate.mutation.service_profile import Sessions
from gate.mutation.websocket_faults import (
    Conversation,
    Effects,
    End,
    Seat,
    ToClient,
    ToOther,
    ToOthers,
    ToServer,
    Wait,
)
from gate.mutation.wire import MESSAGE_MAX, Frames

Item = str | Frame
_LEAVE_WITHIN_S = 5.0
"""How long the service may take to end a session that the probe has left."""
_MEANT_WITHIN_S = 0.05
"""How long the service may take to send everybody the same message."""
_KEPT = 200
_REASONS = {1008: "SSOT Auth failed", 1011: "Factory SSOT validation failed"}


class Owner(Protocol):
    """The proxy that a session belongs to."""

    def struck(self) -> None:
        """Something was not as the service said it."""
        ...

    def other(self, session: "Tunnel") -> "Tunnel | None":
        """Another session that is open, None where there is none."""
        ...

    def others(self, session: "Tunnel") -> "Sequence[Tunnel]":
        """All other open sessions."""
        ...


class Tunnel:
    """One session.

    Args:
        client, server: the two connections, after the handshake.
        conversation: what happens to its messages; None leaves every byte as it is.
        owner: the proxy; told of strikes, and knows the others.
        known: notes what is heard, None where nobody learns.
        seat: notes what the probe says.
    """

    def __init__(
        self,
        client: Streams,
        server: Streams,
        conversation: Conversation | None,
        owner: Owner,
        known: Sessions | None = None,
        seat: Seat | None = None,
    ) -> None:
        self._client = client
        self._server = server
        self._conversation = conversation
        self._owner = owner
        self._known = known
        self._seat = seat
        self._texts: deque[str] = deque(maxlen=_KEPT)
        self._said = 0
        self._ended = False
        self._closing = False
        self._alone = False

    async def run(self, from_client: bytes, from_server: bytes) -> None:
        """Carries the session to its end.

        Args:
            from_client: what came from the probe right behind its handshake.
            from_server: what came from the service right behind its answer.
        """
        pumps = {
            asyncio.ensure_future(self._client_pump(from_client)),
            server := asyncio.ensure_future(self._server_pump(from_server)),
        }
        try:
            await self._carry_out(self._conversation.opened() if self._conversation else (), ())
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            patience_s = None if server.done() else _LEAVE_WITHIN_S
            await asyncio.wait(pumps, timeout=patience_s)
        except (OSError, WebSocketException):
            self._client.break_off()
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def hear(self, text: str) -> None:
        """Lets this session's probe hear a message, whoever it was meant for."""
        self._texts.append(text)
        await say(self._client, text)

    def would_hear(self, text: str, *, known: bool) -> bool:
        """Whether a message that leaks would be news to this session's probe.

        Args:
            text: the message.
            known: whether it leaks only to those that have heard its speaker before.
        """
        if text in self._texts or (known and self._seat is None):
            return False
        return not known or (self._seat is not None and self._seat.knows(text))

    async def _client_pump(self, data: bytes) -> None:
        items = Items(masked=True, lenient=self._conversation is None)
        with contextlib.suppress(OSError, WebSocketException):
            while data := data or await self._client.read():
                if self._conversation is None:
                    await self._server.write(data)
                for item in items.feed(data):
                    await self._asked(item)
                data = b""
        self._server.end()

    async def _server_pump(self, data: bytes) -> None:
        items = Items(masked=False, lenient=self._conversation is None)
        with contextlib.suppress(OSError, WebSocketException):
            while data := data or await self._server.read():
                if self._conversation is None:
                    await self._client.write(data)
                for item in items.feed(data):
                    await self._heard(item)
                data = b""
        if not self._holds_on:
            self._client.end()

    @property
    def _holds_on(self) -> bool:
        """Whether the probe is to believe that the session goes on although it has ended."""
        return (
            self._conversation is not None
            and not self._conversation.keeps_close
            and not self._closing
        )

    async def _asked(self, item: Item) -> None:
        """A text of the probe, or another frame."""
        if isinstance(item, str):
            if self._known is not None:
                self._known.asked += 1
            if self._seat is not None:
                self._seat.says(item)
        else:
            self._closing = self._closing or item.opcode is Opcode.CLOSE
        if self._conversation is None or self._ended:
            return
        if isinstance(item, str):
            await self._carry_out(self._conversation.asked(item), (ToServer(item),))
        elif self._alone:
            await take_leave(self._client, item)
        else:
            await self._server.write(item.serialize(mask=True))

    async def _heard(self, item: Item) -> None:
        """A text of the service, or another frame."""
        self._learn(item)
        if isinstance(item, str):
            if self._conversation is None:
                self._texts.append(item)
            if self._seat is not None:
                self._seat.hears(item)
        if self._conversation is None or self._ended:
            return
        if isinstance(item, str):
            await self._carry_out(self._conversation.said(item), (ToClient(item),))
        elif item.opcode is Opcode.CLOSE and self._holds_on:
            self._owner.struck()
            self._alone = True
            await self._server.write(item.serialize(mask=True))
        elif item.opcode in (Opcode.PING, Opcode.PONG) and not self._conversation.keeps_pings:
            self._owner.struck()
        else:
            await self._client.write(item.serialize(mask=False))

    def _learn(self, item: Item) -> None:
        if self._known is None:
            return
        if isinstance(item, str):
            self._said += 1
            self._known.heard(item, self._said)
            if self._seat is not None:
                self._known.relayed += self._seat.relays(item)
                self._known.recalled += self._seat.recalls(item)
        elif item.opcode is Opcode.CLOSE and not self._closing:
            with contextlib.suppress(ProtocolError, UnicodeDecodeError):
                self._known.closed(int(Close.parse(bytes(item.data)).code))

    async def _carry_out(self, effects: Effects, usual: Effects) -> None:
        if tuple(one for one in effects if not isinstance(one, ToOthers)) != usual:
            self._owner.struck()
        for effect in effects:
            match effect:
                case ToClient(text):
                    await self.hear(text)
                case ToServer(text):
                    frame = Frame(Opcode.TEXT, text.encode())
                    await self._server.write(frame.serialize(mask=True))
                case ToOther() | ToOthers():
                    await self._leak(effect)
                case Wait(delay_s):
                    await asyncio.sleep(delay_s)
                case End(code):
                    await self._end(code)

    async def _leak(self, effect: ToOther | ToOthers) -> None:
        """Lets another one hear this, or all others that would not hear it anyway."""
        text = effect.text
        if isinstance(effect, ToOther):
            with contextlib.suppress(OSError):
                await (self._owner.other(self) or self).hear(text)
            return
        await asyncio.sleep(_MEANT_WITHIN_S)
        for other in self._owner.others(self):
            if other.would_hear(text, known=effect.known):
                self._owner.struck()
                with contextlib.suppress(OSError):
                    await other.hear(text)

    async def _end(self, code: int) -> None:
        self._ended = True
        self._server.break_off()
        if code != CloseCode.ABNORMAL_CLOSURE:
            said = b"" if code == CloseCode.NO_STATUS_RCVD else _close(code)
            await self._client.write(Frame(Opcode.CLOSE, said).serialize(mask=False))
        self._client.end()


def _close(code: int) -> bytes:
    return Close(code, _REASONS.get(code, "")).serialize()


async def say(client: Streams, text: str) -> None:
    """Lets a probe hear a message."""
    await client.write(Frame(Opcode.TEXT, text.encode()).serialize(mask=False))


async def keep_open(client: Streams, early: bytes) -> None:
    """Keeps a session open that nobody serves, until the probe leaves.

    Args:
        client: the connection, after the handshake.
        early: what came right behind it.
    """
    items = Items(masked=True, lenient=True)
    while early := early or await client.read():
        for item in items.feed(early):
            await take_leave(client, item)
        early = b""


async def take_leave(client: Streams, item: Item) -> None:
    """Answers a close frame in the service's place; any other frame is for nobody."""
    if isinstance(item, Frame) and item.opcode is Opcode.CLOSE:
        await client.write(item.serialize(mask=False))
        client.end()


class Items:
    """Takes bytes apart into texts, whole ones, and other frames.

    Args:
        masked: whether they come from a client.
        lenient: whether bytes that are no frames are passed over, since nothing depends on them.
    """

    def __init__(self, *, masked: bool, lenient: bool) -> None:
        self._frames: Frames | None = Frames(masked=masked)
        self._lenient = lenient
        self._parts: list[bytes] | None = None
        self._size_bytes = 0

    def feed(self, data: bytes) -> Iterator[Item]:
        """What is whole now.

        Raises:
            WebSocketException: these are no frames, or a text has more than MESSAGE_MAX bytes.
        """
        if self._frames is None:
            return
        try:
            for frame in self._frames.feed(data):
                item = self._add(frame)
                if item is not None:
                    yield item
        except WebSocketException:
            self._frames = None
            if not self._lenient:
                raise

    def _add(self, frame: Frame) -> Item | None:
        """The text that is whole with this frame; a frame that is part of none; else None."""
        if frame.opcode is Opcode.TEXT:
            self._parts, self._size_bytes = [], 0
        elif frame.opcode is not Opcode.CONT or self._parts is None:
            return frame
        self._parts.append(bytes(frame.data))
        self._size_bytes += len(frame.data)
        if self._size_bytes > MESSAGE_MAX:
            raise PayloadTooBig(self._size_bytes, MESSAGE_MAX)
        if not frame.fin:
            return None
        text, self._parts = b"".join(self._parts).decode(errors="replace"), None
        return text
