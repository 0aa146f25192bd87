"""What is worth saying while a rollout goes on, and when: the same for every view.

Hears what the controller tells a Narrator and answers with lines. Polling is said once; durations
come from the events' own times, so that a story needs no clock.
"""

from datetime import datetime

from gate.core.lease import LeaseState, lease_state, taker
from gate.core.messages import (
    CallFailed,
    Command,
    Counted,
    Event,
    Failure,
    Interrupted,
    LogsRead,
    Probed,
    RunProbes,
    Seen,
)
from gate.core.state import Phase, Rollout
from gate.ports import Progress
from gate.report.lines import Line, Tone
from gate.report.progress.activity import SAID_LATER, doing, shares_before, stays, title
from gate.report.progress.probes import ProbeMessages
from gate.report.progress.requests import RequestMessages, step_text
from gate.report.safe import safe
from gate.report.words import (
    decision_tone,
    duration,
    shares_now,
    verdict_text,
)

WAITS_MAX = 5
"""Most different reasons for waiting that are said."""


class Messages:
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
        self._hinted: set[str] = set()
        self._probes = ProbeMessages()
        self._requests = RequestMessages()

    def doing(self, rollout: Rollout, command: Command) -> list[Line]:
        """Lines before a command is carried out."""
        lines = [] if self._last else _title(rollout)
        self._last = rollout
        if isinstance(command, RunProbes):
            self._probes.asked(rollout.phase)
        if rollout.phase is not self._doing:
            self._doing = rollout.phase
            text = doing(rollout)
            self.now = text or self.now
            if text and rollout.phase not in SAID_LATER:
                lines.append(Line(text))
        return lines

    def happened(self, rollout: Rollout, event: Event) -> list[Line]:
        """Lines after an event, and the state that it led to."""
        was, self._last = self._last or rollout, rollout
        lines = self._told(was, rollout, event)
        notes = [
            Line(f"note: {safe(note, 500)}", Tone.UNSURE)
            for note in rollout.notes[len(was.notes) :]
        ]
        asked_for = rollout.phase is Phase.DEPLOYING  # a service that is not there yet, and may be
        hints = self._hints(event) if isinstance(event, CallFailed) and not asked_for else []
        # beside what it is about: the failure, or the note that a refusal makes of it
        lines += hints + notes if lines else notes + hints
        if rollout.verdict is not None and rollout.verdict != was.verdict:
            lines.append(_verdict(rollout))
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
                took = self._since(event.at)
                return self._probes.ended(was.phase, rollout, evidence, took)
            case Counted():
                self.now = step_text(rollout.counted[-1])
                return self._requests.counted(rollout)
            case LogsRead(lines=()):
                return [Line("it left no log lines that would say why", indent=2)]
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
        if was.phase in _ARRIVALS:
            return self._arrived(was, rollout, at)
        if rollout.phase is Phase.PROBING:
            text = f"{safe(rollout.candidate)} is ready at {safe(rollout.url)}"
            return [Line(f"{text} (after {self._since(at)})", Tone.GOOD)]
        if rollout.phase is Phase.EXPLAINING:
            return _unready(rollout)
        return []

    def _arrived(self, was: Rollout, rollout: Rollout, at: datetime) -> list[Line]:
        """Where traffic is once that was verified."""
        service = rollout.service
        text = _arrival(was, rollout)
        if not text or service is None or not service.in_effect:
            return []
        verified = f"verified: desired and effective traffic agree (after {self._since(at)})"
        lines = [Line(text, Tone.GOOD), Line(verified, Tone.GOOD)]
        first_step = rollout.phase is Phase.DWELLING and rollout.stepped == 1
        return [*lines, _shared_out(rollout)] if first_step else lines

    def _still(self, rollout: Rollout) -> list[Line]:
        """Why it still waits, where that is news."""
        why = _waits_for(rollout)
        if rollout.listening:
            why = f"users are on {safe(rollout.candidate)}: asking it once, as they do"
        if not why or why in self._waits or len(self._waits) >= WAITS_MAX:
            return []
        self._waits.add(why)
        return [Line(why, Tone.FAINT, indent=2)]

    def _hints(self, failed: CallFailed) -> list[Line]:
        """What to do about a failure; said once, however often it fails."""
        if not failed.hint or failed.hint in self._hinted:
            return []
        self._hinted.add(failed.hint)
        return [Line(f"hint: {safe(failed.hint)}", indent=2)]

    def _failed(self, was: Rollout, rollout: Rollout, event: CallFailed) -> list[Line]:
        noted = any(event.message in note for note in rollout.notes[len(was.notes) :])
        noted |= was.phase is Phase.READING and rollout.phase is Phase.DEPLOYING
        text = "" if noted else _FAILURES[event.failure].format(safe(event.message, 500))
        if text in self._waits:
            return []
        self._waits.add(text)
        return [Line(text, Tone.UNSURE)] if text else []


