"""Looks on while WebSocket frames pass: counts messages, reads closes, keeps nothing else.

The bytes go on as they came, compressed or not, so that the suite and the candidate negotiate and
see what they would without a proxy between them. Frame headers: RFC 6455, section 5.2.
"""

from collections.abc import Callable

_CLOSE = 0x8
_REASON_MAX = 123


class Watch:
    """One direction of one connection.

    Args:
        message: told of each message that has come to its end.
        close: told code and reason of a close frame; 1005 where it names none.

    Attributes:
        closed: whether a close frame has passed.
    """

    def __init__(self, message: Callable[[], None], close: Callable[[int, str], None]) -> None:
        self._message = message
        self._close = close
        self._head = bytearray()
        self._control = bytearray()
        self._key = b""
        self._opcode = 0
        self._final = False
        self._left = 0
        self.closed = False

    def feed(self, data: bytes) -> None:
        """Takes the next bytes, cut anywhere."""
        at = 0
        while at < len(data) and not self.closed:
            if self._left:
                part = data[at : at + self._left]
                if self._opcode == _CLOSE and len(self._control) <= _REASON_MAX + 2:
                    self._control += part
                self._left -= len(part)
                at += len(part)
                if not self._left:
                    self._whole()
            else:
                self._head.append(data[at])
                at += 1
                self._begin()

    def _begin(self) -> None:
        """Begins a frame once its header is whole."""
        head = self._head
        if len(head) < 2:
            return
        short, masked = head[1] & 0x7F, bool(head[1] & 0x80)
        extended = {126: 2, 127: 8}.get(short, 0)
        if len(head) < 2 + extended + 4 * masked:
            return
        self._opcode, self._final = head[0] & 0x0F, bool(head[0] & 0x80)
        self._left = int.from_bytes(head[2 : 2 + extended], "big") if extended else short
        self._key = bytes(head[2 + extended :])
        self._head.clear()
        self._control.clear()
        if not self._left:
            self._whole()

    def _whole(self) -> None:
        if self._opcode == _CLOSE:
            self.closed = True
            payload = bytes(self._control[: _REASON_MAX + 2])
            if self._key:
                payload = bytes(byte ^ self._key[i % 4] for i, byte in enumerate(payload))
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self._close(code, payload[2:].decode(errors="replace"))
        elif self._opcode < _CLOSE and self._final:
            self._message()
