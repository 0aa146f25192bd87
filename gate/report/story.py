"""What is worth saying while a rollout goes on, and when: the same for every view.

Hears what the controller tells a Narrator and answers with lines. Polling is said once; durations
come from the events' own times, so that a story needs no clock.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from gate.core.messages import (
    CallFailed,
    Command,
    Event,
    Failure,
    Interrupted,
    LogsRead,
    Probed,
    Recorded,
    Seen,
)
from gate.core.state import Ending, Kind, Phase, Rollout
from gate.core.verdict import Decision
from gate.ports import Progress
from gate.report.lines import Line, Tone
from gate.report.probe_story import ProbeStory
from gate.report.safe import safe
from gate.report.words import (
    DECISIONS,
    decision_tone,
    duration,
    many,
    service_text,
    shares_before,
    shares_now,
    shares_text,
    stays,
)

LOG_LINES_MAX = 20
LOG_LINE_MAX = 400
WAITS_MAX = 5
"""Most different reasons for waiting that are said."""


class Story:
    """Turns what happens into lines, in order.

    Attributes:
        now: what is being done at this moment, as one line.
    """

    def __init__(self) -> None:
        self.now = ""
        self._last: Rollout | None = None
        self._doing: Phase | None = None
        self._entered_at: datetime | None = None
        self._waits: set[str] = set()
        self._probes = ProbeStory()

    def doing(self, rollout: Rollout, command: Command) -> list[Line]:  # noqa: ARG002 - the phase says it all
        """Lines before a command is carried out."""
        lines = [] if self._last else _title(rollout)
        self._last = rollout
        if rollout.phase is not self._doing:
            self._doing = rollout.phase
            text = _DOING[rollout.phase](rollout)
            self.now = text or self.now
            if text and rollout.phase not in _SAID_LATER:
                lines.append(Line(text))
        return lines

    def happened(self, rollout: Rollout, event: Event) -> list[Line]:
        """Lines after an event, and the state that it led to."""
        was, self._last = self._last or rollout, rollout
        lines = self._told(was, rollout, event)
        lines += [
            Line(f"note: {safe(note, 500)}", Tone.UNSURE)
            for note in rollout.notes[len(was.notes) :]
        ]
        if isinstance(event, CallFailed) and event.hint:
            lines.append(Line(f"hint: {safe(event.hint)}", indent=2))
        if rollout.verdict is not None and rollout.verdict != was.verdict:
            lines += _verdict(rollout)
        if rollout.phase is not was.phase:
            self._entered_at = event.at
        if rollout.ended:
            self.now = ""
        return lines

    def progress(self, progress: Progress) -> list[Line]:
        """Lines about a probe that began, advanced or ended."""
        return self._probes.progress(progress)

    def _told(self, was: Rollout, rollout: Rollout, event: Event) -> list[Line]:
        match event:
            case Seen():
                return self._seen(was, rollout, event.at)
            case CallFailed():
                return self._failed(was, rollout, event)
            case Probed(evidence=evidence):
                return self._probes.ended(rollout, evidence, self._since(event.at))
            case LogsRead(lines=lines):
                return last_words(lines)
            case Recorded():
                return _recorded(rollout, event.at)
            case Interrupted():
                text = "asked to stop: ending safely (asked again, it is left as it is then)"
                return [Line(text, Tone.UNSURE)]
            case _:
                return []

    def _since(self, at: datetime) -> str:
        """How long this phase has lasted."""
        return duration((at - (self._entered_at or at)).total_seconds())

    def _seen(self, was: Rollout, rollout: Rollout, at: datetime) -> list[Line]:
        if was.phase is rollout.phase:
            return self._still(rollout)
        if was.phase is Phase.READING and rollout.before is not None:
            return [Line(f"traffic now: {shares_before(rollout)}")]
        if rollout.phase is Phase.PROBING:
            text = f"{safe(rollout.candidate)} is ready at {safe(rollout.url)}"
            return [Line(f"{text} (after {self._since(at)})", Tone.GOOD)]
        if rollout.phase is Phase.EXPLAINING:
            return _unready(rollout)
        if rollout.phase is Phase.RECORDING:
            return _arrived(was, rollout, self._since(at))
        return []

    def _still(self, rollout: Rollout) -> list[Line]:
        """Why it still waits, where that is news."""
        why = _waits_for(rollout)
        if not why or why in self._waits or len(self._waits) >= WAITS_MAX:
            return []
        self._waits.add(why)
        return [Line(why, Tone.FAINT, indent=2)]

    def _failed(self, was: Rollout, rollout: Rollout, event: CallFailed) -> list[Line]:
        noted = any(event.message in note for note in rollout.notes[len(was.notes) :])
        text = "" if noted else _FAILURES[event.failure].format(safe(event.message, 500))
        if text in self._waits:
            return []
        self._waits.add(text)
        return [Line(text, Tone.UNSURE)] if text else []


def last_words(lines: Iterable[str]) -> list[Line]:
    """A revision's last log lines as a block of their own."""
    shown = [Line(f"| {safe(line, LOG_LINE_MAX)}", Tone.FAINT, indent=4) for line in lines if line]
    if not shown:
        return [Line("it left no log lines that would say why", indent=2)]
    return [Line("its last log lines:", indent=2), *shown[-LOG_LINES_MAX:]]


