"""One instance: its containers, started in their order, watched, and ended together."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from gate.local.instances import texts
from gate.local.instances.asking import Ask
from gate.local.instances.pool import StartError
from gate.local.instances.probing import await_death, await_startup
from gate.local.instances.process import ContainerProcess
from gate.local.ports import (
    BootFailure,
    BootReason,
    ContainerSpec,
    Lease,
    ProbeSpec,
    RevisionSpec,
)


@dataclass(slots=True, eq=False)
class Member:
    """A container of an instance.

    Attributes:
        spec: what it is.
        process: what runs it, not started yet.
        launch: starts the process.
        asker: makes what asks a probe of it.
        started: set when its startup probe has succeeded.
    """

    spec: ContainerSpec
    process: ContainerProcess
    launch: Callable[[], Awaitable[None]]
    asker: Callable[[ProbeSpec], Ask]
    started: asyncio.Event = field(default_factory=asyncio.Event)


class RunningInstance:
    """The containers of one instance (an Instance).

    Args:
        spec: the revision.
        lease: its id and where it takes requests.
        ended: called once with its id when it cannot go on without having been stopped.
        clear: called in a thread with its id when no process is left, where it has volumes.
    """

    def __init__(
        self,
        spec: RevisionSpec,
        lease: Lease,
        ended: Callable[[str], None],
        clear: Callable[[str], None],
    ) -> None:
        self.spec = spec
        self.lease = lease
        self._ended = ended
        self._clear = clear
        self._members: list[Member] = []
        self._watches: list[asyncio.Task[None]] = []
        self._broken: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._running = False
        self._over = False
        self._lost = False

    def add(self, member: Member) -> None:
        """Takes a container in, before the start."""
        self._members.append(member)

    def container_ended(self, number: int) -> None:
        """A container has exited by itself: the instance cannot go on without it.

        Args:
            number: its place among those added.
        """
        if self._running:
            self._give_up()
        elif not self._broken.done():
            self._broken.set_result(number)

    async def start(self) -> None:
        """Starts every container after those that it depends on; returns when all have started.

        Raises:
            StartError: one of them did not; others may still run.
        """
        self._check_order()
        starting = asyncio.get_running_loop().create_task(self._start_all())
        either: list[asyncio.Future[Any]] = [starting, self._broken]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
        if not starting.cancelled():
            starting.result()
        if self._broken.done():
            await self._exited(self._members[self._broken.result()])
        self._running = True
        self._watch()

    async def stop(self) -> None:
        """As `Instance.stop`; one whose liveness probe has failed is not asked to end.

        Source: run/docs/configuring/healthchecks, which names SIGKILL and 503 for its requests.
        """
        if self._lost:
            await self.kill()
            return
        await self._end([member.process.stop() for member in self._members])

    async def kill(self) -> None:
        """Ends it at once and returns when nothing of it is left."""
        await self._end([member.process.kill() for member in self._members])

    async def _end(self, ends: list[Coroutine[None, None, None]]) -> None:
        self._over = True
        for watch in self._watches:
            watch.cancel()
        await asyncio.gather(*ends)
        if self.spec.volumes:
            await asyncio.to_thread(self._clear, self.lease.instance_id)

    def _give_up(self) -> None:
        if not self._over:
            self._over = True
            self._ended(self.lease.instance_id)

    def _check_order(self) -> None:
        needs = {member.spec.name: member.spec.depends_on for member in self._members}
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            text = f"The containers depend on each other in a circle: {', '.join(error.args[1])}."
            failure = BootFailure(BootReason.HEALTH_CHECK_CONTAINER_ERROR, text)
            raise StartError(failure) from error

    async def _start_all(self) -> None:
        loop = asyncio.get_running_loop()
        starts = [loop.create_task(self._start(member)) for member in self._members]
        try:
            await asyncio.gather(*starts)
        finally:
            for start in starts:
                start.cancel()
            await asyncio.gather(*starts, return_exceptions=True)

    async def _start(self, member: Member) -> None:
        needed = set(member.spec.depends_on)
        for other in self._members:
            if other.spec.name in needed:
                await other.started.wait()
        await member.launch()
        probe = texts.startup_probe(member.spec)
        if probe is not None:
            await self._probe(member, probe)
        member.started.set()

    async def _probe(self, member: Member, probe: ProbeSpec) -> None:
        outcome = await await_startup(probe, member.asker(probe))
        voice, spec = member.process.voice, member.spec
        if not outcome.cause:
            voice.say("INFO", texts.succeeded(self.spec, spec, probe, outcome.tries))
            return
        text = texts.not_started(self.spec, spec, probe, outcome.tries)
        voice.say("ERROR", f"{text} {outcome.cause}")
        raise StartError(texts.startup_failure(self.spec, spec))

    async def _exited(self, member: Member) -> None:
        """Says that a container has ended before the instance had started.

        Raises:
            StartError: always.
        """
        await member.process.tidied()
        probe = texts.startup_probe(member.spec)
        if probe is not None and not member.started.is_set():
            text = texts.not_started(self.spec, member.spec, probe, 1)
            member.process.voice.say("ERROR", text)
        raise StartError(texts.startup_failure(self.spec, member.spec))

    def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        for member in self._members:
            if member.spec.liveness is not None:
                watch = self._await_death(member, member.spec.liveness)
                self._watches.append(loop.create_task(watch))

    async def _await_death(self, member: Member, probe: ProbeSpec) -> None:
        outcome = await await_death(probe, member.asker(probe))
        text = texts.shut_down(self.spec, member.spec, probe, outcome.tries)
        member.process.voice.say("ERROR", f"{text} {outcome.cause}")
        self._lost = True
        self._give_up()
