"""What a rollout leaves behind once it has ended, and what whoever reads that may do next."""

from dataclasses import dataclass

from gate.core import rescue
from gate.core.gcloud import instead
from gate.core.service import ConditionState, Revision
from gate.core.state import Ending, Kind, Rollout


@dataclass(frozen=True, slots=True)
class NextSteps:
    """What leads on from an ending.

    Attributes:
        text: in words, "" where there is nothing to do.
        commands: whole command lines, the likeliest first.
        remark: what it costs to leave all as it is, "" where it costs nothing.
    """

    text: str = ""
    commands: tuple[str, ...] = ()
    remark: str = ""


def next_steps(rollout: Rollout) -> NextSteps:
    """What to do next: what the core has found as a way out goes before all else."""
    if rollout.way_out:
        return NextSteps("what leads on from here, the likeliest first", rollout.way_out)
    what, around = instead(rollout.plan, rollout.candidate)
    if rollout.ending is Ending.STOPPED:
        return NextSteps("once rollouts may go on", (rescue.resuming(rollout.plan.service),))
    if rollout.ending is Ending.FAILED and around:
        return NextSteps(what, (around,))
    if rollout.ending is Ending.HELD and (rule := _rule_that_ends(rollout)):
        first = (rescue.resuming(rollout.plan.service),) if rule == "stop" else ()
        return NextSteps(_ONCE[rule], (*first, _the_same_again(rollout)), _cost(rollout))
    return _by_ending(rollout)


def _by_ending(rollout: Rollout) -> NextSteps:
    ref, kind = rollout.plan.service, rollout.plan.kind
    status = f"gate status {rescue.flags(ref)}"
    match rollout.ending:
        case None:
            return NextSteps("see where traffic is", (status,))
        case Ending.STUCK if rollout.first:
            text = "mend it and roll out again; there is no revision to go back to"
            return NextSteps(text, (rescue.roll_out(ref, rollout.plan.policy_file),))
        case Ending.STUCK:
            back = rescue.by_hand("rollback", ref, to=_trusted(rollout))
            text = "see where traffic is, then move it to a revision that you trust"
            return NextSteps(text, (status, back))
        case Ending.HELD if rollout.url and kept_tag(rollout):
            text = "roll out again; or look at the candidate yourself, then"
            promote = rescue.by_hand("promote", ref, revision=rollout.candidate)
            return NextSteps(text, (promote,), _cost(rollout))
        case Ending.REJECTED | Ending.REGRESSED if kind is Kind.ROLLOUT:
            return NextSteps("mend it and roll out again; nothing has to be undone")
        case Ending.REJECTED if kind is Kind.ROLLBACK:
            text = "name another revision with --to, or go back unasked with --no-probe"
            return NextSteps(text)
        case Ending.BUSY:
            return NextSteps("wait for it (--wait 10m), or see who it is", (status,))
        case _:
            return NextSteps()


_ONCE = {"stop": "once rollouts may go on", "freeze": "once the freeze has ended"}


def _rule_that_ends(rollout: Rollout) -> str:
    """Which rule holds it that ends whatever becomes of the candidate, "" where none does."""
    reasons = rollout.verdict.reasons if rollout.verdict else ()
    rules = [one.subject for one in reasons if not one.by_probe]
    return next((rule for rule in rules if rule in _ONCE), "")


def _the_same_again(rollout: Rollout) -> str:
    """The command that asks for the same; of a candidate that is kept, without deploying it."""
    plan = rollout.plan
    if plan.kind is Kind.PROMOTE:
        return rescue.by_hand("promote", plan.service, revision=rollout.candidate)
    there = rollout.candidate if kept_tag(rollout) else plan.revision
    return rescue.roll_out(plan.service, plan.policy_file, plan.image, there)


def kept_tag(rollout: Rollout) -> str:
    """The gate's own tag that is still on the candidate; "" if there is none."""
    tags = rollout.service.traffic.tags if rollout.service else {}
    ours = filter(None, (rollout.plan.kept_as, rollout.plan.tag))
    return next((tag for tag in ours if tags.get(tag) == rollout.candidate), "")


def kept_tag_url(rollout: Rollout) -> str:
    """The candidate's address at that tag; it is another one than while it was asked."""
    tag = kept_tag(rollout)
    if not tag or not rollout.url or rollout.service is None:
        return ""
    return rollout.service.tag_uri(tag).rstrip("/") or rollout.url


def still_open(rollout: Rollout) -> tuple[tuple[str, float], ...]:
    """Revisions that users were taken from, each with its request timeout, 0 where unknown.

    Requests under way are not moved, open WebSockets among them: Cloud Run keeps a WebSocket on
    its instance like one long request, and cuts it at the request timeout of its revision
    (https://cloud.google.com/run/docs/triggering/websockets).
    """
    service, before = rollout.service, rollout.placed or rollout.before
    if service is None or before is None:
        return ()
    had = [name for name in before.pinned(service.latest_ready).shares if name]
    if rollout.stepped or rollout.ending is Ending.REVERTED or rollout.back_to:
        had.append(rollout.candidate)
    left = [name for name in dict.fromkeys(had) if name not in service.effective_shares]
    known = rollout.revisions
    return tuple(
        (name, known[name].timeout_s if name in known else 0.0)
        for name in left
        if not _never_started(known.get(name))
    )


def _never_started(revision: Revision | None) -> bool:
    """Whether nobody can have a request there."""
    return revision is not None and revision.ready.state is not ConditionState.SUCCEEDED


def _trusted(rollout: Rollout) -> str:
    """The revision to go to by hand: the target of a rollback, else what served before."""
    if rollout.plan.kind is Kind.ROLLBACK and rollout.candidate:
        return rollout.candidate
    before = rollout.placed or rollout.before
    return (before.sole_revision if before else None) or "REVISION"


def _cost(rollout: Rollout) -> str:
    """What a held candidate costs while it waits at its tag."""
    if not kept_tag(rollout):
        return ""
    revision = rollout.revisions.get(rollout.candidate)
    count = revision.min_instances if revision else 0
    if not count:
        return ""
    noun = "minimum instance" if count == 1 else "minimum instances"
    return (
        f"{count} {noun} of it kept running meanwhile, at a cost; on_hold: drop in the policy "
        "lets a held candidate go"
    )
