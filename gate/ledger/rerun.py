"""Makes a recorded decision again: its events, put to the rules of today. Pure.

The clock, Cloud Run, the probes and whoever interrupted are those of the record; what follows from
them is worked out anew by gate.core.rollout.step.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gate.core import rollout as rules
from gate.core.fields import Entry, child, children, number, text, texts
from gate.core.messages import (
    Accepted,
    CallFailed,
    Command,
    Counted,
    Deploy,
    Event,
    Failure,
    Interrupted,
    LogsRead,
    Overwrote,
    Probed,
    Recorded,
    Seen,
    SetTraffic,
)
from gate.core.policy import Json
from gate.core.recorded import Decision, moment
from gate.core.state import Phase, Rollout
from gate.errors import IllegalEventError
from gate.ledger.decoded import NotUnderstood
from gate.ledger.entry import intention, outcome
from gate.ledger.replay import NOTHING_ASKED
from gate.ledger.unpacked import Recording, unpacked

Step = Callable[[Rollout, Event], rules.Stepped]

_WORDS: Mapping[type[Event], str] = {
    Seen: "the service, read",
    Accepted: "a write, accepted",
    Overwrote: "a write by somebody else",
    CallFailed: "a call that failed",
    Probed: "what the probes saw",
    Counted: "users' requests, counted",
    LogsRead: "log lines, read",
    Recorded: "the record, kept",
    Interrupted: "an interruption",
}
_ASKED = ("kind", "project", "region", "service", "policy_digest", "reason")
"""What the entry itself says of what was asked for: its events must say the same."""


class Write(NamedTuple):
    """A write that is about to be done: why, and the traffic that it asks for."""

    why: str
    traffic: str


@dataclass(slots=True)
class Rerun:
    """How far a decision could be made again.

    Attributes:
        rollout: as today's rules have it after the last event that they took.
        writes: what they write, each with the number of the event that answers it, and whether the
            record may well lack it.
        differs: what was otherwise then, in words.
        broken: whether an event came that today's rules do not wait for.
        outcome: the entry that they lead to.
    """

    rollout: Rollout
    writes: list[tuple[Write, int, bool]] = field(default_factory=list)
    differs: list[str] = field(default_factory=list)
    broken: bool = False
    outcome: Entry = field(default_factory=dict)


def rerun(decision: Decision, events: Entry, step: Step = rules.step) -> dict[str, Json]:
    """What today's rules make of what happened, beside what was decided then.

    {id, kind, by, replayed, unreadable, why_not, same, recorded, today, differs, events, gate}:
    `by` is `events`; `unreadable` whether there are events that this gate cannot read or follow;
    `recorded` and `today` are {decision, subjects, ending, exit_code}, null where nothing is
    replayed; `differs` says in words what is not the same; `events` is how many there are; `gate`
    is the version that decided then.

    Args:
        decision: with its intentions.
        events: the value of the outcome's field `events`, or of its bundle.
        step: the rules.
    """
    entry = decision.outcome or {}
    value: dict[str, Json] = {
        "id": decision.id,
        "kind": decision.kind,
        "by": "events",
        "events": number(events, "count") or 0,
        "gate": text(entry, "gate_version"),
    }
    try:
        made = _made_again(unpacked(events, decision.id), entry, step)
        differs = [*made.differs, *_differs(decision, made)]
    except NotUnderstood as error:
        why = str(error) if events else NOTHING_ASKED.get(decision.kind, str(error))
        told: dict[str, Json] = {"replayed": False, "unreadable": "data" in events}
        told |= {"why_not": why, "same": None}
        return {**value, **told, "recorded": None, "today": None, "differs": []}
    return {
        **value,
        "replayed": True,
        "unreadable": False,
        "why_not": "",
        "same": not differs,
        "recorded": _side(entry),
        "today": _side(made.outcome),
        "differs": [*differs],
    }


def _made_again(recording: Recording, entry: Entry, step: Step) -> Rerun:
    """Feeds the events to the rules, as far as they take them.

    Args:
        recording: what happened.
        entry: the outcome that was recorded.
        step: the rules.

    Raises:
        NotUnderstood: the rules fail on what is recorded, which no gate can have seen.
    """
    count = 0
    try:
        started_at = recording.started_at
        rollout, commands = rules.begin(recording.plan, text(entry, "rollout"), started_at)
        made = Rerun(rollout)
        for count, (event, phase) in enumerate(recording.steps, 1):
            _note_write(made, commands, count, event)
            before = made.rollout
            try:
                made.rollout, commands = step(before, event)
            except IllegalEventError:
                made.differs.append(_no_place(count, event, before))
                made.broken = True
                break
            if made.rollout.phase is not phase and not made.differs:
                made.differs.append(_elsewhere(count, event, phase, made.rollout))
        made.outcome = outcome(made.rollout, moment(text(entry, "at")) or started_at)
    except Exception as error:  # noqa: BLE001 - rules are for what happens, a record may say anything
        where = f"event {count}" if count else "what was asked for"
        told = f"today's rules fail on {where} ({type(error).__name__})"
        raise NotUnderstood(told) from None
    return made


def _note_write(made: Rerun, commands: Sequence[Command], count: int, event: Event) -> None:
    """Keeps the write that this event answers.

    No intention is recorded of one that the gate was stopped before, or that could not be kept.
    """
    for command in commands:
        if isinstance(command, Deploy | SetTraffic):
            unkept = isinstance(event, CallFailed) and event.failure is Failure.UNRECORDED
            urgent = isinstance(command, SetTraffic) and command.even_unrecorded
            write = _write(intention(made.rollout, command, event.at))
            made.writes.append((write, count, unkept or urgent or isinstance(event, Interrupted)))


def _write(entry: Entry) -> Write:
    lines = sorted(
        (text(one, "revision") or "LATEST", number(one, "percent") or 0, text(one, "tag"))
        for one in children(entry, "traffic_wanted")
    )
    shares = (f"{name} {percent} %" for name, percent, _ in lines if percent)
    tags = (f"{tag} -> {name}" for name, _, tag in lines if tag)
    return Write(text(entry, "why"), ", ".join([*shares, *tags]))


def _word(event: Event) -> str:
    return _WORDS[type(event)]


def _no_place(count: int, event: Event, today: Rollout) -> str:
    ending = f", {today.ending.value}" if today.ending else ""
    if today.phase in {Phase.RECORDING, Phase.ENDED}:
        return f"at event {count} ({_word(event)}) today's rules would already have ended{ending}"
    return f"at event {count} ({_word(event)}) today's rules would still be {today.phase.value}"


def _elsewhere(count: int, event: Event, then: Phase, today: Rollout) -> str:
    ending = f" ({today.ending.value})" if today.ending else ""
    led = f"event {count} ({_word(event)}) led to {then.value}"
    return f"{led}, and today it would lead to {today.phase.value}{ending}"


def _differs(decision: Decision, made: Rerun) -> Iterator[str]:
    """What the record says otherwise than today's rules do, beside the way there."""
    then, today = decision.outcome or {}, made.outcome
    for name in _ASKED:
        if (said := text(then, name)) != (told := text(today, name)):
            yield f"{name}: {said!r:.80} in the entry, {told!r:.80} by its events"
    yield from _writes_differ(decision, made)
    ended = made.rollout.phase in {Phase.RECORDING, Phase.ENDED}
    if made.broken and not ended:
        return  # what would have come of it nobody knows
    if not ended:
        yield f"its events end where today's rules would still be {made.rollout.phase.value}"
        return
    if text(then, "ending") != text(today, "ending"):
        yield f"it ended {text(then, 'ending')}, and would end {text(today, 'ending')}"
    codes = number(then, "exit_code"), number(today, "exit_code")
    if codes[0] != codes[1]:
        yield f"the exit code was {codes[0]}, and would be {codes[1]}"
    yield from _verdicts_differ(child(then, "verdict"), child(today, "verdict"))
    if not made.broken:
        yield from _evidence_differs(then, today)


