"""The one command that is right for a service in the state that it is in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from shlex import quote

from gate.core.lease import LeaseState, half_done, lease_state
from gate.core.service import ConditionState, Revision, Service, ServiceRef
from gate.core.stable import before_rollout, way_back

POLICY, IMAGE = "POLICY", "IMAGE"
"""What only the reader knows, in a command that is printed."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do next with a service, and why.

    Attributes:
        command: a whole command line, "" where there is nothing to do.
    """

    command: str = ""
    why: str = ""


def flags(ref: ServiceRef) -> str:
    """The options that name a service on the command line."""
    return f"--project {ref.project} --region {ref.region} --service {ref.name}"


def by_hand(verb: str, ref: ServiceRef, *, to: str = "", revision: str = "") -> str:
    """A whole command that a person may run as it is: `gate rollback --to R ... --yes`."""
    which = (f" --to {to}" if to else "") + (f" --revision {revision}" if revision else "")
    return f'gate {verb}{which} {flags(ref)} --reason "..." --yes'


def examining(ref: ServiceRef, policy: str = "") -> str:
    """The command that names each permission that is missing, and what grants it."""
    which = f"--policy {quote(policy)} " if policy else ""
    return f"gate doctor {which}{flags(ref)}"


def approving(ref: ServiceRef, rollout: str, candidate: str, policy: str = "") -> tuple[str, ...]:
    """The commands that lead on where a candidate waits for people's approval."""
    which = f"--policy {quote(policy or POLICY)} --revision {candidate}"
    checked = f"--policy {quote(policy)} " if policy else ""
    return (
        f'gate approve {rollout} {checked}{flags(ref)} --reason "..."',
        f"gate rollout {which} {flags(ref)}",
        f'gate promote {which} {flags(ref)} --reason "..." --yes',
    )


def resuming(ref: ServiceRef) -> str:
    """The command that lets rollouts go on where the line was stopped."""
    return f'gate resume {flags(ref)} --reason "..."'


def roll_out(ref: ServiceRef, policy: str = "", image: str = "", revision: str = "") -> str:
    """The command that rolls out an image, or a revision that is there already.

    Args:
        ref: the service.
        policy: its file, "" where that is not known.
        image: which one, "" where only the reader knows.
        revision: which one, "" for an image.
    """
    which = f"--revision {revision}" if revision else f"--image {quote(image or IMAGE)}"
    return f"gate rollout --policy {quote(policy or POLICY)} {which} {flags(ref)}"


def next_step(service: Service, revisions: Sequence[Revision], now: datetime) -> NextStep:
    """What to do next with a service as it stands.

    Args:
        service: as just read.
        revisions: those that exist.
        now: the time, to tell a lease that runs from one that has run out.
    """
    match lease_state(service, now):
        case LeaseState.LAPSED:
            why = "a rollout died; this takes back what it left"
            return NextStep(f"gate recover {flags(service.ref)}", why)
        case LeaseState.UNREADABLE:
            why = "once somebody has looked who wrote the annotation that the gate cannot read"
            return NextStep(by_hand("unlock", service.ref), why)
        case LeaseState.HELD:
            return _beside_a_rollout(service)
        case _:
            return mend(service, revisions)


def _beside_a_rollout(service: Service) -> NextStep:
    back = before_rollout(service)
    if not back:
        return NextStep()
    why = f"only if the rollout at work is to be undone: all users back to {back}"
    return NextStep(by_hand("rollback", service.ref), why)


def mend(service: Service, revisions: Sequence[Revision]) -> NextStep:
    """Nobody is at work: what brings desired and effective traffic together, if they are apart."""
    if service.in_effect or service.reconciling:
        return NextStep()
    ready = {r.name for r in revisions if r.ready.state is ConditionState.SUCCEEDED}
    if not service.latest_ready and not ready:
        why = "no revision of it has ever been ready: roll out an image that starts"
        return NextStep(roll_out(service.ref), why)
    if half_done(service) and {name for name, _ in service.rollout_annotation.wrote} <= ready:
        why = "the gate's last write was left half done; this makes it once more"
        return NextStep(f"gate recover {flags(service.ref)}", why)
    return mending(service, revisions)


def mending(service: Service, revisions: Sequence[Revision]) -> NextStep:
    """What brings a service whose traffic was left half done to one revision that is there.

    That is the one that users reach now; where they reach none, or several, the one before.
    """
    name = sole_effective(service)
    why = f"all users are on {name} now: this makes it what is asked for, too"
    if not name:
        way = way_back(service, revisions)
        name = way.revision or next(iter(dict(way.likely)), "")
        why = way.why or dict(way.likely).get(name, "")
    if not name and len(service.effective_shares) > 1:
        name = max(service.effective_shares, key=lambda one: service.effective_shares[one])
        why = "it is the one that most users are on now"
    if not name:
        return NextStep(f"gate status {flags(service.ref)}", "no revision is known to be ready")
    return NextStep(by_hand("rollback", service.ref, to=name), why)


def stuck(service: Service, revisions: Sequence[Revision], left: str = "") -> NextStep:
    """Traffic is as asked for, and the gate's last word on it is that it should not be.

    Args:
        service: as it stands.
        revisions: those that may be gone to.
        left: what users were just taken from, where nothing else is there: it did answer.
    """
    way = way_back(service, revisions)
    name = way.revision or next(iter(dict(way.likely)), "")
    if not name and left:
        return NextStep(by_hand("rollback", service.ref, to=left), f"{left} had users before")
    if not name:
        why = "what has users was not promoted, and there is nothing to go back to"
        return NextStep(roll_out(service.ref), why)
    why = f"what has users was not promoted; {name}: {way.why or dict(way.likely)[name]}"
    return NextStep(by_hand("rollback", service.ref, to=name), why)


def withdrawn(service: Service, revision: str) -> NextStep:
    """What takes a revision back whose approval is withdrawn; nothing while it has no users.

    Approvals count when users are first moved, so that a withdrawal by itself moves nobody back.

    Args:
        service: as read.
        revision: what had been approved, by its short name.
    """
    asked = service.traffic.pinned(service.latest_ready).share_of(revision)
    share = max(asked, service.effective_shares.get(revision, 0))
    if not share:
        return NextStep()
    mark = service.known_annotation
    gave = bool(dict(mark.wrote).get(revision))
    by = f"rollout {mark.writer}" if gave and mark.writer else "somebody"
    why = (
        f"{by} has already moved users to {revision} ({share} % of the traffic), and a withdrawal "
        "stops nothing from then on; this takes it back"
    )
    return NextStep(by_hand("rollback", service.ref), why)


def sole_effective(service: Service) -> str:
    """The one revision that all users reach, whatever was asked for; "" without one."""
    shares = service.effective_shares
    return next(iter(shares)) if len(shares) == 1 else ""
