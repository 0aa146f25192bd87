"""What the world may answer: the small alphabet of events that the exploration is made of.

A scene is a plan and a service as it stands at the start. Whatever the gate asks, the answers below
cover each way in which they can matter to it: what traffic is asked for (the gate's, another
person's, nobody's since), whether it is in effect, how the candidate is, how each call can fail,
and how much time has passed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from gate.core.commands import command_of
from gate.core.evidence import Evidence, Finding, Outcome, Symptom
from gate.core.messages import (
    Accepted,
    CallFailed,
    Command,
    Deploy,
    Event,
    Failure,
    Interrupted,
    LogsRead,
    Look,
    Probed,
    ReadLogs,
    Record,
    Recorded,
    RunProbes,
    Seen,
    SetTraffic,
)
from gate.core.policy import HttpProbe, OnHold, Probe
from gate.core.service import (
    Condition,
    ConditionState,
    Effective,
    Revision,
    Service,
    ServiceRef,
)
from gate.core.state import Kind, PastMove, Phase, Plan, Rollout
from gate.core.traffic import Split, Target

TIDYING = frozenset({Phase.CLEANING, Phase.UNTAGGING, Phase.SETTLING})
START = datetime(2026, 1, 1, tzinfo=UTC)
REF = ServiceRef("demo", "us-central1", "backend")
OLD, STABLE, CANDIDATE, RIVAL = (
    "backend-00000-old",
    "backend-00001-aaa",
    "backend-00002-xyz",
    "backend-00009-rival",
)
TAG = "candidate"
USERS = {"blue": OLD, "nightly": None}
"""Tags that people have made: on a revision, and following LATEST."""

PROBES = (
    Probe("health", HttpProbe("/health")),
    Probe("chat", HttpProbe("/chat")),
    Probe("nice", HttpProbe("/nice"), required=False),
)
READY = Condition(ConditionState.SUCCEEDED)
CONDITIONS = (
    READY,
    Condition(ConditionState.RECONCILING),
    Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "did not start"),
    Condition(ConditionState.FAILED, "INTERNAL", "not its fault"),
)


@dataclass(frozen=True, slots=True)
class Scene:
    """A plan, and traffic as it is found."""

    name: str
    plan: Plan
    traffic: Split


@dataclass(frozen=True, slots=True)
class Moment:
    """A rollout, the time, and what the world remembers beside it.

    Attributes:
        guarded: traffic as it was when the last write was decided on.
        loud: an interruption came; kept here to tell it apart from what the rollout says.
    """

    rollout: Rollout
    now: datetime
    guarded: Split | None = None
    interrupted: bool = False


def _plan(kind: Kind, **more: object) -> Plan:
    plan = Plan(kind, REF, TAG, actor="a", reason="b", suffix="xyz", probes=PROBES)
    return replace(plan, **more)  # type: ignore[arg-type]


_PINNED = Split.all_to(STABLE, USERS)
_LATEST = Split.of([Target(None, 100), *(Target(USERS[tag], 0, tag) for tag in USERS)])
_SHARED = Split.of([Target(STABLE, 60), Target(OLD, 40), Target(OLD, 0, "blue")])
_TAGGED = _PINNED.with_tag(TAG, CANDIDATE)
_PROMOTED = Split.all_to(CANDIDATE, USERS)
_HISTORY = (PastMove(((STABLE, 100),), ((CANDIDATE, 100),)),)

SCENES = (
    Scene("an image, hold keeps", _plan(Kind.ROLLOUT, image="img"), _PINNED),
    Scene("an image, hold drops", _plan(Kind.ROLLOUT, image="img", on_hold=OnHold.DROP), _LATEST),
    Scene("a revision", _plan(Kind.ROLLOUT, revision=CANDIDATE), _SHARED),
    Scene("promote the tagged", _plan(Kind.PROMOTE), _TAGGED),
    Scene("promote by name", _plan(Kind.PROMOTE, revision=CANDIDATE), _LATEST),
    Scene("roll back by history", _plan(Kind.ROLLBACK, history=_HISTORY), _PROMOTED),
    Scene("roll back by name", _plan(Kind.ROLLBACK, revision=STABLE), _PROMOTED),
)


def answers(scene: Scene, moment: Moment) -> Iterator[Event]:
    """Every event that the pending command can lead to, at every time that matters."""
    for command in command_of(moment.rollout):
        for at in _times(moment):
            yield Interrupted(at)
            yield from _answers(scene, moment, command, at)


def _answers(scene: Scene, moment: Moment, command: Command, at: datetime) -> Iterator[Event]:
    match command:
        case Look():
            yield from _seen(scene, moment, command, at)
            for failure in (Failure.LOST, Failure.NOT_FOUND, Failure.REFUSED):
                yield CallFailed(at, failure, "no")
        case Deploy() | SetTraffic():
            yield Accepted(at)
            for failure in Failure:
                yield CallFailed(at, failure, "no")
        case RunProbes():
            for evidence in EVIDENCE:
                yield Probed(at, evidence)
            yield CallFailed(at, Failure.REFUSED, "no token")
        case ReadLogs():
            yield LogsRead(at, ("Traceback ...",))
            yield LogsRead(at, ())
        case Record():
            yield Recorded(at, kept=True)
            yield Recorded(at, kept=False, message="down")


def strangers(moment: Moment) -> Iterator[Event]:
    """One event of each class that does not answer the pending command."""
    at, r = moment.now, moment.rollout
    commands = command_of(r)
    asked = commands[0] if commands else None
    looked, wrote = isinstance(asked, Look), isinstance(asked, Deploy | SetTraffic)
    service = r.service or _service(r, _PINNED, "z", _IN_EFFECT, _PINNED)
    if not looked:
        yield Seen(at, service)
    if not wrote:
        yield Accepted(at)
    if not (looked or wrote or isinstance(asked, RunProbes)):
        yield CallFailed(at, Failure.LOST, "no")
    if not isinstance(asked, RunProbes):
        yield Probed(at, ())
    if not isinstance(asked, ReadLogs):
        yield LogsRead(at, ())
    if not isinstance(asked, Record):
        yield Recorded(at, kept=True)
    if r.ended:
        yield Interrupted(at)


def _times(moment: Moment) -> list[datetime]:
    """Now, and when each wait that is running is over."""
    r = moment.rollout
    edges = {moment.now, max(moment.now, r.limit_at), max(moment.now, r.deadline_at)}
    if r.phase is Phase.WAITING:
        edges.add(max(moment.now, r.limit_at - timedelta(seconds=r.plan.ready_within_s - 30)))
    return sorted(edges)


# --- evidence


def _evidence(probe: str, outcome: Outcome, *, found: bool = False) -> Evidence:
    findings = (Finding(Symptom.STATUS, "200", "500"),) if found else ()
    return Evidence(probe, "http", outcome, "GET", "200", "?", START, 0.1, findings)


def _all(health: Evidence, chat: Evidence) -> tuple[Evidence, ...]:
    return (health, chat, _evidence("nice", Outcome.FAILED, found=True))


_GOOD = {name: _evidence(name, Outcome.PASSED) for name in ("health", "chat")}
EVIDENCE: tuple[tuple[Evidence, ...], ...] = (
    _all(_GOOD["health"], _GOOD["chat"]),
    _all(_GOOD["health"], _evidence("chat", Outcome.FAILED, found=True)),
    _all(_GOOD["health"], _evidence("chat", Outcome.INCONCLUSIVE)),
    _all(_GOOD["health"], _evidence("chat", Outcome.PASSED, found=True)),
    (_GOOD["health"],),
    (),
)
"""All passed but the one that is not required; failed; unclear; a pass with a finding; too few."""


# --- services


@dataclass(frozen=True, slots=True)
class _Effect:
    """How far a traffic list has come."""

    applied: bool
    reconciling: bool
    ready: Condition = field(default=READY)


_IN_EFFECT = _Effect(applied=True, reconciling=False)
_EFFECTS = (
    _IN_EFFECT,
    _Effect(applied=False, reconciling=True),
    _Effect(applied=True, reconciling=True),
    _Effect(applied=False, reconciling=False, ready=CONDITIONS[2]),
)


def _seen(scene: Scene, moment: Moment, look: Look, at: datetime) -> Iterator[Seen]:
    r = moment.rollout
    fresh = next(etag for etag in "abc" if etag not in {r.guard, _etag(r)})
    for revisions in _revisions(r, look):
        for effect in _EFFECTS:
            for wanted in _wishes(scene, r):
                service = _service(r, wanted, fresh, effect, scene.traffic, revisions)
                yield Seen(at, service, revisions)
            if moment.guarded is not None and effect is _IN_EFFECT:  # nobody has written since
                same = _service(r, moment.guarded, r.guard, effect, scene.traffic, revisions)
                yield Seen(at, same, revisions)
        if r.phase is Phase.CONFIRMING and r.placed:
            service = _service(r, r.placed, fresh, _IN_EFFECT, scene.traffic, revisions)
            yield Seen(at, replace(service, latest_created=RIVAL), revisions)


def _etag(r: Rollout) -> str:
    return r.service.etag if r.service else ""


def _wishes(scene: Scene, r: Rollout) -> list[Split]:
    """Traffic that somebody may have asked for by now, each list once."""
    target = r.candidate or CANDIDATE
    wishes = [
        scene.traffic,
        Split.of([Target(None, 100)]),
        Split.all_to(target, {**USERS, TAG: RIVAL}),
        Split.of([Target(STABLE, 50), Target(RIVAL, 30), Target(target, 20, TAG)]),
    ]
    for split in _mine(scene, r):
        wishes += [split, split.with_tag("new", RIVAL), split.without_tag(TAG)]
    return list(dict.fromkeys(wishes))


def _mine(scene: Scene, r: Rollout) -> list[Split]:
    """The lists that the gate itself has asked for, as far as this phase looks at them."""
    if r.phase is Phase.READING:
        return []
    if r.phase in TIDYING:
        return [scene.traffic.pinned(STABLE).with_tag(TAG, r.candidate)]
    return [split for split in (r.placed, r.goal) if split is not None]


def _service(
    r: Rollout,
    wanted: Split,
    etag: str,
    effect: _Effect,
    before: Split,
    revisions: dict[str, Revision] | None = None,
) -> Service:
    known = {**r.revisions, **(revisions or {})}
    is_new = r.plan.kind is Kind.ROLLOUT and r.plan.image
    arrived = r.candidate in known and known[r.candidate].ready == READY
    obeyed = wanted if effect.applied else before
    return Service(
        ref=REF,
        etag=etag,
        generation=1,
        observed_generation=1,
        reconciling=effect.reconciling,
        ready=effect.ready,
        traffic=wanted,
        effective=tuple(_line(target) for target in obeyed),
        latest_ready=CANDIDATE if arrived and is_new else STABLE,
        latest_created=CANDIDATE,
        uri="https://backend.example",
        last_modifier="somebody@example.com",
    )


def _line(target: Target) -> Effective:
    uri = f"https://{target.tag}---backend.example" if target.tag else ""
    return Effective(target.revision, target.percent, target.tag, uri)


def _revisions(r: Rollout, look: Look) -> Iterator[dict[str, Revision]]:
    """What is there of the revisions that were asked for; the candidate in every state."""
    others = {name: Revision(name, READY, "img") for name in look.revisions if name != r.candidate}
    if r.candidate not in look.revisions:
        yield others
        return
    yield others
    for condition in CONDITIONS:
        yield {**others, r.candidate: Revision(r.candidate, condition, "img")}
