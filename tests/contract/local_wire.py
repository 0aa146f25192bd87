"""Raw sockets for tests of the front end: a client that sends bytes, a scripted instance."""

import asyncio
import os
import re
import socket
import struct
from contextlib import asynccontextmanager, suppress
from itertools import count


class Wire:
    """One end of a connection: sends bytes as they are, reads heads, bodies and ends."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, url, **options):
        """A connection to http://host:port."""
        host, port = re.fullmatch(r"http://(.+):(\d+)", url).groups()
        return cls(*await asyncio.open_connection(host, int(port), **options))

    async def send(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def head(self):
        """A head as (first line, [(lower-case name, value)])."""
        raw = await within(self.reader.readuntil(b"\r\n\r\n"))
        first, *lines = raw[:-4].decode("latin-1").split("\r\n")
        fields = [line.split(": ", 1) for line in lines]
        return first, Fields((name.lower(), value) for name, value in fields)

    async def read(self, size):
        return await within(self.reader.readexactly(size))

    async def rest(self):
        """Everything up to the end of the connection, however it ends."""
        data = b""
        with suppress(ConnectionError):
            while piece := await within(self.reader.read(1 << 20)):
                data += piece
        return data

    async def answer(self):
        """A response with a Content-Length: (status, fields, body)."""
        line, fields = await self.head()
        return int(line.split()[1]), fields, await self.read(int(fields["content-length"]))

    async def ask(self, request):
        await self.send(request)
        return await self.answer()

    async def is_over(self):
        """True when the other end has closed or reset the connection, and sent nothing first."""
        return await self.rest() == b""

    def close(self):
        self.writer.close()

    def reset(self):
        """Ends the connection with a TCP reset."""
        number = os.dup(self.writer.get_extra_info("socket").fileno())
        with socket.socket(fileno=number) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class Fields(list):
    """Header fields in order, with a look-up by name."""

    def __getitem__(self, name):
        (value,) = self.all(name)
        return value

    def __contains__(self, name):
        return bool(self.all(name))

    def all(self, name):
        return [value for key, value in self if key == name]


async def within(work, seconds=60):
    """Any wait in these tests, with a deadline."""
    async with asyncio.timeout(seconds):
        return await work


async def until(holds, pause_s=0.01):
    """Waits for a fact that nobody announces."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(pause_s)


async def until_still(count):
    """Returns when a number has been the same for a while."""
    seen = -1
    while seen != count():
        seen = count()
        await asyncio.sleep(0.3)


class Scripted:
    """An instance that does what the test wrote: `script(wire, n)` runs for the n-th connection."""

    def __init__(self, script):
        self.script = script
        self.connections = count(1)
        self.accepted = 0
        self.wires = []
        self.port = 0

    async def _serve(self, reader, writer):
        self.accepted += 1
        wire = Wire(reader, writer)
        self.wires.append(wire)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await self.script(wire, next(self.connections))
        with suppress(ConnectionError):
            writer.close()


@asynccontextmanager
async def scripted(script):
    """A Scripted that listens on a port of its own."""
    instance = Scripted(script)
    server = await asyncio.start_server(instance._serve, "127.0.0.1", 0)
    instance.port = server.sockets[0].getsockname()[1]
    try:
        yield instance
    finally:
        server.close()
        for wire in instance.wires:
            wire.writer.transport.abort()


def ok(body=b"ok", *fields, status=b"200 OK"):
    """A plain response."""
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *fields, b"", b""]
    return b"\r\n".join(lines) + body


def get(path="/", *fields, method="GET"):
    """A plain request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *fields, "", ""]
    return "\r\n".join(lines).encode()
