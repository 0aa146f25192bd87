"""What is being done in each phase, in one line."""

from collections.abc import Callable

from gate.core.state import Ending, Kind, Phase, Plan, Rollout
from gate.report.safe import safe
from gate.report.words import duration, many, service_text, shares_text

SAID_LATER = frozenset({Phase.READING, Phase.EXPLAINING, Phase.RECOVERED, Phase.SETTLING})
"""What is done in these is said once it is known what came of it."""


def doing(rollout: Rollout) -> str:
    """What the gate does now, "" where that is not worth a line."""
    return _DOING[rollout.phase](rollout)


def title(rollout: Rollout) -> str:
    """What was asked for."""
    plan = rollout.plan
    service = service_text(plan.service)
    match plan.kind:
        case Kind.ROLLOUT:
            return f"rolling out {_what(plan)} {service}"
        case Kind.PROMOTE:
            name = plan.revision or f"the revision that has the tag {plan.tag}"
            return f"promoting {safe(name)} of {service}"
        case Kind.ROLLBACK:
            return f"rolling back {service} to {safe(plan.revision or 'what served before')}"
        case Kind.RECOVER if plan.force:
            return f"taking the lease of {service} away from whoever has it"
        case Kind.RECOVER:
            return f"recovering {service}"
        case Kind.STOP | Kind.RESUME:
            return f"{plan.kind.value} of {service}"


def _what(plan: Plan) -> str:
    if plan.newest and not plan.revision:
        return "the latest revision of"
    if plan.revision:
        return f"{safe(plan.revision)}, a revision that is there, to"
    return f"the image {safe(plan.image)} to"


def share(rollout: Rollout) -> int:
    """Percent of the traffic that the candidate gets by the move that was made last."""
    steps = rollout.plan.steps
    return steps[min(max(rollout.stepped, 1), len(steps)) - 1]


def _deploying(rollout: Rollout) -> str:
    what = f"deploying {safe(rollout.plan.image)} as {safe(rollout.candidate)}"
    if rollout.first:
        return f"{what}, the first revision: the service is new, and whoever calls it gets there"
    return f"{what} at 0 %: no user's request goes there"


def _tagging(rollout: Rollout) -> str:
    name, tag = safe(rollout.candidate), safe(rollout.plan.tag)
    what = f"giving {name} the tag {tag}, which is an address of its own"
    if rollout.back_to:
        return f"moving all users from {name} back to {safe(rollout.back_to)}, and {what}"
    serves = rollout.service and rollout.service.effective_shares.get(rollout.candidate)
    return what if serves else f"{what}, at 0 %: no user's request goes there"


def _probing(rollout: Rollout) -> str:
    probes = many(len(rollout.plan.probes), "probe")
    harmless = "" if rollout.first else ", no user is affected"
    what = f"probing {safe(rollout.candidate)} at its own address ({probes}{harmless})"
    if rollout.plan.kind is not Kind.ROLLBACK:
        return what
    return (
        f"{what}; its first answer is waited for, at most {duration(rollout.plan.ready_within_s)}"
    )


def _moving(rollout: Rollout) -> str:
    goal, steps = rollout.goal, rollout.plan.steps
    back = " back" if rollout.plan.kind is Kind.ROLLBACK else ""
    name = safe(rollout.candidate)
    count = f" (step {rollout.stepped + 1} of {len(steps)})" if len(steps) > 1 else ""
    if goal is not None and goal.sole_revision:
        return f"moving all traffic{back} to {safe(goal.sole_revision)}{count}"
    if goal is not None and goal.share_of(rollout.candidate):
        return f"moving {goal.share_of(rollout.candidate)} % of the traffic to {name}{count}"
    return f"moving traffic{back}: {shares_text(goal.shares if goal else {})}"


def _dwelling(rollout: Rollout) -> str:
    least = rollout.plan.dwell_s
    span = f" (for at least {duration(least)})" if least else ", once more"
    return (
        f"probing on while {safe(rollout.candidate)} has {share(rollout)} % of the traffic, at its "
        f"own address and at the service's, as users do{span}"
    )


def _watching(rollout: Rollout) -> str:
    span = duration(rollout.plan.watch_s)
    return (
        f"watching {safe(rollout.candidate)} with all the traffic, at its own address and at the "
        f"service's, as users do (for {span}); a regression goes back by itself"
    )


def _backing_out(rollout: Rollout) -> str:
    if rollout.ending is Ending.REGRESSED:
        return f"{safe(rollout.candidate)} fails with users on it: taking them off it"
    return "looking how the service stands, to undo the move"


def _reverting(rollout: Rollout) -> str:
    shares = shares_text(rollout.goal.shares if rollout.goal else {})
    if rollout.ending is Ending.REGRESSED:
        return f"moving traffic back: {shares}"
    return f"undoing the move: {shares}"


def _untagging(rollout: Rollout) -> str:
    tags = rollout.service.traffic.tags if rollout.service else {}
    if rollout.keeps_tag or tags.get(rollout.plan.tag) != rollout.candidate:
        return ""
    return f"removing the tag {safe(rollout.plan.tag)} from {safe(rollout.candidate)}"


_DOING: dict[Phase, Callable[[Rollout], str]] = {
    Phase.READING: lambda _: "reading the service",
    Phase.RECOVERING: lambda r: (
        f"taking back what was left: traffic {shares_text(r.goal.shares if r.goal else {})}"
    ),
    Phase.RECOVERED: lambda _: "waiting until that is in effect",
    Phase.DEPLOYING: _deploying,
    Phase.TAGGING: _tagging,
    Phase.WAITING: lambda r: (
        f"waiting for {safe(r.candidate)} to start (at most {duration(r.plan.ready_within_s)})"
    ),
    Phase.EXPLAINING: lambda _: "reading its last log lines",
    Phase.PROBING: _probing,
    Phase.CONFIRMING: lambda _: "checking that nobody changed the service meanwhile",
    Phase.MOVING: _moving,
    Phase.VERIFYING: lambda _: "waiting until the new traffic is in effect",
    Phase.DWELLING: _dwelling,
    Phase.WATCHING: _watching,
    Phase.BACKING_OUT: _backing_out,
    Phase.REVERTING: _reverting,
    Phase.PROVING: lambda _: "waiting until the old traffic is back in effect",
    Phase.CLEANING: lambda _: "",
    Phase.UNTAGGING: _untagging,
    Phase.SETTLING: lambda _: "verifying the traffic",
    Phase.RECORDING: lambda _: "",
    Phase.ENDED: lambda _: "",
}


def shares_before(rollout: Rollout) -> str:
    """Who got the traffic before; where it followed LATEST, what that meant then."""
    if rollout.before is None:
        return "unknown: the service could not be read"
    text = shares_text(rollout.before.shares)
    meant = rollout.found or rollout.placed
    if rollout.before.follows_latest and meant is not None:
        return f"{text} (which meant {shares_text(meant.shares)})"
    return text


def stays(rollout: Rollout) -> bool:
    """Whether traffic in effect is what it was before the rollout."""
    if rollout.before is None or rollout.service is None:
        return False
    service = rollout.service
    found = rollout.found or rollout.placed or rollout.before
    before = found.pinned(service.latest_ready).shares
    return service.effective_shares == before
