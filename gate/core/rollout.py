"""The rollout as a state machine: `step(rollout, event) -> (rollout, commands)`.

Every arrow stands in `step`; the arms below it change the state and nothing else. What the shell
must do next is a function of the state alone (`command_of`), so that a rollout can be replayed
from its events, and resumed.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from gate.core import (
    candidate,
    cleanup,
    confirming,
    counting,
    dwelling,
    guard,
    interference,
    moving,
    recovery,
)
from gate.core.commands import command_of
from gate.core.first_write import blind, no_service, plan_first_write
from gate.core.interruption import interrupted
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
    Look,
    Overwrote,
    Probed,
    Recorded,
    Seen,
    SetTraffic,
)
from gate.core.state import Ending, Phase, Plan, Rollout
from gate.core.transitions import READ_WITHIN_S, hold, written
from gate.core.verdict import Verdict
from gate.errors import IllegalEventError

Stepped = tuple[Rollout, tuple[Command, ...]]


def begin(plan: Plan, rollout_id: str, at: datetime) -> Stepped:
    """A new rollout and its first command."""
    limit_at = at + timedelta(seconds=READ_WITHIN_S)
    rollout = Rollout(rollout_id, plan, at, Phase.READING, limit_at, at=at, candidate=plan.revision)
    return rollout, command_of(rollout)


def step(rollout: Rollout, event: Event) -> Stepped:
    """Takes one event in; returns the new state and what to do next (nothing once ENDED).

    Raises:
        IllegalEventError: this phase does not expect this event; nothing has changed.
    """
    after = _arrow(replace(_informed(rollout, event), at=event.at), event)
    return after, command_of(after)


def _informed(r: Rollout, event: Event) -> Rollout:
    """What was seen replaces what was known; a revision asked for and not there is gone."""
    if not isinstance(event, Seen):
        return _sent(r, event)
    asked = {name for look in command_of(r) if isinstance(look, Look) for name in look.revisions}
    known = {name: revision for name, revision in r.revisions.items() if name not in asked}
    return replace(
        r,
        service=event.service,
        revisions={**known, **event.revisions},
        unanswered=event.unanswered,
        unheard=event.unheard,
        approvals=event.approvals,
        unread=event.unread,
    )


def _sent(r: Rollout, event: Event) -> Rollout:
    """A write that was accepted, or got no answer, is the last one from here on."""
    lost = isinstance(event, CallFailed) and event.failure is Failure.LOST
    for command in command_of(r) if lost or isinstance(event, Accepted) else ():
        if isinstance(command, Deploy | SetTraffic):
            given = event.generation if isinstance(event, Accepted) else 0
            return replace(r, sent=command, given=given)
    return r


def _arrow(r: Rollout, event: Event) -> Rollout:  # noqa: C901, PLR0911, PLR0912, PLR0915 - the one table of arrows, one line each
    at = event.at
    match r.phase, event:
        case Phase.ENDED, _:
            raise _illegal(r, event)
        case _, Interrupted():
            return interrupted(r, at)
        case _, Seen(service=service) if guard.overwrote(r, service):
            return guard.overwritten(r, service, at)
        case Phase.PROBING | Phase.DWELLING | Phase.WATCHING, Overwrote() as overwrote:
            return guard.renewal_overwrote(r, overwrote)
        case Phase.CONFIRMING, Overwrote() as overwrote if r.awaiting_since:
            return guard.renewal_overwrote(r, overwrote)
        case Phase.READING, Seen(service=service):
            return plan_first_write(r, service, at)
        case Phase.READING, CallFailed(failure=Failure.NOT_FOUND) as failed:
            return no_service(r, failed)
        case Phase.READING, CallFailed() as failed if r.unseen:
            return moving.cannot_see(r, failed)
        case Phase.READING, CallFailed() as failed:
            return blind(r, failed)
        case Phase.RECOVERING, Accepted():
            return written(r, Phase.RECOVERED, at, r.plan.verify_within_s)
        case Phase.RECOVERING, CallFailed() as failed:
            return recovery.not_recovered(r, failed)
        case Phase.RECOVERED, Seen(service=service):
            return recovery.recovered(r, service, at)
        case Phase.DEPLOYING | Phase.TAGGING, Accepted():
            return written(r, Phase.WAITING, at, r.plan.ready_within_s)
        case Phase.DEPLOYING | Phase.TAGGING, CallFailed() as failed:
            return candidate.not_placed(r, failed)
        case Phase.WAITING, Seen(service=service):
            return candidate.waiting(r, service, at)
        case Phase.WAITING, CallFailed() as failed:
            return candidate.cannot_wait(r, failed)
        case Phase.EXPLAINING, LogsRead(lines=lines, evidence=evidence):
            return candidate.explained(r, lines, at, evidence)
        case Phase.PROBING, Probed() as probed:
            return candidate.probed(r, probed)
        case Phase.PROBING, Seen(service=service):
            return candidate.disturbed(r, service, at)
        case Phase.DWELLING | Phase.WATCHING, Probed() as probed if not r.counting:
            return dwelling.dwelt(r, probed)
        case Phase.DWELLING | Phase.WATCHING, Counted() as counts if r.counting:
            return counting.counted(r, counts)
        case Phase.DWELLING | Phase.WATCHING, Seen(service=service):
            return moving.disturbed(r, service, at)
        case Phase.DWELLING | Phase.WATCHING, CallFailed(message=message, hint=hint):
            verdict = Verdict.hold("probes", f"could not be run: {message}", hint)
            return interference.stop(r, at, Ending.HELD, verdict)
        case Phase.PROBING, CallFailed(message=message, hint=hint):
            return hold(r, at, "probes", f"could not be run: {message}", hint)
        case Phase.CONFIRMING, Seen(service=service):
            return confirming.confirmed(r, service, at)
        case Phase.CONFIRMING, CallFailed() as failed:
            return confirming.unconfirmed(r, failed)
        case Phase.MOVING, Accepted():
            return moving.sent(r, at)
        case Phase.MOVING, CallFailed() as failed:
            return moving.not_moved(r, failed)
        case Phase.VERIFYING, Seen(service=service):
            return moving.verified(r, service, at)
        case (
            Phase.RECOVERED | Phase.VERIFYING | Phase.BACKING_OUT | Phase.PROVING | Phase.SETTLING,
            CallFailed() as failed,
        ):
            return moving.cannot_see(r, failed)
        case Phase.BACKING_OUT, Seen(service=service):
            return moving.back_out(r, service, at)
        case Phase.REVERTING, Accepted():
            return written(r, Phase.PROVING, at, r.plan.verify_within_s)
        case Phase.REVERTING, CallFailed() as failed:
            return moving.not_reverted(r, failed)
        case Phase.PROVING, Seen(service=service):
            return moving.proved(r, service, at)
        case Phase.CLEANING, Seen(service=service):
            return cleanup.cleaning(r, service, at)
        case Phase.CLEANING, CallFailed() as failed:
            return cleanup.cannot_look(r, failed)
        case Phase.UNTAGGING, Accepted() as accepted:
            return cleanup.untagged(r, accepted)
        case Phase.UNTAGGING, CallFailed() as failed:
            return cleanup.not_untagged(r, failed)
        case Phase.SETTLING, Seen(service=service):
            return cleanup.settled(r, service, at)
        case Phase.RECORDING, Recorded(kept=kept, message=message):
            note = () if kept else (f"the ledger did not keep the outcome: {message}",)
            return replace(r, phase=Phase.ENDED, recorded=kept, notes=r.notes + note)
        case _:
            raise _illegal(r, event)


def _illegal(r: Rollout, event: Event) -> IllegalEventError:
    return IllegalEventError(
        f"rollout {r.id}: {type(event).__name__} does not belong in the phase {r.phase.value!r}"
    )