def _title(rollout: Rollout) -> list[Line]:
    plan = rollout.plan
    service = service_text(plan.service)
    match plan.kind:
        case Kind.ROLLOUT if plan.revision:
            text = f"rolling out {safe(plan.revision)}, a revision that is there, to {service}"
        case Kind.ROLLOUT:
            text = f"rolling out the image {safe(plan.image)} to {service}"
        case Kind.PROMOTE:
            name = plan.revision or f"the revision that has the tag {plan.tag}"
            text = f"promoting {safe(name)} of {service}"
        case _:
            text = f"rolling back {service} to {safe(plan.revision or 'what served before')}"
    by = f"asked by {safe(plan.actor)}" if plan.actor else ""
    why = f"because: {safe(plan.reason)}" if plan.reason else ""
    asked = ", ".join(part for part in (by, why) if part)
    return [Line(text, Tone.HEADING), *([Line(asked, Tone.FAINT, indent=2)] if asked else [])]


def _moving(rollout: Rollout) -> str:
    goal = rollout.goal
    back = " back" if rollout.plan.kind is Kind.ROLLBACK else ""
    if goal is not None and goal.sole_revision:
        return f"moving all traffic{back} to {safe(goal.sole_revision)}"
    return f"moving traffic{back}: {shares_text(goal.shares if goal else {})}"


def _probing(rollout: Rollout) -> str:
    probes = many(len(rollout.plan.probes), "probe")
    return f"probing {safe(rollout.candidate)} at its own address ({probes}, no user is affected)"


_DOING: dict[Phase, Callable[[Rollout], str]] = {
    Phase.READING: lambda _: "reading the service",
    Phase.DEPLOYING: lambda r: (
        f"deploying {safe(r.plan.image)} as {safe(r.candidate)} at 0 %: "
        "no user's request goes there"
    ),
    Phase.TAGGING: lambda r: (
        f"giving {safe(r.candidate)} the tag {safe(r.plan.tag)}, which is an address of its own, "
        "at 0 %: no user's request goes there"
    ),
    Phase.WAITING: lambda r: (
        f"waiting for {safe(r.candidate)} to start (at most {duration(r.plan.ready_within_s)})"
    ),
    Phase.EXPLAINING: lambda _: "reading its last log lines",
    Phase.PROBING: _probing,
    Phase.CONFIRMING: lambda _: "checking that nobody changed the service meanwhile",
    Phase.MOVING: _moving,
    Phase.VERIFYING: lambda _: "waiting until the new traffic is in effect",
    Phase.BACKING_OUT: lambda _: "looking how the service stands, to undo the move",
    Phase.REVERTING: lambda r: f"undoing the move: {shares_text(r.goal.shares if r.goal else {})}",
    Phase.PROVING: lambda _: "waiting until the old traffic is back in effect",
    Phase.CLEANING: lambda _: "",
    Phase.UNTAGGING: lambda r: f"removing the tag {safe(r.plan.tag)} from {safe(r.candidate)}",
    Phase.SETTLING: lambda _: "verifying the traffic",
    Phase.RECORDING: lambda _: "",
    Phase.ENDED: lambda _: "",
}

