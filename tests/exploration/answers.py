"""What the world may answer: the small alphabet of events that the exploration is made of.

Whatever the gate asks, the answers below cover each way in which they can matter to it: what
traffic is asked for (the gate's, another person's, nobody's since), whose mark is on the service,
whether traffic is in effect, how the candidate is, how each call can fail, and how much time has
passed.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gate.core.annotation import KEY, Denied, RolloutAnnotation, parse_annotation
from gate.core.commands import command_of
from gate.core.evidence import SERVICE, Evidence, Outcome
from gate.core.messages import (
    Accepted,
    CallFailed,
    Command,
    Counted,
    CountRequests,
    Deploy,
    Event,
    Failure,
    Interrupted,
    LogsRead,
    Look,
    Overwrote,
    Probed,
    ReadLogs,
    Record,
    Recorded,
    RunProbes,
    Seen,
    SetTraffic,
)
from gate.core.service import Condition, Effective, Revision, Service
from gate.core.state import Kind, Phase, Rollout
from gate.core.traffic import Split, Target
from gate.core.user_requests import Counts, Distribution, RequestCounts
from tests.exploration import people
from tests.exploration.scenes import (
    CANDIDATE,
    CONDITIONS,
    IMAGE,
    PINNED,
    READY,
    REF,
    RIVAL,
    STABLE,
    START,
    TAG,
    USERS,
    Scene,
    evidence,
)

TIDYING = frozenset({Phase.CLEANING, Phase.UNTAGGING, Phase.SETTLING})
LEAVING = TIDYING | {Phase.BACKING_OUT, Phase.REVERTING, Phase.PROVING}
GUARDED = frozenset({Phase.RECOVERED, Phase.WAITING, Phase.VERIFYING, Phase.PROVING})
"""Phases that ask whether anybody has written since our last write was decided on."""
PROBED = frozenset({Phase.PROBING, Phase.DWELLING, Phase.WATCHING})
LIMITED = frozenset(
    {
        Phase.READING,
        Phase.RECOVERED,
        Phase.WAITING,
        Phase.VERIFYING,
        Phase.DWELLING,
        Phase.WATCHING,
        Phase.BACKING_OUT,
        Phase.PROVING,
        Phase.CLEANING,
        Phase.SETTLING,
    }
)
"""Phases that ask whether their own wait is over."""
DEADLINED = frozenset(
    {
        Phase.WAITING,
        Phase.EXPLAINING,
        Phase.PROBING,
        Phase.CONFIRMING,
        Phase.DWELLING,
        Phase.WATCHING,
    }
)
"""Phases that ask whether the deadline is over."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A rollout, the time, and what the world remembers beside it.

    Attributes:
        guarded: the service as it was when the last write was decided on.
        interrupted: whether an interruption came.
        rival: the greatest fencing number that was seen of anybody else.
        leased: whether the service, as far as was seen, says that this rollout is at work.
    """

    rollout: Rollout
    now: datetime
    guarded: Service | None = None
    interrupted: bool = False
    rival: int = 0
    leased: bool = False


def answers(scene: Scene, moment: Moment) -> Iterator[Event]:
    """Every event that the pending command can lead to, at every time that matters."""
    for command in command_of(moment.rollout):
        for at in _times(moment):
            yield Interrupted(at)
            yield from _answers(scene, moment, command, at)


def _answers(scene: Scene, moment: Moment, command: Command, at: datetime) -> Iterator[Event]:
    match command:
        case Look():
            if not (scene.missing and moment.rollout.phase is Phase.READING):
                for seen in _seen(scene, moment, command, at):
                    yield from people.words(scene, moment.rollout, command, seen)
            if people.renewed(moment.rollout, command):
                yield from _renewal(scene, moment, at)
            for failure in (Failure.LOST, Failure.NOT_FOUND, Failure.REFUSED, Failure.DENIED):
                yield CallFailed(at, failure, "no")
        case Deploy() | SetTraffic():
            read = moment.rollout.service.generation if moment.rollout.service else 0
            yield Accepted(at, read + 1)
            yield Accepted(at, read + 2)  # over what somebody had written meanwhile
            for failure in Failure:
                yield CallFailed(at, failure, "no")
        case RunProbes():
            every = LIVE if command.service_probes else EVIDENCE
            for seen in every[:2] if scene.calm else every:
                yield Probed(at, seen)
            yield from _renewal(scene, moment, at)
            yield CallFailed(at, Failure.REFUSED, "no token")
        case CountRequests():
            for counts in COUNTS:
                yield Counted(at, counts)
            yield Counted(at, None, "no answer")
            yield Counted(at, None, "denied", forbidden=True)
            yield from _renewal(scene, moment, at)
        case ReadLogs():
            yield LogsRead(at, ("Traceback ...",))
        case Record():
            yield Recorded(at, kept=True)
            yield Recorded(at, kept=False, message="down")


def _renewal(scene: Scene, moment: Moment, at: datetime) -> Iterator[Event]:
    """What comes in place of an answer while the lease is renewed."""
    for service in _disturbed(scene, moment):
        yield Seen(at, service)
    yield Overwrote(at, 1, 3)


def strangers(moment: Moment) -> Iterator[Event]:
    """One event of each class that does not answer the pending command."""
    at, r = moment.now, moment.rollout
    commands = command_of(r)
    asked = commands[0] if commands else None
    looked, wrote = isinstance(asked, Look), isinstance(asked, Deploy | SetTraffic)
    probed, counted = isinstance(asked, RunProbes), isinstance(asked, CountRequests)
    if not (looked or probed or counted):
        yield Seen(at, r.service or _service(r, PINNED, 1, _IN_EFFECT, PINNED))
    if not wrote:
        yield Accepted(at)
    if not (looked or wrote or probed or counted):
        yield CallFailed(at, Failure.LOST, "no")
    if not probed:
        yield Probed(at, ())
    renewed = isinstance(asked, Look) and people.renewed(r, asked)
    if not (probed or counted or renewed):
        yield Overwrote(at, 1, 3)
    if not counted:
        yield Counted(at, COUNTS[0])
    if not isinstance(asked, ReadLogs):
        yield LogsRead(at, ())
    if not isinstance(asked, Record):
        yield Recorded(at, kept=True)
    if r.ended:
        yield Interrupted(at)


def _times(moment: Moment) -> list[datetime]:
    """Now, and when each wait that is running is over."""
    r, now = moment.rollout, moment.now
    edges = {now}
    if r.phase in LIMITED:
        edges.add(max(now, r.limit_at))
    if r.phase in DEADLINED:
        edges.add(max(now, r.deadline_at))
    if r.phase is Phase.WAITING:
        edges.add(max(now, r.limit_at - timedelta(seconds=r.plan.ready_within_s - 30)))
    if r.phase is Phase.READING and r.plan.wait_s:
        edges.add(max(now, r.started_at + timedelta(seconds=r.plan.wait_s)))
    if r.phase in people.RULED:
        edges.update(max(now, edge) for edge in people.edges(r))
    return sorted(edges)


# --- evidence


def _all(health: Evidence, logs: Evidence, *more: Evidence) -> tuple[Evidence, ...]:
    return (health, logs, evidence("nice", Outcome.FAILED, found=True), *more)


_GOOD = {name: evidence(name, Outcome.PASSED) for name in ("health", "logs")}
_USERS = evidence("health", Outcome.PASSED, SERVICE)
EVIDENCE: tuple[tuple[Evidence, ...], ...] = (
    _all(_GOOD["health"], _GOOD["logs"]),
    _all(_GOOD["health"], evidence("logs", Outcome.FAILED, found=True)),
    _all(_GOOD["health"], evidence("logs", Outcome.INCONCLUSIVE)),
    _all(_GOOD["health"], evidence("logs", Outcome.PASSED, found=True)),
    (_GOOD["health"],),
)
"""All passed but the one that is not required; failed; unclear; a pass with a finding; too few."""
LIVE: tuple[tuple[Evidence, ...], ...] = (
    _all(_GOOD["health"], _GOOD["logs"], _USERS),
    _all(_GOOD["health"], _GOOD["logs"], evidence("health", Outcome.FAILED, SERVICE, found=True)),
    _all(evidence("health", Outcome.FAILED, found=True), _GOOD["logs"], _USERS),
    _all(_GOOD["health"], _GOOD["logs"], evidence("health", Outcome.INCONCLUSIVE, SERVICE)),
    _all(_GOOD["health"], _GOOD["logs"]),
    (_USERS,),
)
"""The same at the service's own address, too; what is missing there is no pass."""


