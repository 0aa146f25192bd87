"""Rounds of sessions held open together, and what their sum says of the candidate."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence

from gate.core.evidence import Evidence
from gate.kinds.websocket import WebSocketProbe
from gate.probes.inquiry import Inquiry
from gate.probes.sockets.crowd import collecting, make_room, quiet
from gate.probes.sockets.record import Record
from gate.probes.sockets.results import Results
from gate.probes.sockets.waiting import Listen
from gate.probes.websocket.session import CLOSE_WITHIN_S, Plan, Session

KIND = "websocket"
HANDSHAKES_MAX = 200
"""Most handshakes in flight at once: more would measure our own queue."""
LEAVE_WITHIN_S = 1.0
"""How long the server may take to answer our close where any answer, and none, will do."""
_ABORT_WITHIN_S = 1.0


async def ask(inquiry: Inquiry[WebSocketProbe]) -> Evidence:
    """Opens the sessions of each round together, and judges how many went right.

    Raises:
        CannotAskError: the policy or the target does not allow to ask.
    """
    spec, run = inquiry.spec, inquiry.run
    plan = Plan(spec, run)
    draft = inquiry.begin(KIND, _asked(spec), _expected(plan))
    results = Results(plan.wanted)
    make_room(spec.connections)
    for number in range(1, spec.repeat + 1):
        where = f"round {number} of {spec.repeat}: " if spec.repeat > 1 else ""

        def report(text: str, where: str = where) -> None:
            inquiry.report(where + text, results.asked, results.total)

        results.add(await _round(plan, results.asked, report))
        if results.hopeless:
            break
    return results.evidence(draft)


async def _round(plan: Plan, before: int, report: Callable[[str], None]) -> Sequence[Session]:
    """All handshakes first, then all scripts; all stay open until the last one has ended."""
    spec = plan.spec
    frames = 16 if spec.connections <= 500 else 6
    reach = plan.run.words.reach()
    sessions: list[Session] = []
    try:
        with quiet(spec.connections):
            for number in range(before + 1, before + 1 + spec.connections):
                record = Record(reach, frames // 3, frames - frames // 3)
                sessions.append(Session(plan, number, record))
            await _open(sessions, report)
            report("talking")
            await _together(session.talk() for session in sessions)
            await _stay(sessions, spec.hold_s, report)
            for session in sessions:
                session.close()
            await _over(sessions, CLOSE_WITHIN_S if spec.close_code else LEAVE_WITHIN_S)
            for session in sessions:
                session.closed()
    finally:
        await _abort(sessions)
    return sessions


async def _open(sessions: Sequence[Session], report: Callable[[str], None]) -> None:
    waiting = iter(sessions)
    opened = 0

    async def one_after_the_other() -> None:
        nonlocal opened
        for session in waiting:
            await session.open()
            opened += 1
            if opened % 50 == 0 or opened == len(sessions):
                report(f"{opened} of {len(sessions)} handshakes")

    await _together(one_after_the_other() for _ in range(min(len(sessions), HANDSHAKES_MAX)))


async def _stay(sessions: Sequence[Session], hold_s: float, report: Callable[[str], None]) -> None:
    for session in sessions:
        session.stay(hold_s)
    if hold_s:
        report(f"holding for {hold_s:g} s")
        with collecting():
            await _over(sessions, hold_s)


async def _over(sessions: Sequence[Session], within_s: float) -> None:
    """Waits until every connection has ended, or the time is up."""
    if left := [session.over for session in sessions if not session.over.done()]:
        await asyncio.wait(left, timeout=within_s)


async def _abort(sessions: Sequence[Session]) -> None:
    """Leaves no connection behind, whatever happened."""
    for session in sessions:
        session.abort()
    if left := [session.lost for session in sessions if not session.lost.done()]:
        await asyncio.wait(left, timeout=_ABORT_WITHIN_S)


async def _together(coroutines: Iterable[Coroutine[None, None, None]]) -> None:
    """Runs them at the same time; the first exception ends all of them, and is raised itself."""
    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in coroutines:
                group.create_task(coroutine)
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _asked(spec: WebSocketProbe) -> str:
    parts = [f"WebSocket {spec.path}"]
    if spec.connections > 1:
        parts.append(f"{spec.connections} connections together")
    if spec.users:
        parts.append(f"as {', '.join(spec.users)}")
    if spec.repeat > 1:
        parts.append(f"{spec.repeat} times")
    return ", ".join(parts)


def _expected(plan: Plan) -> str:
    spec = plan.spec
    total = spec.connections * spec.repeat
    percent = spec.success_percent
    who = f"all {total} sessions" if percent == 100 else f"{percent:g}% of {total} sessions"
    if spec.refused:
        return plan.refusals if total == 1 else f"{who} {plan.refusals}"
    parts = [str(step) for step in plan.steps if isinstance(step, Listen)]
    parts += [f"close {spec.close_code}"] if spec.close_code else []
    asked = ", ".join(parts) or "open"
    return asked if total == 1 else f"{who}: {asked}"
