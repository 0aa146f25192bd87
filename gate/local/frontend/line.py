"""A client's connection as a line, whatever it carries: when it is read, and how it is closed."""

import asyncio
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress

from gate.local.frontend.address import FrontEndContext
from gate.local.frontend.deadline import Deadline


class ClientLine(asyncio.Protocol):
    """Reads unless somebody is behind, and closes so that the last answer arrives.

    Args:
        context: what all connections share.
        feed: takes the first bytes.
    """

    __slots__ = (
        "_ahead",
        "_context",
        "_deadline",
        "_feed",
        "_held",
        "_leaving",
        "_paused",
        "_transport",
    )

    def __init__(self, context: FrontEndContext, feed: Callable[[bytes], None]) -> None:
        self._context = context
        self._feed = feed
        self._transport: asyncio.Transport
        self._ahead = bytearray()
        self._deadline = Deadline(self._expired)
        self._held = self._paused = self._leaving = False

    def cut(self) -> None:
        """Ends the connection now."""
        self._transport.abort()

    @abstractmethod
    def _expired(self) -> None:
        """The time of what is under way is up."""

    def _take_ahead(self) -> bytes:
        """What came before it could be used; it is used now."""
        data = bytes(self._ahead)
        self._ahead.clear()
        return data

    def _choose_to_read(self) -> None:
        pause = self._held or len(self._ahead) > self._context.settings.backlog_bytes
        if pause == self._paused or self._transport.is_closing():
            return
        self._paused = pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _hang_up(self, *, lingers: bool = False) -> None:
        """Closes after what was written; lingers where the client may still be sending.

        Closing on unread bytes would reset the connection and lose the answer.
        """
        self._feed = ignore
        self._leaving = True
        self._ahead.clear()
        if not lingers:
            self._transport.close()
            return
        self._choose_to_read()
        self._say_end()

    def _hang_up_soon(self) -> None:
        """Closes after what was written, if the client reads it now."""
        self._hang_up()
        self._deadline.expire_in(self._context.settings.linger_s)

    def _say_end(self) -> None:
        """Sends nothing more, and waits a while for the client to do the same."""
        self._deadline.expire_in(self._context.settings.linger_s)
        with suppress(OSError, RuntimeError):
            self._transport.write_eof()


def ignore(data: bytes) -> None:
    """Bytes of a client that was refused, and may still be talking."""
