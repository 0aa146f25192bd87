"""An HTTP server that answers at once, may stand still for a while, and keeps a record of itself.

Run as a program it prints the port it listens on and serves until standard input ends; then it
prints when each request came and when it was answered (seconds of the monotonic clock), as JSON.

Run: python benchmarks/latency_server.py [--freeze-at 600 --freeze-s 1]
"""

import argparse
import asyncio
import json
import sys
import time

import uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Record:
    """What happened, and when to stand still."""

    def __init__(self, freeze_at: int, freeze_s: float) -> None:
        self.came: list[float] = []
        self.answered: list[float] = []
        self.frozen: tuple[float, float] | None = None
        self._freeze_at = freeze_at
        self._freeze_s = freeze_s

    def note(self) -> None:
        self.came.append(time.monotonic())
        if len(self.came) == self._freeze_at:
            began_s = time.monotonic()
            time.sleep(self._freeze_s)  # the whole process: nothing is accepted, read or answered
            self.frozen = (began_s, time.monotonic())


class Answers(asyncio.Protocol):
    """One connection: request heads without bodies, one ready-made answer each."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.heard = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.heard += data
        while b"\r\n\r\n" in self.heard:
            self.heard = self.heard.partition(b"\r\n\r\n")[2]
            self.record.note()
            self.transport.write(OK)
            self.record.answered.append(time.monotonic())


async def main() -> None:
    """Serves until standard input ends (the benchmark has gone, or has seen enough)."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freeze-at", type=int, default=0)
    parser.add_argument("--freeze-s", type=float, default=0.0)
    arguments = parser.parse_args()
    record = Record(arguments.freeze_at, arguments.freeze_s)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Answers(record), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    kept = {"came": record.came, "answered": record.answered, "frozen": record.frozen}
    print(json.dumps(kept), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
