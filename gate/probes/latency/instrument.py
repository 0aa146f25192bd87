"""Asks by the schedule, and itself beside the others: how late it is, and what its own part is.

A trivial server in this very process is asked by the same client all the while. What that takes is
our own: a difference that is no larger says nothing of anybody else.
"""

import asyncio
import contextlib
import gc
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import cast

from gate.probes.latency.client import Client
from gate.probes.latency.meter import Meter
from gate.probes.latency.schedule import Due, Schedule, Side
from gate.probes.web.exchange import Request

_HEAD_S = 0.05
"""Between making the plan and the first request."""
_TOLD_EVERY_S = 1.0
_TIMER_S = 0.001
"""The last so many seconds before a request is due are waited for without a timer."""
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Report = Callable[[str, int, int], None]


class _Trivial(asyncio.Protocol):
    """Answers every request head at once."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its type

    def data_received(self, data: bytes) -> None:
        self._heard = (self._heard + data)[-4096:]
        if self._transport is not None and self._heard.endswith(b"\r\n\r\n"):
            self._heard = b""
            self._transport.write(_OK)


@contextlib.asynccontextmanager
async def own_server() -> AsyncIterator[str]:
    """A trivial HTTP server on loopback, in this process; gives its base URL."""
    server = await asyncio.get_running_loop().create_server(_Trivial, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def measure(
    plan: Schedule, clients: Mapping[Side, Client], meters: Mapping[Side, Meter], report: Report
) -> None:
    """Sends every request when it is due, whatever became of those before it.

    Args:
        plan: when, and to whom.
        clients: one for each side.
        meters: which take in what comes back.
        report: told now and then how far this is.
    """

    async def one(due: Due, due_s: float, request: Request) -> None:
        woke_s = time.monotonic()
        reply = await clients[due.side].ask(request, due_s)
        meters[due.side].note(due, due_s, woke_s, reply)

    with _steady_memory():
        begins_s = time.monotonic() + _HEAD_S
        told_s = begins_s
        async with asyncio.TaskGroup() as tasks:
            for number, due in enumerate(plan.dues):
                due_s = begins_s + due.at_s
                request = clients[due.side].prepare()
                await _until(due_s)
                tasks.create_task(one(due, due_s, request))
                if due_s - told_s >= _TOLD_EVERY_S:
                    told_s = due_s
                    told = f"asked for {due.at_s:.0f} of {plan.ends_s:.0f} s"
                    report(told, number, len(plan.dues))


async def _until(due_s: float) -> None:
    """Waits, at least for one round of the loop; timers know whole milliseconds at best."""
    await asyncio.sleep(max(0.0, due_s - time.monotonic() - _TIMER_S))
    while time.monotonic() < due_s:  # noqa: ASYNC110 - a time is waited for, not an event
        await asyncio.sleep(0)


@contextlib.contextmanager
def _steady_memory() -> Iterator[None]:
    """Keeps what is there already out of garbage collection, which would pause the asking."""
    freeze = not gc.get_freeze_count()  # else somebody has done so for good
    if freeze:
        gc.collect()
        gc.freeze()
    try:
        yield
    finally:
        if freeze:
            gc.unfreeze()
