"""Listens to the plugin in the suite: a loopback socket, one JSON event a line."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from typing import Self

from gate.core.questions import Json
from gate.probes.suite.record import Record
from gate.probes.suite.results import Account

LINE_MAX = 1 << 16
"""Most bytes of one event: the plugin cuts its texts far shorter."""
DRAIN_S = 1.0


class Channel:
    """Where the plugin reports to; to be used as an asynchronous context.

    Args:
        account: keeps what became of the tests.
        record: is told which test runs.
    """

    def __init__(self, account: Account, record: Record) -> None:
        self._account = account
        self._record = record
        self._token = secrets.token_hex(16)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        """Host, port and token, for the plugin's environment."""
        assert self._server is not None
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}:{self._token}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=LINE_MAX)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def drained(self) -> None:
        """Waits until whoever reported has said all: the suite is over by now."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._listen(reader, writer)
        except (ValueError, OSError):
            self._account.garbled()  # a line without end, or a suite that died while it spoke
        except asyncio.CancelledError:
            pass  # the end of the suite; nobody awaits what start_server runs
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        token = (await reader.readline()).strip()
        if not secrets.compare_digest(token, self._token.encode()):
            return  # somebody else on this machine
        while line := await reader.readline():
            event = _event(line)
            if event is None:
                self._account.garbled()
                continue
            self._note(event)
            if event.get("wait") is True:
                writer.write(b"\n")
                await writer.drain()

    def _note(self, event: Mapping[str, Json]) -> None:
        test = event.get("id")
        if isinstance(test, str) and event.get("event") == "begin":
            self._record.begin(test)
        elif isinstance(test, str) and event.get("event") == "end":
            self._record.end(test)
        self._account.take(event)


def _event(line: bytes) -> Mapping[str, Json] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
