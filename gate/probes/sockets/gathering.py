"""Hears what several in one room hear of each other, and what one elsewhere does."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace

from gate.core.recording import (
    ELSEWHERE,
    FIRST,
    SECOND,
    THIRD,
    Asked,
    Gathering,
    Sample,
)
from gate.core.template import NONCE, parse
from gate.kinds.websocket import WebSocketProbe
from gate.probes.inquiry import Run
from gate.probes.sockets.classify import Refusal
from gate.probes.sockets.connection import Connection
from gate.probes.sockets.handshake import Handshake
from gate.probes.sockets.hearing import OPEN_WITHIN_S, arrived, listen, unnoted
from gate.probes.sockets.opening import Opening

_PASSED_OVER_S = 0.01

Samples = tuple[Sample, ...]


async def gather(
    spec: WebSocketProbe, run: Run, asked: Asked, sample: Callable[[str], Sample]
) -> Gathering | None:
    """Lets three come into one room and one into another, says something, and hears who hears it.

    Args:
        spec: path, subprotocols and headers of whoever comes.
        run: what probes share.
        asked: its users, the second of whom comes second, and what is said.
        sample: makes a message fit to keep.

    Returns:
        None where not all of them were let in, or one of them did not stay.

    Raises:
        CannotAskError: a handshake cannot be rendered.
    """
    async with AsyncExitStack() as stack:
        return await _Room(spec, run, asked, sample, stack).gathered()


class _Room:
    """One gathering."""

    def __init__(
        self,
        spec: WebSocketProbe,
        run: Run,
        asked: Asked,
        sample: Callable[[str], Sample],
        stack: AsyncExitStack,
    ) -> None:
        self._spec, self._run, self._asked = spec, run, asked
        self._sample, self._stack = sample, stack
        self._nonce = run.nonces.new()
        self._there: dict[str, Connection] = {}

    async def gathered(self) -> Gathering | None:
        """All of it, step by step."""
        came = [await self._comes(FIRST), await self._comes(ELSEWHERE)]
        welcome = await self._comes(SECOND)
        if None in (*came, welcome):
            return None
        second_came, overheard = await asyncio.gather(self._hears(FIRST), self._hears(ELSEWHERE))
        said = await self._says(FIRST)
        late = await self._comes(THIRD)
        elsewhere = await self._comes(f"{ELSEWHERE} late")
        if None in (*came, welcome, late, elsewhere):
            return None
        answered = await self._says(SECOND)
        if self._gone:
            return None
        await self._begin()
        self._there.pop(SECOND).close()
        left = await self._hears(FIRST)
        return Gathering(
            second_came, overheard, welcome or (), said, answered, late or (), elsewhere or (), left
        )

    @property
    def _gone(self) -> bool:
        return not all(one.open for one in self._there.values())

    async def _comes(self, party: str) -> Samples | None:
        """Connects a party; what it hears then, None where it is not let in."""
        await self._begin()
        elsewhere = party.startswith(ELSEWHERE)
        path = self._spec.path.replace(f"${{{NONCE}}}", f"other-${{{NONCE}}}")
        opening = Opening(
            replace(self._spec, path=path if elsewhere else self._spec.path), self._run
        )
        handshake = Handshake(opening, self._run, self._values(party), OPEN_WITHIN_S)
        tries = [handshake.connection(arrived, unnoted)]

        def again(_: Refusal) -> Connection:
            tries.append(handshake.connection(arrived, unnoted))
            return tries[-1]

        self._stack.callback(_abort, tries)
        if await handshake.shake(tries[0], again) is not None:
            return None
        self._there[party] = tries[-1]
        tries[-1].begin_phase()
        return await self._hears(party)

    def _values(self, party: str) -> Mapping[str, str]:
        users = self._asked.users
        number = min(1, len(users) - 1) if party == SECOND else 0
        return self._run.values(self._nonce, users[number] if users else "")

    async def _says(self, party: str) -> Mapping[str, Samples]:
        """What each party hears of what one of them says."""
        await self._begin()
        text = parse(self._asked.say).render(self._values(party))
        if self._there[party].open:
            self._there[party].send(text)
        heard = await asyncio.gather(*(self._hears(name) for name in self._there))
        return dict(zip(self._there, heard, strict=True))

    async def _begin(self) -> None:
        """Passes over what came before."""
        loop = asyncio.get_running_loop()
        for connection in self._there.values():
            connection.begin_phase()
            while await connection.take(loop.time() + _PASSED_OVER_S):
                pass

    async def _hears(self, party: str) -> Samples:
        if party not in self._there:
            return ()
        texts = await listen(self._there[party])
        return tuple(self._sample(text.replace(self._nonce, f"${{{NONCE}}}")) for text in texts)


def _abort(tries: list[Connection]) -> None:
    """Drops the connection that came of several tries."""
    tries[-1].abort()
