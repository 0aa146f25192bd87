"""A stream of events between a probe and the service, with a fault in between."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Protocol

import h11

from gate.http1.streams import Side
from gate.mutation.service_profile import Streams
from gate.mutation.stream_faults import (
    Effects,
    Flow,
    Part,
    Parts,
    Say,
    SayToOther,
    Stop,
    Wait,
)


class Owner(Protocol):
    """The proxy that a stream belongs to."""

    def struck(self) -> None:
        """Something was not as the service said it."""
        ...

    def other_stream(self, stream: "EventStream") -> "EventStream | None":
        """Another stream that is open, None where there is none."""
        ...


class EventStream:
    """One stream, its head sent.

    Args:
        probe: who asked.
        flow: what happens to its events; None leaves every byte as it is.
        owner: the proxy; told of strikes, and knows the others.
        parts: cuts it.
        known: notes what is heard, None where nobody learns.
    """

    def __init__(
        self, probe: Side, flow: Flow | None, owner: Owner, parts: Parts, known: Streams | None
    ) -> None:
        self._probe = probe
        self._flow = flow
        self._owner = owner
        self._parts = parts
        self._known = known
        self._said = 0
        self._stopped = False

    async def run(self, pieces: AsyncIterator[bytes]) -> None:
        """Carries the stream to its end.

        Args:
            pieces: what the service says, as it comes.
        """
        if self._flow is not None:
            await self._carry_out(self._flow.opened(), ())
        async for data in pieces:
            if self._stopped:
                return
            if self._flow is None:
                await self.hear(data)
            for part in self._parts.feed(data):
                await self._heard(part)
        if self._flow is not None and not self._stopped:
            await self._carry_out(self._flow.over(), ())
            await self.hear(self._parts.rest)

    async def hear(self, data: bytes) -> None:
        """Lets this stream's probe have this, whoever it was meant for."""
        if data:
            await self._probe.send(h11.Data(data=data))

    async def _heard(self, part: Part) -> None:
        if part.event and self._known is not None:
            self._said += 1
            self._known.heard(part.kind, part.data, self._said)
        if self._flow is not None and not self._stopped:
            await self._carry_out(self._flow.said(part), (Say(part),))

    async def _carry_out(self, effects: Effects, usual: Effects) -> None:
        if effects != usual:
            self._owner.struck()
        for effect in effects:
            match effect:
                case Say(part):
                    await self.hear(part.whole)
                case SayToOther(part):
                    if (other := self._owner.other_stream(self)) is not None:
                        with contextlib.suppress(OSError, h11.LocalProtocolError):
                            await other.hear(part.whole)
                case Wait(delay_s):
                    await asyncio.sleep(delay_s)
                case Stop(broken):
                    await self._stop(broken=broken)

    async def _stop(self, *, broken: bool) -> None:
        self._stopped = True
        if broken:
            await self._probe.streams.close()
        else:
            await self._probe.send(h11.EndOfMessage())
