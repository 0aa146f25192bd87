"""One WebSocket connection: the library's protocol without its I/O, under our own Protocol.

Several times faster than the library's own client, and every frame passes through our hands
before a close can hide it. Memory is bounded: the library refuses messages above a size, reading
pauses while nobody takes what came, and the frames of one phase are counted.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import PayloadTooBig
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State

from gate.probes.quoting import quoted
from gate.probes.sockets.classify import Ending, How
from gate.probes.sockets.message import Message

FRAMES_MAX = 10_000
"""Most frames in one phase (one step of the script, or one hold)."""
UNREAD_MAX = 64
"""With so many messages waiting to be taken, reading pauses."""
_TOLD_MAX = 1 << 16
"""Characters of a message that are noted: more are shown nowhere."""
_HEAD_MAX = 32


class Connection(asyncio.Protocol):
    """Opens, sends, receives and ends. Knows frames; what they mean is for `arrived` to say.

    Args:
        ws: the library's side of the connection.
        request: its handshake, ready to be sent.
        arrived: told of each whole message; returns it as a Message.
        noted: told of each frame: mark (`<` or `>`) and text.

    Attributes:
        refusal: the library's error, once the handshake has failed; None if it has not.
        response: the answer to the handshake.
        head: the first bytes that came.
        ending: how the connection ended, None while it lives or if it never opened.
        over: done when it has ended or was refused.
        lost: done when the transport is gone.
        pings: how many pings of the protocol came; the library has answered them.
    """

    __slots__ = (
        "_answered",
        "_arrived",
        "_binary",
        "_closing",
        "_frames",
        "_frames_max",
        "_inbox",
        "_keeping",
        "_loop",
        "_noted",
        "_parts",
        "_paused",
        "_pongs",
        "_request",
        "_transport",
        "_unread_chars",
        "_waiter",
        "_ws",
        "ending",
        "head",
        "lost",
        "over",
        "pings",
        "refusal",
        "response",
    )

    def __init__(
        self,
        ws: ClientProtocol,
        request: bytes,
        arrived: Callable[[str], Message],
        noted: Callable[[str, str], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ws = ws
        self._request = request
        self._arrived = arrived
        self._noted = noted
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[None] = self._loop.create_future()
        self._waiter: asyncio.Future[None] | None = None
        self._inbox: deque[Message] = deque()
        self._unread_chars = 0
        self._parts: list[bytes] = []
        self._pongs: dict[bytes, asyncio.Future[None]] = {}
        self.pings = 0
        self._binary = False
        self.head = b""
        self._frames = 0
        self._frames_max = FRAMES_MAX
        self._paused = False
        self._keeping = True
        self._closing = False
        self.refusal: Exception | None = None
        self.response: Response | None = None
        self.ending: Ending | None = None
        self.over: asyncio.Future[None] = self._loop.create_future()
        self.lost: asyncio.Future[None] = self._loop.create_future()

    # What the session calls.

    @property
    def connected(self) -> bool:
        """Whether there is, or was, a transport at all."""
        return self._transport is not None

    @property
    def open(self) -> bool:
        """Whether the handshake succeeded and nothing has ended it since."""
        return self._answered.done() and not self.over.done()

    @property
    def subprotocol(self) -> str:
        """What the server selected, "" for none."""
        return self._ws.subprotocol or ""

    @property
    def status(self) -> int:
        """The HTTP status as far as the beginning of an answer shows it, 0 without one."""
        parts = self.head.split(b" ", 2)
        known = len(parts) > 1 and parts[0] == b"HTTP/1.1" and parts[1].isdigit()
        return int(parts[1][:3]) if known else 0

    async def answered(self) -> None:
        """Waits until the handshake has ended, one way or the other."""
        await self._answered

    async def take(self, deadline_s: float) -> Message | None:
        """The next message; None if none came before the deadline (loop time) or the end."""
        if not self._inbox and self.ending is None:
            await self._wait(deadline_s)
        if not self._inbox or self._loop.time() > deadline_s:
            return None
        message = self._inbox.popleft()
        self._unread_chars -= len(message.text)
        if self._paused and not self._crowded():
            self._resume()
        return message

    def begin_phase(self, frames_max: int = FRAMES_MAX, *, keep: bool = True) -> None:
        """Counts frames anew; with `keep` False nobody takes messages any more."""
        self._frames, self._frames_max = 0, frames_max
        if not keep:
            self._keeping = False
            self._inbox.clear()
            self._resume()

    def send(self, text: str) -> None:
        """Sends a text message; does nothing once the connection has ended."""
        if self._ws.state is State.OPEN:
            self._ws.send_text(text.encode())
            self._noted(">", text)
            self._flush()

    def ping(self) -> asyncio.Future[None]:
        """Pings; done when that very ping is answered, never once the connection has ended."""
        pong: asyncio.Future[None] = self._loop.create_future()
        if self._ws.state is State.OPEN:
            payload = secrets.token_bytes(8)
            self._pongs = {payload: pong}  # an older one is nobody's concern any more
            self._ws.send_ping(payload)
            self._noted(">", "ping")
            self._flush()
        return pong

    def close(self) -> None:
        """Begins to close with 1000; the end comes with the server's own close frame."""
        if self.open and self._ws.state is State.OPEN:
            self._closing = True
            self._ws.send_close(1000)
            self._flush()

    def abort(self) -> None:
        """Ends the connection now, whatever state it is in."""
        if self._transport is None:
            self._set(self.over)
            self._set(self.lost)
        else:
            self._transport.abort()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Sends the handshake."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Takes bytes apart into frames."""
        if self.ending is not None or self.refusal is not None:
            return
        if len(self.head) < _HEAD_MAX:
            self.head += data[:_HEAD_MAX]
        self._ws.receive_data(data)
        self._advance()

    def eof_received(self) -> None:
        """The server will send no more."""
        if self.ending is None and self.refusal is None:
            self._ws.receive_eof()
            self._advance()

    def connection_lost(self, exc: Exception | None) -> None:
        """The transport is gone; it may take the only news of a reset with it."""
        self._set(self.lost)
        if self.ending is None and self.refusal is None:
            self._end(Ending(How.BROKEN, reason=_reason(exc), ours=self._closing))
        self._arrived, self._noted = _unheard, _unnoted  # lets go of whoever listens

    # How frames become messages, and a close an ending.

    def _advance(self) -> None:
        ws = self._ws
        for event in ws.events_received():
            if isinstance(event, Frame):
                self._frame(event)
            elif isinstance(event, Response):
                self.response = event
                if ws.handshake_exc is None:
                    self._set(self._answered)
            if self.ending is not None:
                return
        if ws.handshake_exc is not None:
            self._refuse(ws.handshake_exc)
        elif ws.parser_exc is not None:
            self._end(_parser_ending(ws.parser_exc, ours=self._closing))
        else:
            self._flush()

    def _frame(self, frame: Frame) -> None:
        self._frames += 1
        if self._frames > self._frames_max:
            reason = f"more than {self._frames_max} frames"
            self._end(Ending(How.TOO_LARGE, reason=reason, ours=self._closing))
            return
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY if frame.fin:
                self._message(frame.data, binary=frame.opcode is Opcode.BINARY)
            case Opcode.TEXT | Opcode.BINARY:
                self._parts, self._binary = [bytes(frame.data)], frame.opcode is Opcode.BINARY
            case Opcode.CONT:
                self._parts.append(bytes(frame.data))
                if frame.fin:
                    whole, self._parts = b"".join(self._parts), []
                    self._message(whole, binary=self._binary)
            case Opcode.CLOSE:
                self._closed()
            case _:
                self._control(frame)

    def _control(self, frame: Frame) -> None:
        self._noted("<", frame.opcode.name.lower())
        self.pings += frame.opcode is Opcode.PING
        pong = self._pongs.pop(bytes(frame.data), None) if frame.opcode is Opcode.PONG else None
        if pong is not None:
            self._set(pong)

    def _message(self, data: bytes | bytearray | memoryview, *, binary: bool) -> None:
        try:
            text = str(data, "utf-8")
            told = quoted(text[:_TOLD_MAX])
        except UnicodeDecodeError as error:
            if not binary:
                reason = f"a text that is not UTF-8 ({error.reason})"
                self._end(Ending(How.GARBLED, reason=reason, ours=self._closing))
                return
            text = told = f"[{len(data)} bytes that are no text]"
        self._noted("<", told)
        message = self._arrived(text)
        if self._keeping:
            self._inbox.append(message)
            self._unread_chars += len(text)
            if self._crowded():
                self._pause()
            self._wake()

    def _closed(self) -> None:
        close = self._ws.close_rcvd
        code, reason = (close.code, close.reason) if close else (1005, "")
        ending = Ending(How.CLOSED, int(code), reason, ours=self._closing)
        self._noted("<", f"close {ending}")
        self._end(ending)

    def _refuse(self, error: Exception) -> None:
        self.refusal = error
        self._set(self._answered)
        self._set(self.over)
        self._drop()

    def _end(self, ending: Ending) -> None:
        self.ending = ending
        if ending.how is not How.CLOSED:
            self._noted("=", str(ending))
        self._set(self._answered)
        self._set(self.over)
        self._wake()
        self._drop()

    def _drop(self) -> None:
        """Sends what the library still has to say, then closes the transport."""
        self._flush()
        if self._transport is not None:
            self._transport.close()

    def _flush(self) -> None:
        transport = self._transport
        for data in self._ws.data_to_send():
            if data and transport is not None and not transport.is_closing():
                transport.write(data)

    # Waiting and back-pressure.

    async def _wait(self, deadline_s: float) -> None:
        self._waiter = waiter = self._loop.create_future()
        timer = self._loop.call_at(deadline_s, self._wake)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None:
            self._set(self._waiter)

    @staticmethod
    def _set(future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)

    def _crowded(self) -> bool:
        return len(self._inbox) > UNREAD_MAX or self._unread_chars > (
            self._ws.max_message_size or 0
        )

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def _resume(self) -> None:
        if self._paused and self._transport is not None:
            self._paused = False
            if not self._transport.is_closing():
                self._transport.resume_reading()


def _parser_ending(error: Exception, *, ours: bool) -> Ending:
    if isinstance(error, EOFError):
        return Ending(How.BROKEN, ours=ours)
    if isinstance(error, PayloadTooBig):
        return Ending(How.TOO_LARGE, reason=f"a message that is too large ({error})", ours=ours)
    return Ending(How.GARBLED, reason=f"bytes that are not WebSocket ({error})", ours=ours)


def _unheard(text: str) -> Message:
    return Message(text, text)


def _unnoted(mark: str, text: str) -> None:
    """Stands in for whoever listened."""


def _reason(exc: Exception | None) -> str:
    return "" if exc is None else (str(exc) or type(exc).__name__)