def _counts(good: int, bad: int = 0, front_end: int = 0) -> RequestCounts:
    own = Counts((good, 0, 0, 0, bad), front_end)
    stable = Counts((0, 2000, 0, 0, 0), 0, Distribution.of([0.02] * 2000))
    return RequestCounts(own, ((STABLE, stable),), START, START + timedelta(minutes=1))


COUNTS = (_counts(200), _counts(0), _counts(100, 100), _counts(0, 0, 100))
"""Enough that are good; none; every second one bad; the front end answers in its place."""


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
_EFFECT_MATTERS = frozenset(
    {
        Phase.READING,
        Phase.RECOVERED,
        Phase.WAITING,
        Phase.VERIFYING,
        Phase.PROVING,
        Phase.BACKING_OUT,
        Phase.SETTLING,
    }
)


def _seen(scene: Scene, moment: Moment, look: Look, at: datetime) -> Iterator[Seen]:
    """What a look may bring.

    How far traffic has come, and how the candidate is, vary where users are where the gate, or
    whoever came before, wants them; what others did varies beside a candidate that is ready.
    """
    r = moment.rollout
    fresh = 1 if r.phase is Phase.READING else r.guard + 1
    usual, others = _wishes(scene, moment, at)
    *unready, ready = _revisions(r, look)
    effects = _EFFECTS if r.phase in _EFFECT_MATTERS else (_IN_EFFECT,)
    if scene.calm:
        unready, others, effects = [], [], (_IN_EFFECT,)
    for wanted, mark in usual:
        for effect in effects:
            yield Seen(at, _service(r, wanted, fresh, effect, scene.traffic, mark), ready)
        for revisions in unready:
            service = _service(r, wanted, fresh, _IN_EFFECT, scene.traffic, mark)
            yield Seen(at, service, revisions)
    since = fresh + (r.phase is not Phase.READING)  # as they have written, too
    for wanted, mark in others:
        yield Seen(at, _service(r, wanted, since, _IN_EFFECT, scene.traffic, mark), ready)
    taken_over = moment.rival >= r.fence > 0
    if r.sent is not None and not r.given and not taken_over:  # ours before theirs, or after it
        mark = r.sent.annotation.text()
        service = _service(r, r.sent.traffic, since, _IN_EFFECT, scene.traffic, mark)
        yield Seen(at, service, ready)
    if moment.guarded and r.phase in GUARDED and not taken_over:  # nobody has written since
        for revisions in (*unready, ready):
            yield Seen(at, replace(moment.guarded, generation=r.guard), revisions)
    if r.phase is Phase.CONFIRMING and r.reached:
        mine = _mark_text(ours(r, r.reached))
        service = _service(r, r.reached, fresh, _IN_EFFECT, scene.traffic, mine)
        yield Seen(at, replace(service, latest_created=RIVAL))