def _writes_differ(decision: Decision, made: Rerun) -> Iterator[str]:
    """Each write, beside what the record says that was about to be done."""
    recorded = [_write(one) for one in decision.intentions]
    named = len(texts(decision.outcome or {}, "intentions"))
    unkept = bool(texts(decision.outcome or {}, "intentions_unkept")) or len(recorded) < named
    left = [write for write, _, _ in made.writes]
    for write, count, excused in made.writes:
        left.pop(0)
        later = excused and recorded.count(write) <= left.count(write)
        if write in recorded and not later:
            at = recorded.index(write)
            yield from map(_not_today, recorded[:at])
            del recorded[: at + 1]
        elif recorded and not excused and recorded[0] not in left:
            was = recorded.pop(0)
            told = f"to {was.why} ({was.traffic}), and would be to {write.why} ({write.traffic})"
            yield f"before event {count} the write was {told}"
        elif not (excused or unkept):
            told = f"{write.why} ({write.traffic}) before event {count}"
            yield f"today's rules would {told}, of which the record has no word"
    if not made.broken:
        yield from map(_not_today, recorded)


def _not_today(write: Write) -> str:
    return f"the gate was about to {write.why} ({write.traffic}), and today it would not"


def _verdicts_differ(then: Entry, today: Entry) -> Iterator[str]:
    decisions = [text(one, "decision") or "none" for one in (then, today)]
    if decisions[0] != decisions[1]:
        yield f"the verdict was {decisions[0]}, and would be {decisions[1]}"
    was, now = (_subjects(one) for one in (then, today))
    for name in dict.fromkeys([*was, *now]):
        if name not in now:
            yield f"{name} was a reason, and would be none"
        elif name not in was:
            yield f"{name} was no reason, and would be one"


def _subjects(verdict: Entry) -> list[str]:
    return [text(one, "subject") for one in children(verdict, "reasons")]


def _evidence_differs(then: Entry, today: Entry) -> Iterator[str]:
    """Evidence in the entry that is not what its events led to; some may have had no room."""
    was, now = _seen(then), _seen(today)
    left_out = bool(number(then, "left_out"))
    for (probe, address), told in now.items():
        if (probe, address) not in was and left_out:
            continue
        if (found := was.get((probe, address), "nothing")) != told:
            place = f" at {address}" if address else ""
            yield f"{probe}{place}: {found} in the entry, {told} by its events"
    for probe, address in was.keys() - now.keys():
        place = f" at {address}" if address else ""
        yield f"{probe}{place}: {was[probe, address]} in the entry, nothing by its events"


def _seen(entry: Entry) -> dict[tuple[str, str], str]:
    """What each probe came to where: its outcome, whose fault, and what was not as expected."""
    found: dict[tuple[str, str], str] = {}
    for item in children(entry, "evidence"):
        symptoms = [text(one, "symptom") for one in children(item, "findings")]
        parts = [text(item, "outcome"), text(item, "attribution"), *symptoms]
        key = text(item, "probe"), text(item, "address")
        before = f"{found[key]}; " if key in found else ""
        found[key] = before + ", ".join(part for part in parts if part)
    return found


def _side(entry: Entry) -> dict[str, Json]:
    verdict = child(entry, "verdict")
    return {
        "decision": text(verdict, "decision"),
        "subjects": [*_subjects(verdict)],
        "ending": text(entry, "ending"),
        "exit_code": number(entry, "exit_code"),
    }
