"""Servers of streams on real sockets: each says what a test tells it, when the test tells it."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable

EVENTS = b"text/event-stream"


class Client:
    """One request, and the way to answer it.

    Attributes:
        head: the request's head, lower-case.
        body: the request's body.
        hung_up: set once the client has.
    """

    def __init__(self, writer: asyncio.StreamWriter, head: str, body: bytes) -> None:
        self._writer = writer
        self.head = head.lower()
        self.body = body
        self.hung_up = asyncio.Event()

    def header(self, name: str) -> str:
        lines = (line.partition(":") for line in self.head.split("\r\n"))
        return next((value.strip() for key, _, value in lines if key == name), "")

    async def begin(
        self, content_type: bytes = EVENTS, status: bytes = b"200 OK", more: bytes = b""
    ):
        head = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n%s\r\n"
        await self._send(head % (status, content_type, more))

    async def event(self, data: object, name: str = "", id: object = None):  # noqa: A002 - its name
        lines = [f"event: {name}"] if name else []
        lines += [f"id: {id}"] if id is not None else []
        await self.piece("".join(f"{line}\n" for line in [*lines, f"data: {data}", ""]).encode())

    async def piece(self, data: bytes):
        await self._send(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self):
        await self._send(b"0\r\n\r\n")

    async def whole(self, body: bytes, content_type: bytes = EVENTS, *, packed: bool = False):
        more = b"content-encoding: gzip\r\n" if packed else b""
        await self.begin(content_type, more=more)
        await self.piece(gzip.compress(body) if packed else body)
        await self.end()

    async def gone(self):
        """Until the client hangs up."""
        await self.hung_up.wait()

    async def _send(self, data: bytes):
        self._writer.write(data)
        await self._writer.drain()


def serving(answer: Callable[[Client], Awaitable[None]]):
    """One request a connection; closed once it is answered."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        client = Client(writer, head, b"")
        client.body = await reader.readexactly(int(client.header("content-length") or 0))

        async def watch() -> None:
            while await reader.read(1 << 16):
                pass
            client.hung_up.set()

        watching = asyncio.create_task(watch())
        try:
            await answer(client)
            await writer.drain()
            writer.close()
        finally:
            watching.cancel()

    return handler
