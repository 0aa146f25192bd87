"""A relay between the gate and an API that loses or holds back writes, as networks do."""

import asyncio
from contextlib import asynccontextmanager, suppress


class Relay:
    """Passes HTTP on; `lose_next_reply` and `hold_next_write` are for the next PUT or POST.

    Attributes:
        writes: how many writes it passed on.
        held: set once a write is held back.
        release: lets it go.
        refused: set once the API has refused a write for its version.
    """

    def __init__(self, host):
        self._host, port = host.split(":")
        self._port = int(port)
        self.writes = 0
        self.lose_next_reply = False
        self.hold_next_write = False
        self.held = asyncio.Event()
        self.release = asyncio.Event()
        self.refused = asyncio.Event()

    async def serve(self, reader, writer):
        up_reader, up_writer = await asyncio.open_connection(self._host, self._port)
        losing = asyncio.Event()
        answers = asyncio.ensure_future(self._answers(up_reader, writer, losing))
        try:
            while data := await reader.read(1 << 20):
                await self._before(data, losing)
                up_writer.write(data)
            await answers
        finally:
            answers.cancel()
            for one in (writer, up_writer):
                one.transport.abort()

    async def _before(self, data, losing):
        if not data.startswith((b"PUT ", b"POST ")):
            return
        self.writes += 1
        if self.hold_next_write:
            self.hold_next_write = False
            self.held.set()
            await self.release.wait()
        if self.lose_next_reply:
            self.lose_next_reply = False
            losing.set()

    async def _answers(self, up_reader, writer, losing):
        while data := await up_reader.read(1 << 20):
            if losing.is_set():  # carried out, and nobody hears of it
                break
            if data.startswith(b"HTTP/1.1 409"):
                self.refused.set()
            with suppress(OSError):
                writer.write(data)
        writer.transport.abort()


@asynccontextmanager
async def relay_to(host):
    """Starts one; yields it and its address."""
    relay = Relay(host)
    tasks = set()

    async def serve(reader, writer):
        tasks.add(asyncio.current_task())
        with suppress(OSError, asyncio.CancelledError):
            await relay.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield relay, f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        relay.release.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
