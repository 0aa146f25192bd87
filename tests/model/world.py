"""Everything that can happen next, one thing at a time: what players, people, Cloud Run can do."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from gate.core.evidence import SERVICE, Evidence, Finding, Outcome, Symptom
from gate.core.lease import renewal
from gate.core.messages import (
    Accepted,
    CallFailed,
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
from gate.core.policy import HttpProbe, Probe
from gate.core.state import Plan
from gate.core.traffic import Split
from tests.model import checks
from tests.model.checks import Ghost
from tests.model.cloud_run import CURRENT, Cloud, applied, revisions_of, service_of
from tests.model.players import JUMP, START, Life, Player, born, died, outdated, stepped

PROBE = Probe("health", HttpProbe("/health"))


@dataclass(frozen=True, slots=True)
class Budget:
    """How often each piece of bad luck may still strike."""

    crashes: int = 0
    lost: int = 0
    late: int = 0
    refused: int = 0
    unrecorded: int = 0
    interrupts: int = 0
    jumps: int = 0
    breaks: int = 0

    def less(self, what: str) -> "Budget":
        """One fewer of these."""
        return replace(self, **{what: getattr(self, what) - 1})


@dataclass(frozen=True, slots=True)
class Late:
    """A write whose sender was told nothing, still on its way."""

    player: Player
    command: Deploy | SetTraffic


@dataclass(frozen=True, slots=True)
class World:
    """One state of everything."""

    cloud: Cloud
    players: tuple[Player, ...]
    people: tuple[str, ...]
    budget: Budget
    ghost: Ghost
    late: tuple[Late, ...] = ()
    jumps: int = 0

    @property
    def now(self):
        """The time, which jumps."""
        return START + self.jumps * JUMP

    @property
    def over(self) -> bool:
        """Whether every player has come to an end."""
        return all(p.life in {Life.ENDED, Life.DEAD} for p in self.players)

    def ghost_after_recovery(self, cloud: Cloud) -> Ghost:
        """What is true once a recovery has brought the service here."""
        return checks.recovered(self.ghost, self.cloud, cloud)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who plays, with how much bad luck; everybody may start at any time but the first.

    Attributes:
        people: what people do, each once, at any time, in any order, or never.
    """

    name: str
    cloud: Cloud
    plans: tuple[Plan, ...]
    people: tuple[str, ...] = ()
    budget: Budget = Budget()

    def beginning(self) -> World:
        """Everybody unborn but the first."""
        rest = tuple(Player(n, Life.UNBORN) for n in range(1, len(self.plans)))
        players = (born(0, self.plans[0], START), *rest)
        ghost = Ghost.of(self.cloud, len(players))
        return World(self.cloud, players, self.people, self.budget, ghost)


Next = tuple[str, World]


def successors(scenario: Scenario, world: World) -> Iterator[Next]:
    """Every single thing that can happen next, and the world after it."""
    for player in world.players:
        name = "ABC"[player.number]
        if player.life is Life.UNBORN:
            plan = scenario.plans[player.number]
            yield f"{name} starts", _with(world, born(player.number, plan, world.now))
        elif player.life is Life.RUNNING:
            for label, after in _player(world, player):
                yield f"{name}: {player.rollout.phase.value}: {label}", after
    yield from _cloud(world)
    yield from _people(world)
    if world.budget.jumps:
        yield "time passes", replace(
            world, jumps=world.jumps + 1, budget=world.budget.less("jumps")
        )


def _with(world: World, player: Player) -> World:
    players = world.players
    n = player.number
    return replace(world, players=(*players[:n], player, *players[n + 1 :]))


def _spent(world: World, what: str) -> World:
    return replace(world, budget=world.budget.less(what))


# --- players


def _player(world: World, player: Player) -> Iterator[Next]:
    command = player.command
    match command:
        case Look():
            seen = Seen(
                world.now, service_of(world.cloud), revisions_of(world.cloud, command.revisions)
            )
            yield "looks", _event(world, player, seen, ("seen", world.cloud))
            if world.budget.lost:
                yield "cannot look", _spent(_fails(world, player, Failure.LOST), "lost")
        case Deploy() | SetTraffic():
            yield from _writes(world, player, command)
        case RunProbes():
            yield from _probes(world, player, command)
        case ReadLogs():
            yield "reads logs", _event(world, player, LogsRead(world.now, ()))
        case Record():
            yield "records", _event(world, player, Recorded(world.now, kept=True))
    if world.budget.crashes:
        yield "dies", _spent(_with(world, died(player)), "crashes")
    if world.budget.interrupts and not player.rollout.interrupted:
        told = _event(world, player, Interrupted(world.now))
        yield "is interrupted", _spent(told, "interrupts")


_SEEN: dict[object, Player] = {}


def _event(world: World, player: Player, event: Event, key: object = None) -> World:
    """The world after this event came to the player; `key` stands for an event that is long."""
    known = (player, world.jumps, key or event)
    if known not in _SEEN:
        _SEEN[known] = stepped(player, event)
    after = _with(world, _SEEN[known])
    if _SEEN[known].life is Life.ENDED:
        checks.ended(world.ghost, _SEEN[known])
    return replace(after, ghost=checks.heard(world.ghost, player, event))


