"""One round: its steps in order, up to the first in which something is wrong."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace

from gate.core.evidence import Symptom
from gate.core.template import Template
from gate.probes.outcome import Fault
from gate.probes.rooms.carried import Carried, carries
from gate.probes.rooms.member import Member
from gate.probes.rooms.plan import Plan, PlannedStep
from gate.probes.sockets.message import Message
from gate.probes.sockets.waiting import Waiting

HANDSHAKES_MAX = 200
"""Most handshakes in flight at once."""
_ABORT_WITHIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing that was not as it should be, and with whom."""

    member: Member
    fault: Fault


class Course:
    """One round of a probe: new connections and a new nonce.

    Args:
        plan: the probe.

    Attributes:
        members: every connection, in the order of the parties.
        nonce: the round's token.

    Raises:
        CannotAskError: a handshake cannot be rendered.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.nonce = plan.run.nonces.new()
        self._of = {
            name: tuple(
                Member(plan, part, number, self.nonce)
                for number in range(1, part.party.connections + 1)
            )
            for name, part in plan.parts.items()
        }
        self.members = tuple(member for members in self._of.values() for member in members)
        self._there: set[str] = set()
        self._since = dict.fromkeys(self.members, 0)
        self._said: Counter[tuple[str, ...]] = Counter()
        self._handshakes = asyncio.Semaphore(HANDSHAKES_MAX)

    async def run(self, report: Callable[[str], None]) -> Sequence[Wrong]:
        """Goes through the steps; what was wrong in the first that was, () where none was.

        Args:
            report: told what is being done.
        """
        wrong = await self._steps(report)
        strange = [member for member in self.members if member.foreign]
        return [*wrong, *(_in("", Wrong(one, _overheard(one.foreign))) for one in strange)]

    async def _steps(self, report: Callable[[str], None]) -> Sequence[Wrong]:
        first = [name for name in self._of if name not in self._plan.spec.latecomers]
        report("connecting")
        for name in first:  # in their order, so that each time the same happens
            if wrong := await self._joined([name]):
                return [_in("joining", one) for one in wrong]
        await self._plan.run.clock.sleep(self._plan.spec.settle_s)
        for planned in self._plan.steps:
            report(str(planned))
            if wrong := await self._step(planned):
                return [_in(str(planned), one) for one in wrong]
        return await self._afterwards()

    def doubted(self) -> Sequence[Wrong]:
        """With whom nothing that was said is evidence, and why."""
        doubts = ((member, member.doubted) for member in self.members)
        return [Wrong(member, fault) for member, fault in doubts if fault is not None]

    async def end(self) -> None:
        """Leaves no connection behind."""
        await asyncio.gather(*(self._left(member) for member in self.members))

    async def _left(self, member: Member) -> None:
        if member.name in self._there:
            await member.leave()
        await member.abort(_ABORT_WITHIN_S)

    async def _step(self, planned: PlannedStep) -> Sequence[Wrong]:
        for member in self.members:
            member.begin_step()
        if planned.act:
            self._since = {member: member.count for member in self.members}
        if wrong := await self._act(planned):
            return wrong
        self._since |= {one: 0 for name in planned.step.join for one in self._of[name]}
        since = self._since
        hear = [
            (one, self._hears(planned, one, since[one] if planned.act else 0))
            for name in planned.hears
            for one in self._of[name]
        ]
        if wrong := await _together(hear):
            return wrong
        silent = [
            (one, self._silence(planned, one, since[one]))
            for name in planned.step.silent
            for one in self._of[name]
        ]
        if wrong := await _together(silent):
            return wrong
        if {*planned.step.join} - {*planned.hears}:
            await self._plan.run.clock.sleep(self._plan.spec.settle_s)
        return await self._closed(planned) or self._ended("while it should have stayed")

    async def _act(self, planned: PlannedStep) -> Sequence[Wrong]:
        """What the step does."""
        step = planned.step
        if planned.say is not None:
            (member,) = self._of[step.sender]
            fault = member.say(planned.say.text(member.values))
            self._said[self._rendered(planned.speaker, planned.said)] += 1
            return [Wrong(member, fault)] if fault else []
        if step.leave:
            self._there -= {*step.leave}
            leaving = (one.leave() for name in step.leave for one in self._of[name])
            await asyncio.gather(*leaving)
        return await self._joined(step.join)

    async def _joined(self, names: Iterable[str]) -> Sequence[Wrong]:
        self._there |= {*names}

        async def join(member: Member) -> Fault | None:
            async with self._handshakes:
                return await member.join()

        return await _together([(one, join(one)) for name in names for one in self._of[name]])

    async def _hears(self, planned: PlannedStep, member: Member, since: int) -> Fault | None:
        marks = self._rendered(planned.speaker, planned.said)
        listen = planned.hears[member.name]

        def wait() -> Waiting | Carried:
            if listen is None:
                return Carried(marks, planned.step.within_s)
            return listen.bind(member.values)

        return await member.hear(wait, since, marks)

    async def _silence(self, planned: PlannedStep, member: Member, since: int) -> Fault | None:
        told = self._rendered(planned.speaker, planned.tells[member.name])
        matching = planned.matching
        never = None if matching is None else matching.bind(member.values)

        def forbidden(message: Message) -> bool:
            return carries(message, told) if never is None else never.may_match(message.value)

        if never is None:
            speaker = planned.speaker
            leak = Fault(
                Symptom.FOREIGN,
                f"a message that carries what {speaker} said",
                f"nothing of what {speaker} said",
                "it reaches who must not hear it: look at how messages are sent to rooms and users",
            )
        else:
            leak = Fault(Symptom.FORBIDDEN, "one", f"no message with {planned.matching}")
        return await member.silent(forbidden, leak, since, planned.step.for_s)

    async def _closed(self, planned: PlannedStep) -> Sequence[Wrong]:
        within_s = planned.step.within_s
        wrong = await _together(
            [
                (one, one.closed(codes, within_s))
                for name, codes in planned.step.closed
                for one in self._of[name]
            ]
        )
        self._there -= {name for name, _ in planned.step.closed}
        return wrong

    def _ended(self, during: str) -> Sequence[Wrong]:
        """Connections that have ended although nobody has closed them."""
        there = [member for member in self.members if member.name in self._there]
        found = ((member, member.ended(during)) for member in there)
        return [Wrong(member, fault) for member, fault in found if fault]

    async def _afterwards(self) -> Sequence[Wrong]:
        """What only all of it together shows: messages that came twice."""
        there = [member for member in self.members if member.name in self._there]
        await asyncio.gather(*(member.settle() for member in there))
        found = [(member, member.doubled(self._times)) for member in self.members]
        return [_in("afterwards", Wrong(member, fault)) for member, fault in found if fault]

    def _times(self, text: str) -> int:
        """How often was said what a message carries."""
        message = Message(text, text)
        return sum(count for marks, count in self._said.items() if carries(message, marks))

    def _rendered(self, speaker: str, templates: Sequence[Template]) -> tuple[str, ...]:
        if not speaker:
            return ()
        values = self._of[speaker][0].values
        return tuple(template.render(values) for template in templates)


def _overheard(count: int) -> Fault:
    return Fault(
        Symptom.FOREIGN,
        f"{count} message{'s' if count > 1 else ''} with another conversation's nonce",
        "none",
        "messages reach rooms that they are not meant for: look at how they are routed",
    )


def _in(where: str, wrong: Wrong) -> Wrong:
    """Says where it was, and with whom."""
    place = ", ".join(part for part in (where, wrong.member.name) if part)
    return replace(wrong, fault=replace(wrong.fault, seen=f"{place}: {wrong.fault.seen}"))


async def _together(
    asked: Sequence[tuple[Member, Coroutine[None, None, Fault | None]]],
) -> Sequence[Wrong]:
    """What was wrong with whom; all at the same time, and the first exception ends all of them."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [(member, group.create_task(coroutine)) for member, coroutine in asked]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [Wrong(member, fault) for member, task in tasks if (fault := task.result())]