def _shared_out(rollout: Rollout) -> Line:
    """What a step does not move, while the old revisions keep most of the traffic."""
    name = safe(rollout.candidate)
    text = f"open WebSockets stay where they are; new ones are shared out, some to {name}"
    return Line(text, Tone.FAINT, indent=2)


def _title(rollout: Rollout) -> list[Line]:
    plan = rollout.plan
    by = f"asked by {safe(plan.actor)}" if plan.actor else ""
    why = f"because: {safe(plan.reason)}" if plan.reason else ""
    asked = ", ".join(part for part in (by, why) if part)
    said = [Line(asked, Tone.FAINT, indent=2)] if asked else []
    return [Line(title(rollout), Tone.HEADING), *said]


_FAILURES: dict[Failure, str] = {
    Failure.CONFLICT: "somebody else changed the service at the same moment: looking again",
    Failure.LOST: "no answer from Cloud Run ({}): looking again",
    Failure.NOT_FOUND: "Cloud Run does not find it: {}",
    Failure.REFUSED: "Cloud Run said no: {}",
    Failure.DENIED: "Cloud Run said no: {}",
    Failure.UNRECORDED: "nothing was changed: {}",
}


def _waits_for(rollout: Rollout) -> str:
    service = rollout.service
    if rollout.phase is Phase.READING and service is not None:
        if (
            rollout.plan.wait_s
            and rollout.at
            and lease_state(service, rollout.at) is LeaseState.HELD
        ):
            most = duration(rollout.plan.wait_s)
            return f"{safe(taker(service), 300)} is at work: waiting for it (at most {most})"
        if not service.in_effect and service.reconciling:
            return "an earlier change of the service is not in effect yet: waiting for it"
    if rollout.phase is Phase.WAITING and (seen := rollout.revisions.get(rollout.candidate)):
        parts = [safe(part) for part in (seen.ready.reason, seen.ready.message) if part]
        return f"not ready yet: {': '.join(parts)}" if seen.ready.message else ""
    return ""


def _unready(rollout: Rollout) -> list[Line]:
    revision = rollout.revisions.get(rollout.candidate)
    ready = revision.ready if revision else None
    why = safe(ready.reason or ready.message, 80) if ready else "it never appeared"
    return [Line(f"{safe(rollout.candidate)} did not become ready: {why}", Tone.BAD)]


_ARRIVALS = frozenset({Phase.VERIFYING, Phase.PROVING, Phase.SETTLING, Phase.RECOVERED})
"""Phases that end once traffic was seen to be in effect."""


def _arrival(was: Rollout, rollout: Rollout) -> str:
    """Where traffic is now, "" where it is not where this phase wanted it."""
    service, goal = rollout.service, was.goal
    if service is None:
        return ""
    now = shares_now(service)
    there = goal is not None and service.serves(goal)
    match was.phase:
        case Phase.VERIFYING if there and rollout.phase is Phase.DWELLING:
            return f"traffic is now: {now}"
        case Phase.VERIFYING if there:
            return _moved(rollout, now)
        case Phase.PROVING if there:
            return f"traffic is back where it was: {now}"
        case Phase.RECOVERED if there:
            return f"what was left is taken back; traffic is now: {now}"
        case Phase.SETTLING if stays(rollout):
            return f"traffic stays where it was: {now}"
        case Phase.SETTLING:
            return f"traffic is now: {now}"
        case _:
            return ""


def _moved(rollout: Rollout, now: str) -> str:
    if rollout.before is None:  # a first deploy: there was nothing before
        return f"traffic is now: {now}"
    return f"traffic moved: {shares_before(rollout)} -> {now}"


def _verdict(rollout: Rollout) -> Line:
    assert rollout.verdict is not None
    decision = rollout.verdict.decision.value
    words = ("" if one.by_probe else one.subject for one in rollout.verdict.reasons)
    said = verdict_text(decision, words, rollout.plan.kind.value)
    return Line(said, decision_tone(decision))
