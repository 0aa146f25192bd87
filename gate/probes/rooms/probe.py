"""Rounds of one conversation between several parties, and the evidence that they make."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gate.core.evidence import Evidence
from gate.core.shapes import together
from gate.kinds.rooms import RoomsProbe
from gate.probes.inquiry import Inquiry, Tally
from gate.probes.outcome import Fault, worst
from gate.probes.rooms.course import Course, Wrong
from gate.probes.rooms.member import Member
from gate.probes.rooms.plan import Plan
from gate.probes.sockets.crowd import make_room
from gate.probes.words import LINES_MAX

KIND = "rooms"
_SHOWN_MAX = 3
"""Connections whose frames are shown."""
_SHAPED = 3
"""Connections whose messages' shapes are looked at."""


async def ask(inquiry: Inquiry[RoomsProbe]) -> Evidence:
    """Lets the parties talk, round by round, up to the first round in which something is wrong.

    Raises:
        CannotAskError: the policy or the target does not allow to ask.
    """
    spec = inquiry.spec
    plan = Plan(spec, inquiry.run)
    draft = inquiry.begin(KIND, _asked(spec), "step " + "; ".join(one.told for one in plan.steps))
    make_room(plan.total)
    number, course, wrong = await _rounds(inquiry, plan)
    faults = _faults(wrong, course)
    names = sorted({member.answered_by for member in course.members} - {""})
    return draft.end(
        _seen(spec, number, faults),
        faults,
        _excerpts(plan, course, wrong),
        trace=plan.trace.id,
        answered_by=", ".join(names),
        tally=Tally(number, number - bool(wrong), worst(faults)),
        shape=together(member.shaped.shape for member in course.members[:_SHAPED]),
    )


async def _rounds(inquiry: Inquiry[RoomsProbe], plan: Plan) -> tuple[int, Course, Sequence[Wrong]]:
    """The number of rounds, the last of them, and what was wrong in it."""
    repeat = inquiry.spec.repeat
    number = 0
    while True:
        number += 1
        course = Course(plan)
        where = f"round {number} of {repeat}: " if repeat > 1 else ""

        def report(text: str, where: str = where, done: int = number - 1) -> None:
            inquiry.report(where + text, done, repeat)

        try:
            wrong = await course.run(report)
            doubted = course.doubted()
            again = bool(doubted) and await doubted[0].member.another()
        finally:
            await course.end()
        if again:
            number -= 1
            continue
        wrong = doubted or wrong
        if wrong or number == repeat:
            return number, course, wrong


def _asked(spec: RoomsProbe) -> str:
    names = [
        name if party.connections == 1 else f"{party.connections} of {name}"
        for name, party in spec.parties
    ]
    rounds = f", {spec.repeat} times" if spec.repeat > 1 else ""
    return f"WebSocket {spec.path}, with {', '.join(names)}{rounds}"


def _faults(wrong: Sequence[Wrong], course: Course) -> Counter[Fault]:
    """The faults without what differs from round to round, so that equal ones are equal."""

    def plain(fault: Fault) -> Fault:
        seen, expected = (
            text.replace(course.nonce, "${nonce}") for text in (fault.seen, fault.expected)
        )
        return replace(fault, seen=seen, expected=expected)

    return Counter(plain(one.fault) for one in wrong)


def _seen(spec: RoomsProbe, rounds: int, faults: Counter[Fault]) -> str:
    """One line: what went wrong first, with whom."""
    told = [f"{one.symptom.value}: {one.seen}" for one in list(faults)[:_SHOWN_MAX]]
    where = f"round {rounds} of {spec.repeat}: " if spec.repeat > 1 else ""
    if told:
        return where + "; ".join(told)
    steps = f"{len(spec.steps)} step{'s' if len(spec.steps) > 1 else ''} as expected"
    return f"{steps}, {rounds} times" if spec.repeat > 1 else steps


def _excerpts(plan: Plan, course: Course, wrong: Sequence[Wrong]) -> Iterator[str]:
    """The last frames of those with whom something was wrong, then of others."""
    words = plan.run.words
    shown = _telling(course, wrong)
    for member in shown:
        yield words.line(f"> {member.label}: {plan.parts[member.name].opening}")
    each = (LINES_MAX - len(shown)) // len(shown)
    for member in shown:
        yield from member.record.lines(words, member.began_s, member.label, each)


def _telling(course: Course, wrong: Sequence[Wrong]) -> Sequence[Member]:
    first = [one.member for one in wrong] + [*course.members]
    return list(dict.fromkeys(first))[:_SHOWN_MAX]
