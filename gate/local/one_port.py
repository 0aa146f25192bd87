"""One port for gRPC and HTTP/1.1: the first bytes of a connection tell which one it speaks.

A client of gRPC begins with HTTP/2's preface `PRI * HTTP/2.0` (RFC 9113, 3.4); no method of
HTTP/1.1 begins so. The bytes are looked at and left where they are: the HTTP server gets the
socket itself, as if it had accepted it, and gRPC's library, which takes no sockets, a relay.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final, cast

HOST: Final = "127.0.0.1"
SILENT_S: Final = 60.0
_PREFACE: Final = b"PRI "
_BACKLOG: Final = 1_024
_PAUSE_S: Final = 0.5


class OnePort:
    """Sorts the connections of a listener until it is closed.

    Args:
        listener: bound, not yet listening; closed with this.
        grpc_port: where the gRPC server listens on loopback.
        http: makes the HTTP server's protocol for a connection.
        silent_s: how long a client may say nothing at first.
    """

    def __init__(
        self,
        listener: socket.socket,
        grpc_port: int,
        http: Callable[[], asyncio.Protocol],
        silent_s: float = SILENT_S,
    ) -> None:
        self._listener = listener
        self._grpc_port = grpc_port
        self._http = http
        self._silent_s = silent_s
        self._sorting: set[asyncio.Task[None]] = set()
        self._relays: set[_End] = set()

    def start(self) -> None:
        """Starts accepting."""
        self._listener.settimeout(0)
        self._listener.listen(_BACKLOG)
        asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def stop(self) -> None:
        """Accepts no more, and drops whoever has not said yet what they speak."""
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
        for task in self._sorting:
            task.cancel()
        await asyncio.gather(*self._sorting, return_exceptions=True)

    def cut(self) -> None:
        """Ends the relays that are left."""
        for end in list(self._relays):
            end.abort()

    def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(0)
                task = loop.create_task(self._sort(connection))
                self._sorting.add(task)
                task.add_done_callback(self._sorting.discard)
        except (BlockingIOError, ConnectionError):
            return
        except OSError:  # no file descriptor left: somebody may close one
            loop.remove_reader(self._listener)
            loop.call_later(_PAUSE_S, self._accept_again)

    def _accept_again(self) -> None:
        if self._listener.fileno() >= 0:
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def _sort(self, connection: socket.socket) -> None:
        handed_over = False
        try:
            async with asyncio.timeout(self._silent_s):
                begun = await _first_bytes(connection)
            if begun == _PREFACE:
                await self._relay(connection)
                handed_over = True
            elif len(begun) == len(_PREFACE):
                await _hand_over(self._http, connection)
                handed_over = True
        except (OSError, TimeoutError):
            pass
        finally:
            if not handed_over:
                connection.close()

    async def _relay(self, connection: socket.socket) -> None:
        client, server = _End(self._relays), _End(self._relays)
        client.other, server.other = server, client
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: server, HOST, self._grpc_port)
        try:
            await _hand_over(lambda: client, connection)
        except BaseException:
            server.abort()
            raise


class _End(asyncio.Protocol):
    """One end of a relay: what comes in goes out at the other one, no faster than it is taken.

    Args:
        open_ends: where it is kept while it is connected.
    """

    def __init__(self, open_ends: set["_End"]) -> None:
        self._open_ends = open_ends
        self.transport: asyncio.Transport | None = None
        self.other: _End = self
        self.early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Takes what the other end, connected earlier, has received already."""
        self.transport = cast("asyncio.Transport", transport)
        self._open_ends.add(self)
        if self.other.early:
            self.transport.write(self.other.early)

    def data_received(self, data: bytes) -> None:
        """Passes bytes on."""
        if self.other.transport is None:
            self.early += data
        else:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        """Passes the end of one direction on; the other one stays open."""
        if self.other.transport is not None and self.other.transport.can_write_eof():
            with suppress(OSError):
                self.other.transport.write_eof()
        return True

    def pause_writing(self) -> None:
        """Holds the other end's reading: this one's buffer is full."""
        if self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Lets the other end go on."""
        if self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, _: Exception | None) -> None:
        """Closes the other end after what it still has to write."""
        self._open_ends.discard(self)
        if self.other.transport is not None:
            self.other.transport.close()

    def abort(self) -> None:
        """Ends it at once."""
        if self.transport is not None:
            self.transport.abort()


async def _first_bytes(connection: socket.socket) -> bytes:
    """Gives the first four bytes and leaves them unread; fewer where no more will come."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(_PREFACE))
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
    return connection.recv(len(_PREFACE), socket.MSG_PEEK)


async def _hand_over(make: Callable[[], asyncio.Protocol], connection: socket.socket) -> None:
    await asyncio.get_running_loop().connect_accepted_socket(make, connection)