def _fails(world: World, player: Player, failure: Failure) -> World:
    return _event(world, player, CallFailed(world.now, failure, failure.value))


def _writes(world: World, player: Player, command: Deploy | SetTraffic) -> Iterator[Next]:
    budget = world.budget
    if command.etag != CURRENT:
        yield "conflicts", _fails(world, player, Failure.CONFLICT)
        return
    written = _written(world, player, command)
    me = written.players[player.number]
    yield "writes", _event(written, me, Accepted(world.now))
    if budget.lost:
        lost = _fails(written, me, Failure.LOST)
        yield "writes, and is not told", _spent(lost, "lost")
        yield "writes nothing, and is not told", _spent(_fails(world, player, Failure.LOST), "lost")
    if budget.late:
        late = replace(world, late=(*world.late, Late(player, command)))
        yield "writes later, and is not told", _spent(_fails(late, player, Failure.LOST), "late")
    if budget.crashes:
        yield "writes and dies", _spent(_with(written, died(me)), "crashes")
        if budget.late:
            late = replace(world, late=(*world.late, Late(player, command)))
            late = _spent(_spent(late, "crashes"), "late")
            yield "writes later and dies", _with(late, died(player))
    if budget.refused:
        yield "is refused", _spent(_fails(world, player, Failure.REFUSED), "refused")
    if budget.unrecorded and not (isinstance(command, SetTraffic) and command.even_unrecorded):
        yield (
            "cannot record",
            _spent(_fails(world, player, Failure.UNRECORDED), "unrecorded"),
        )


def _written(world: World, player: Player, command: Deploy | SetTraffic) -> World:
    """A write that is accepted: every etag that anybody holds is an old one from here on."""
    ghost = checks.wrote(world.ghost, world.cloud, player, command)
    players = tuple(outdated(p) for p in world.players)
    return replace(world, cloud=applied(world.cloud, command), players=players, ghost=ghost, late=())


def _probes(world: World, player: Player, command: RunProbes) -> Iterator[Next]:
    for outcome in (Outcome.PASSED, Outcome.FAILED):
        evidence = [_evidence(outcome, "")]
        if command.service_probes:
            evidence = [_evidence(Outcome.PASSED, ""), _evidence(outcome, SERVICE)]
        yield outcome.value, _event(world, player, Probed(world.now, tuple(evidence)))
    service = service_of(world.cloud)
    write = renewal(player.rollout, service, world.now)
    if write is None:
        yield "has lost it", _event(world, player, Seen(world.now, service), ("lost", world.cloud))
    elif write.mark != service.mark:
        yield "renews", _written(world, player, write)


@functools.cache
def _evidence(outcome: Outcome, address: str) -> Evidence:
    findings = () if outcome is Outcome.PASSED else (Finding(Symptom.STATUS, "200", "500"),)
    return Evidence(
        PROBE.name, "http", outcome, "", "", "", START, 0.0, findings, address=address
    )


# --- Cloud Run and people


def _cloud(world: World) -> Iterator[Next]:
    if world.cloud.reconciling:
        cloud = world.cloud.settled(well=True)
        ghost = checks.settled(world.ghost, cloud)
        yield "traffic settles", replace(world, cloud=cloud, ghost=ghost)
        if world.budget.breaks:
            broken = replace(world, cloud=world.cloud.settled(well=False))
            yield "Cloud Run gives up", _spent(broken, "breaks")
    for late in world.late:
        name = "ABC"[late.player.number]
        after = _written(world, late.player, late.command)
        yield f"{name}'s write arrives", after


def _people(world: World) -> Iterator[Next]:
    for what in world.people:
        after = PEOPLE[what](world.cloud)
        if after == world.cloud:
            continue
        left = tuple(other for other in world.people if other != what)
        players = tuple(outdated(p) for p in world.players)
        ghost = checks.people_did(world.ghost, world.cloud, after)
        yield (
            what,
            replace(world, cloud=after, people=left, players=players, ghost=ghost, late=()),
        )


def _move(revision: str) -> Callable[[Cloud], Cloud]:
    return lambda cloud: cloud.written(cloud.desired.moved_to(revision))


def _tags(cloud: Cloud) -> Cloud:
    return cloud.written(cloud.desired.with_tag("green", OLD))


def _takes_our_tag(cloud: Cloud) -> Cloud:
    return cloud.written(cloud.desired.without_tag(TAG))


def _deploys(cloud: Cloud) -> Cloud:
    return cloud.written(cloud.desired, revision=RIVAL)


def _deploys_unmarked(cloud: Cloud) -> Cloud:
    return replace(cloud.written(Split.all_to(STABLE, {"blue": OLD})), mark="")


OLD, STABLE, RIVAL, TAG = (
    "backend-00000-old",
    "backend-00001-stable",
    "backend-00009-rival",
    "candidate",
)
PEOPLE: dict[str, Callable[[Cloud], Cloud]] = {
    "a person moves users to the old revision": _move(OLD),
    "a person moves users to the stable revision": _move(STABLE),
    "a person adds a tag": _tags,
    "a person takes our tag": _takes_our_tag,
    "a person deploys": _deploys,
    "a person writes the service from a file": _deploys_unmarked,
}