_SAID_LATER = frozenset({Phase.READING, Phase.EXPLAINING, Phase.SETTLING})
"""What is done in these is said once it is known what came of it."""

_FAILURES: dict[Failure, str] = {
    Failure.CONFLICT: "somebody else changed the service at the same moment: looking again",
    Failure.LOST: "no answer from Cloud Run ({}): looking again",
    Failure.NOT_FOUND: "Cloud Run does not find it: {}",
    Failure.REFUSED: "Cloud Run said no: {}",
    Failure.UNRECORDED: "nothing was changed: {}",
}


def _waits_for(rollout: Rollout) -> str:
    service = rollout.service
    if rollout.phase is Phase.READING and service is not None and not service.in_effect:
        return "an earlier change of the service is not in effect yet: waiting for it"
    if rollout.phase is Phase.WAITING and (seen := rollout.revisions.get(rollout.candidate)):
        parts = [safe(part) for part in (seen.ready.reason, seen.ready.message) if part]
        return f"not ready yet: {': '.join(parts)}" if seen.ready.message else ""
    return ""


def _unready(rollout: Rollout) -> list[Line]:
    revision = rollout.revisions.get(rollout.candidate)
    why = safe(str(revision.ready), 500) if revision else "it never appeared"
    return [Line(f"{safe(rollout.candidate)} did not become ready: {why}", Tone.BAD)]


def _arrived(was: Rollout, rollout: Rollout, took: str) -> list[Line]:
    """Where traffic is once it was verified, or that it is not where it should be."""
    service = rollout.service
    if service is None or not service.in_effect:
        return []
    now = shares_now(service)
    match was.phase:
        case Phase.VERIFYING if rollout.ending in {Ending.PROMOTED, Ending.ROLLED_BACK}:
            text = f"traffic moved: {shares_before(rollout)} -> {now}"
        case Phase.PROVING if rollout.ending is Ending.REVERTED:
            text = f"traffic is back where it was: {now}"
        case Phase.SETTLING if stays(rollout):
            text = f"traffic stays where it was: {now}"
        case Phase.SETTLING:
            text = f"traffic is now: {now}"
        case _:
            return []
    verified = f"verified: desired and effective traffic agree (after {took})"
    return [Line(text, Tone.GOOD), Line(verified, Tone.GOOD)]


def _verdict(rollout: Rollout) -> list[Line]:
    verdict = rollout.verdict
    assert verdict is not None
    decision = verdict.decision.value
    told = {probe.name for probe in rollout.plan.probes} | {"readiness"}
    others = [reason for reason in verdict.reasons if reason.subject not in told]
    lines = [Line(f"verdict: {decision} ({DECISIONS[decision]})", decision_tone(decision))]
    if verdict.decision is not Decision.PROMOTE:
        lines += [Line(safe(str(reason), 500), Tone.UNSURE, indent=2) for reason in others[:5]]
    return lines


def _recorded(rollout: Rollout, at: datetime) -> list[Line]:
    if not rollout.recorded:
        return []  # the note says so
    whole = duration((at - rollout.started_at).total_seconds())
    return [Line(f"recorded: gate audit show {safe(rollout.id)} ({whole} in all)")]