Wish = tuple[Split, str]
"""Traffic that is asked for, and the text of the mark that came with it or was left by it."""


def _wishes(scene: Scene, moment: Moment, at: datetime) -> tuple[list[Wish], list[Wish]]:
    """Traffic that somebody may have asked for by now: by the gate alone, and with others."""
    r = moment.rollout
    if r.phase is Phase.READING:
        return _first_wishes(scene, moment, at)
    last = r.goal or r.reached or r.placed or scene.traffic
    mine = [split for split in (r.goal, r.reached, r.placed) if split is not None]
    if r.phase in {Phase.RECOVERED, Phase.PROVING}:
        mine = [last]
    if r.phase in TIDYING:
        placed = r.placed or scene.traffic
        mine = [placed, placed.moved_to(r.candidate)]
    mine = list(dict.fromkeys(mine))
    if moment.rival >= r.fence > 0:  # whoever has taken over does not give back
        return [(mine[0], mark) for mark in _foreign(r, at)], [(mine[-1], _foreign(r, at)[0])]
    usual = [(split, _mark_text(_mine(r, split))) for split in mine]
    return usual, [wish for wish in _side_wishes(scene, r, mine, last, at) if wish not in usual]


def _mine(r: Rollout, wrote: Split) -> RolloutAnnotation:
    """The mark that our last write must have left by this phase."""
    mark = ours(r, wrote)
    return _released(mark) if r.phase in _RELEASED else mark


