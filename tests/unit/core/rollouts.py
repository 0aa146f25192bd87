"""Rollouts in any phase, and services in any state, for the tests of the arms."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.evidence import Evidence, Finding, Outcome, Symptom
from gate.core.messages import CallFailed, Failure, Seen
from gate.core.policy import Probe
from gate.core.service import Condition, ConditionState, Effective, Revision, Service, ServiceRef
from gate.core.state import Kind, Phase, Plan, Rollout
from gate.core.traffic import Split
from gate.core.verdict import Decision, Verdict
from gate.kinds.http import HttpProbe

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
REF = ServiceRef("demo", "us-central1", "backend")
OLD, STABLE, CANDIDATE = "backend-00000-old", "backend-00001-aaa", "backend-00002-xyz"
TAG = "candidate"
USERS = {"blue": OLD}
READY = Condition(ConditionState.SUCCEEDED)
BOOTING = Condition(ConditionState.RECONCILING)
BROKEN = Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "it did not start")
PROBES = (
    Probe("health", HttpProbe("/health")),
    Probe("nice", HttpProbe("/nice"), required=False),
)
BEFORE = Split.all_to(STABLE, USERS)
PLACED = BEFORE.with_tag(TAG, CANDIDATE)
MOVED = Split.all_to(CANDIDATE, USERS)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def plan(kind: Kind = Kind.ROLLOUT, **more: object) -> Plan:
    """A rollout of an image, or what people ask for by hand, which asks no questions first."""
    image = "app:2" if kind is Kind.ROLLOUT and "revision" not in more else ""
    probes = PROBES if kind is Kind.ROLLOUT else ()
    asked = Plan(kind, REF, TAG, "alice", "because", image=image, suffix="xyz", probes=probes)
    return replace(asked, **more)


def service(
    traffic: Split = BEFORE,
    *,
    effective: Split | None = None,
    etag: str = "after",
    generation: int = 1,
    reconciling: bool = False,
    **more: object,
) -> Service:
    """A service as read; effective traffic is as desired unless given, tags have URLs."""
    lines = tuple(
        Effective(t.revision, t.percent, t.tag, f"https://{t.tag}---x/" if t.tag else "")
        for t in (effective or traffic)
    )
    seen = Service(
        ref=REF,
        etag=etag,
        generation=generation,
        observed_generation=generation,
        reconciling=reconciling,
        ready=READY,
        traffic=traffic,
        effective=lines,
        latest_ready=STABLE,
        latest_created=CANDIDATE,
        uri="https://x",
        last_modifier="eve@example.com",
        annotations=_ours(traffic),
    )
    return replace(seen, **more)


def _ours(traffic: Split) -> tuple[tuple[str, str], ...]:
    """Our mark where the service carries something of ours, as our own last write left it."""
    if TAG not in traffic.tags and CANDIDATE not in traffic.shares:
        return ()
    wrote = ((CANDIDATE if traffic.shares == {CANDIDATE: 100} else STABLE, 100),)
    return ((KEY, replace(OURS, wrote=wrote).text()),)


def released(what: Service) -> Service:
    """The same service once we have given the lease back."""
    mark = RolloutAnnotation(fence=1, writer="r1", wrote=((STABLE, 100),))
    return replace(what, annotations=((KEY, mark.text()),))


OURS = RolloutAnnotation(
    fence=1,
    writer="r1",
    holder="r1",
    actor="alice",
    since=NOW,
    until=later(300),
    phase="deploying",
    candidate=CANDIDATE,
    tag=TAG,
    safe=((STABLE, 100),),
    wrote=((STABLE, 100),),
)
"""What `rollout` below has written on the service while its candidate is at 0 %."""


def ours(traffic: Split = PLACED, wrote: Split | None = None, **more: object) -> Service:
    """A service on which our rollout is at work, and wrote these shares (traffic's) last."""
    shares = tuple((wrote or traffic).pinned(STABLE).shares.items())
    return marked(replace(OURS, wrote=shares), traffic, **more)


def done(traffic: Split = BEFORE, **more: object) -> Service:
    """A service on which our rollout has given the lease back with the write of this traffic."""
    shares = tuple(traffic.shares.items())
    return marked(
        RolloutAnnotation(fence=1, writer="r1", phase="rollout", wrote=shares), traffic, **more
    )


def marked(mark: RolloutAnnotation, traffic: Split = PLACED, **more: object) -> Service:
    """A service that carries this mark."""
    return service(traffic, annotations=((KEY, mark.text()),), **more)


def revisions(condition: Condition = READY, name: str = CANDIDATE) -> dict[str, Revision]:
    return {name: Revision(name, condition, "app:2")}


def seen(what: Service, condition: Condition | None = READY, at: datetime = NOW) -> Seen:
    """What a look brings; a condition of None means that the candidate is not there."""
    return Seen(at, what, revisions(condition) if condition else {})


def failed(failure: Failure, at: datetime = NOW) -> CallFailed:
    return CallFailed(at, failure, "the server's words", "a hint")


def evidence(outcome: Outcome = Outcome.PASSED, probe: str = "health") -> Evidence:
    findings = () if outcome is Outcome.PASSED else (Finding(Symptom.STATUS, "200", "500"),)
    return Evidence(probe, "http", outcome, "GET /", "200", "500", NOW, 0.1, findings)


GUARD = 0
"""Generation of the read that the last write of `rollout` below was decided on."""

_PLACED_LIST = frozenset({Phase.WAITING, Phase.EXPLAINING, Phase.PROBING, Phase.CONFIRMING})
_NO_GOAL = frozenset({Phase.READING, Phase.DEPLOYING, Phase.TAGGING})
_MOVING_ON = frozenset({Phase.VERIFYING, Phase.BACKING_OUT})


def rollout(phase: Phase, asked: Plan | None = None, **changes: object) -> Rollout:
    """A rollout that has come as far as this phase, a minute before its limit.

    The service is as last seen; the guard is the generation that the write was decided on. While it
    reads, it has looked at those that have users already.
    """
    asked = asked or plan()
    r = Rollout("r1", asked, NOW, phase, later(60), candidate=CANDIDATE)
    read = service(etag="guard", generation=GUARD)
    r = replace(r, service=read, guard=GUARD, before=BEFORE, placed=PLACED)
    r = replace(r, revisions=revisions(), verdict=Verdict(Decision.PROMOTE))
    if phase is Phase.READING:
        stable = Revision(STABLE, READY, "app:1")
        r = replace(r, wanted=(STABLE, OLD, CANDIDATE), revisions={STABLE: stable, **r.revisions})
    r = replace(r, at=NOW, fence=0 if phase is Phase.READING else 1, reached=PLACED)
    if phase not in _PLACED_LIST and phase not in _NO_GOAL:
        back = phase in {Phase.REVERTING, Phase.PROVING}
        r = replace(r, goal=BEFORE if back else MOVED)
    if phase in _MOVING_ON:
        r = replace(r, service=service(MOVED, effective=BEFORE, etag="after"))
    return replace(r, **changes)
