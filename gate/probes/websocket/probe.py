"""Rounds of sessions held open together, and what their sum says of the candidate."""

import asyncio
import contextlib
import gc
import resource
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence

from gate.core.evidence import Evidence, Outcome, Symptom
from gate.core.policy import WebSocketProbe
from gate.probes.inquiry import Draft, Inquiry, Tally
from gate.probes.outcome import Fault
from gate.probes.websocket.record import Record
from gate.probes.websocket.session import CLOSE_WITHIN_S, Plan, Session
from gate.probes.websocket.waiting import Listen
from gate.probes.words import LINES_MAX, Words

KIND = "websocket"
HANDSHAKES_MAX = 200
"""Most handshakes in flight at once: more would measure our own queue."""
GIVE_UP_ROUNDS = 3
"""After so many rounds in a row without one right session, a probe that cannot pass ends."""
LEAVE_WITHIN_S = 1.0
"""How long the server may take to answer our close where any answer, and none, will do."""
_CROWD = 32
_ABORT_WITHIN_S = 1.0
_FILES_BESIDES = 64
_FAULTS_MAX = 50


async def ask(inquiry: Inquiry[WebSocketProbe]) -> Evidence:
    """Opens the sessions of each round together, and judges how many went right.

    Raises:
        CannotAskError: the policy or the target does not allow to ask.
    """
    spec, run = inquiry.spec, inquiry.run
    plan = Plan(spec, run)
    draft = inquiry.begin(KIND, _asked(spec), _expected(plan))
    results = _Results(plan)
    _make_room(spec.connections)
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
        with _quiet(spec.connections):
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
        with _collecting():
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


class _Results:
    """Adds sessions up."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self.total = plan.spec.connections * plan.spec.repeat
        self.asked = 0
        self._right = 0
        self._foreign = 0
        self._overhearing = 0
        self._faults: Counter[Fault] = Counter()
        self._shown: dict[Fault | None, Session] = {}
        self._barren = 0

    def add(self, sessions: Sequence[Session]) -> None:
        """Counts one round."""
        right = 0
        for session in sessions:
            fault = session.told
            self._foreign += session.foreign
            self._overhearing += fault is None and session.foreign > 0
            right += fault is None
            if fault is not None:
                fault = fault if fault in self._faults else self._grouped(fault)
                self._faults[fault] += 1
            self._shown.setdefault(fault, session)
        self.asked += len(sessions)
        self._right += right
        self._barren = 0 if right else self._barren + 1

    @property
    def hopeless(self) -> bool:
        """Whether nothing goes right and the probe can no longer pass."""
        best = self._right + self.total - self.asked
        return self._barren >= GIVE_UP_ROUNDS and not self._enough(best)

    def evidence(self, draft: Draft) -> Evidence:
        """What all sessions say together."""
        faults = dict(self._faults)
        right = self._right
        limit = self._plan.spec.foreign_messages
        if self._foreign > limit:
            right -= self._overhearing
            faults = {_overheard(self._foreign, limit): self._foreign, **faults}
        outcome = self._outcome(right, faults)
        seen = f"{right} of {self.asked} sessions right"
        if self.asked < self.total:
            seen += f", {self.total - self.asked} more not tried"
        worst = sorted(faults.items(), key=lambda item: -item[1])[:3]
        told = [f"{fault.symptom.value}: {fault.seen} ({count})" for fault, count in worst]
        return draft.end(
            "; ".join([seen, *told]),
            faults,
            self._excerpts(),
            trace=self._plan.opening.trace.id,
            tally=Tally(self.asked, right, outcome),
        )

    def _outcome(self, right: int, faults: dict[Fault, int]) -> Outcome:
        """Sessions that say nothing of the candidate count neither for it nor against it.

        FAILED if it fails even if they had gone right; PASSED if it passes as if they had gone
        wrong.
        """
        if self._foreign > self._plan.spec.foreign_messages:
            return Outcome.FAILED
        if self._enough(right):
            return Outcome.PASSED
        failed = sum(count for one, count in faults.items() if one.outcome is Outcome.FAILED)
        return Outcome.INCONCLUSIVE if self._enough(self.total - failed) else Outcome.FAILED

    def _enough(self, right: int) -> bool:
        return right * 100 >= self._plan.spec.success_percent * self.total - 1e-6

    def _grouped(self, fault: Fault) -> Fault:
        """The fault, or only its kind once there are too many different ones."""
        if len(self._faults) < _FAULTS_MAX:
            return fault
        return Fault(fault.symptom, "something else each time", fault.expected, "", fault.because)

    def _excerpts(self) -> Iterator[str]:
        words = self._plan.run.words
        yield words.line(f"> {self._plan.opening}")
        failed = sorted(
            (fault for fault in self._shown if fault is not None),
            key=lambda fault: -self._faults[fault],
        )[:3]
        shown = [self._shown[fault] for fault in failed] or list(self._shown.values())[:1]
        for session in shown:
            yield from self._lines(session, words, (LINES_MAX - 1) // len(shown))

    @staticmethod
    def _lines(session: Session, words: Words, count: int) -> Iterator[str]:
        return session.record.lines(words, session.began_s, session.label, count)


def _overheard(count: int, limit: int) -> Fault:
    return Fault(
        Symptom.FOREIGN,
        f"{count} messages with another connection's nonce",
        f"at most {limit}" if limit else "none",
        "messages reach connections that they are not meant for: look at how they are routed",
    )


def _asked(spec: WebSocketProbe) -> str:
    parts = [spec.path]
    if spec.connections > 1:
        parts.append(f"{spec.connections} connections together")
    if spec.users:
        parts.append(f"as {', '.join(spec.users)}")
    if spec.repeat > 1:
        parts.append(f"{spec.repeat} times")
    return ", ".join(parts)


def _expected(plan: Plan) -> str:
    spec = plan.spec
    share = f"{spec.success_percent:g}% of {spec.connections * spec.repeat} sessions"
    if spec.refused:
        return f"{share} {plan.refusals}"
    parts = [str(step) for step in plan.steps if isinstance(step, Listen)]
    parts += [f"close {spec.close_code}"] if spec.close_code else []
    return f"{share}: {', '.join(parts)}" if parts else f"{share} opened"


@contextlib.contextmanager
def _quiet(sessions: int) -> Iterator[None]:
    """Keeps the garbage collector from stopping a crowd in the middle of its handshakes.

    With thousands of connections its pauses end up in the latencies of all of them. Objects that
    are there already are set aside, too, so that they are not gone through afterwards.
    """
    if sessions < _CROWD or not gc.isenabled():
        yield
        return
    gc.freeze()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.unfreeze()


@contextlib.contextmanager
def _collecting() -> Iterator[None]:
    """Lets the garbage collector work for a while, since a hold may be long."""
    quiet = not gc.isenabled()
    gc.enable()
    try:
        yield
    finally:
        if quiet:
            gc.disable()


def _make_room(connections: int) -> None:
    """Raises the soft limit of open files, where the hard one allows, to what is needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _FILES_BESIDES
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