_RELEASED = frozenset({Phase.RECOVERED, Phase.PROVING, Phase.SETTLING})


def _side_wishes(
    scene: Scene, r: Rollout, mine: list[Split], last: Split, at: datetime
) -> list[Wish]:
    """A person adds or takes a tag, or moves users; somebody else writes as the gate does."""
    wishes: list[Wish] = []
    for split in mine:
        own = _mark_text(ours(r, split))
        wishes += [(s, own) for s in (split.with_tag("new", RIVAL), split.without_tag(TAG))]
        wishes += [
            (split, _mark_text(mark)) for mark in (ours(r, split), _released(ours(r, split)))
        ]
    wishes += [(mine[0], mark) for mark in _foreign(r, at)]
    theirs = [
        *mine,
        scene.traffic,
        Split.of([Target(None, 100)]),
        Split.of([Target(STABLE, 50), Target(RIVAL, 30), Target(r.candidate or RIVAL, 20, TAG)]),
    ]
    wishes += [(split, _mark_text(ours(r, last))) for split in theirs]
    return list(dict.fromkeys(wishes))


def _first_wishes(scene: Scene, moment: Moment, at: datetime) -> tuple[list[Wish], list[Wish]]:
    """What a rollout may find: traffic of any sort, and what others have left."""
    r, fence = moment.rollout, max(moment.rival, moment.rollout.fence, 7)
    others: list[Wish] = []
    if not scene.narrow:
        others += [
            (Split.of([Target(None, 100)]), ""),
            (Split.all_to(r.candidate or STABLE, {**USERS, TAG: RIVAL}), ""),
            (Split.of([Target(STABLE, 50), Target(RIVAL, 30), Target(OTHER, 20)]), ""),
        ]
    others += [(scene.traffic, mark) for mark in _left(scene.traffic, at, fence)]
    if scene.plan.quarantine:
        others += [wish for wish in _at_work(scene.traffic, at, fence) if wish not in others]
    if r.goal is not None:
        others.append((r.goal, _mark_text(_released(ours(r, r.goal)))))
    return [(scene.traffic, ""), *_half_done(scene, at, fence)], others


def _at_work(traffic: Split, at: datetime, fence: int) -> list[Wish]:
    """Somebody else is at work, for this candidate or another: users were moved since, or not."""
    mark = RolloutAnnotation(
        fence=fence,
        writer="r9",
        holder="r9",
        until=at + timedelta(hours=1),
        phase="probing",
        kind="rollout",
        candidate=OTHER,
        tag=TAG,
        safe=((STABLE, 100),),
        wrote=((STABLE, 100),),
    )
    stood = replace(mark, safe=((CANDIDATE, 100),), wrote=((CANDIDATE, 100),))
    gives = replace(mark, candidate=CANDIDATE, wrote=((CANDIDATE, 100),))
    asks = replace(stood, kind="rollback")
    tagged = traffic.with_tag(TAG, OTHER)
    return [(tagged, _mark_text(one)) for one in (mark, stood, gives, asks)]


def _half_done(scene: Scene, at: datetime, fence: int) -> list[Wish]:
    """Another quarantine has asked for what this one wants, and may not have got it."""
    if not scene.plan.quarantine:
        return []
    placed = scene.traffic.moved_to(STABLE).with_tag(TAG, CANDIDATE)
    wishes = _at_work(placed, at, fence)
    mark = parse_annotation(wishes[0][1])
    return [(placed, _mark_text(replace(mark, candidate=CANDIDATE)))]


OTHER = "backend-00008-other"


def _left(traffic: Split, at: datetime, fence: int) -> list[str]:
    """Marks that others may have left: done, with bars; at work; dead, users moved or not."""
    wrote = tuple((name, p) for name, p in traffic.pinned(STABLE).shares.items() if name)
    safe = ((STABLE, 100),)
    dead = RolloutAnnotation(
        fence=fence,
        writer="r9",
        holder="r9",
        actor="b",
        since=START,
        until=at - timedelta(hours=1),
        phase="dwelling",
        candidate=CANDIDATE,
        tag=TAG,
        safe=safe,
        wrote=wrote,
    )
    alive = replace(dead, until=at + timedelta(hours=1))
    bars = (Denied(CANDIDATE, "", "c", "too slow"),)
    done = RolloutAnnotation(fence=fence, writer="r9", wrote=wrote, denylist=bars)
    elsewhere = replace(dead, wrote=((RIVAL, 100),))
    rolled_back = RolloutAnnotation(fence=fence, writer="r9", wrote=((CANDIDATE, 100),))
    marks = [_mark_text(m) for m in (dead, alive, done, elsewhere, rolled_back)]
    return [*marks, "{"]


def ours(r: Rollout, wrote: Split) -> RolloutAnnotation:
    """The mark of this rollout at work, with these shares as the last it wrote."""
    placed = r.placed or wrote
    return RolloutAnnotation(
        fence=r.fence,
        writer=r.id,
        holder=r.id if r.asks_first else "",
        phase="at work",
        until=START + timedelta(days=9),
        candidate=r.candidate,
        tag=r.plan.tag,
        safe=_named(placed),
        wrote=_named(wrote),
    )


def _released(mark: RolloutAnnotation) -> RolloutAnnotation:
    return replace(mark, holder="", until=None)


def _foreign(r: Rollout, at: datetime) -> list[str]:
    """Marks of others: one with a greater number, at work or done; one with ours; none; rubbish."""
    taken = RolloutAnnotation(
        fence=r.fence + 1, writer="r9", holder="r9", until=at + timedelta(hours=1)
    )
    twin = replace(taken, fence=r.fence)
    return [*(_mark_text(m) for m in (taken, _released(taken), twin)), "", "{"]


@functools.lru_cache(maxsize=4096)
def _mark_text(mark: RolloutAnnotation) -> str:
    return mark.text()


def _named(split: Split) -> tuple[tuple[str, int], ...]:
    return tuple((name, p) for name, p in split.pinned(STABLE).shares.items() if name)


def _disturbed(scene: Scene, moment: Moment) -> Iterator[Service]:
    """What the renewal of a lease may find that is no longer ours."""
    r = moment.rollout
    assert r.reached is not None
    mine = _mark_text(ours(r, r.reached))
    found = [(r.reached, mark) for mark in _foreign(r, moment.now)]
    found += [(scene.traffic, mine), (r.reached.without_tag(TAG), mine)]
    for wanted, mark in found[:1] if scene.calm else found:
        yield _service(r, wanted, r.guard + 1, _IN_EFFECT, scene.traffic, mark)


@functools.lru_cache(maxsize=100_000)
def _built(
    wanted: Split, generation: int, effect: _Effect, before: Split, latest: str, mark: str
) -> Service:
    obeyed = wanted if effect.applied else before
    return Service(
        ref=REF,
        etag=f"v{generation}",
        generation=generation,
        observed_generation=generation,
        reconciling=effect.reconciling,
        ready=effect.ready,
        traffic=wanted,
        effective=tuple(_line(target) for target in obeyed),
        latest_ready=latest,
        latest_created=CANDIDATE,
        uri="https://backend.example",
        last_modifier="somebody@example.com",
        annotations=((KEY, mark),) if mark else (),
    )


def _service(
    r: Rollout, wanted: Split, generation: int, effect: _Effect, before: Split, mark: str = ""
) -> Service:
    is_new = r.plan.kind is Kind.ROLLOUT and r.plan.image
    known = r.revisions.get(r.candidate)
    arrived = known is not None and known.ready == READY and r.phase not in LEAVING
    latest = CANDIDATE if arrived and is_new else STABLE
    return _built(wanted, generation, effect, before, latest, mark)


def _line(target: Target) -> Effective:
    uri = f"https://{target.tag}---backend.example" if target.tag else ""
    return Effective(target.revision, target.percent, target.tag, uri)


def _revisions(r: Rollout, look: Look) -> Iterator[dict[str, Revision]]:
    """What is there of the revisions that were asked for; the candidate in every state."""
    image = IMAGE if r.plan.approve else "img"
    others = {name: Revision(name, READY, image) for name in look.revisions if name != r.candidate}
    yield others
    if r.candidate in look.revisions:
        for condition in reversed(CONDITIONS):
            yield {**others, r.candidate: Revision(r.candidate, condition, image)}
