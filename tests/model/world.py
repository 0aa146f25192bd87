"""Everything that can happen next, one thing at a time: what players, people, Cloud Run can do."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

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
from gate.core.policy import Probe
from gate.core.state import Plan
from gate.kinds.http import HttpProbe
from tests.model import checks
from tests.model.checks import GHOSTS, Ghost
from tests.model.cloud_run import (
    CLOUDS,
    GENERATION,
    Cloud,
    Lock,
    applied,
    revisions_of,
    service_of,
)
from tests.model.people import PEOPLE
from tests.model.players import (
    JUMP,
    PLAYERS,
    START,
    Life,
    Player,
    aged,
    born,
    command,
    died,
    outdated,
    stepped,
    unborn,
)

PROBE = Probe("health", HttpProbe("/health"))


class Budget(NamedTuple):
    """How often each piece of bad luck may still strike.

    Attributes:
        crashes: a player is killed, in the middle of a write, too.
        lost: a read or a write gets no answer; the write has happened or never will.
        late: a write gets no answer and arrives at any later time, or never.
        refused, unrecorded: a write is refused, by the platform, by the ledger.
        interrupts: Ctrl-C.
        jumps: so much time passes that every wait and every lease is over.
        breaks: a reconcile fails.
    """

    crashes: int = 0
    lost: int = 0
    late: int = 0
    refused: int = 0
    unrecorded: int = 0
    interrupts: int = 0
    jumps: int = 0
    breaks: int = 0

    def less(self, costs: tuple[str, ...]) -> "Budget | None":
        """What is left, None if that is not to be had."""
        left = self
        for what in costs:
            if not getattr(left, what):
                return None
            left = left._replace(**{what: getattr(left, what) - 1})
        return left


NO_BAD_LUCK = Budget()


class World(NamedTuple):
    """One state of everything; clouds, players and ghosts by their numbers.

    Attributes:
        people: what people may still do.
        late: players as they were when they sent a write that is still on its way.
    """

    cloud: int
    players: tuple[int, ...]
    ghost: int
    late: tuple[int, ...]
    people: tuple[str, ...]
    budget: Budget
    jumps: int

    @property
    def over(self) -> bool:
        """Whether every player has come to an end."""
        return all(PLAYERS[p].life in {Life.ENDED, Life.DEAD} for p in self.players)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who plays, with how much bad luck; everybody may start at any time but the first.

    Attributes:
        people: what people do, each once, at any time, in any order, or never.
        lock: which writes Cloud Run refuses.
        said: whether what was overwritten all the same need only be said, and held.
    """

    name: str
    cloud: Cloud
    plans: tuple[Plan, ...]
    people: tuple[str, ...] = ()
    budget: Budget = NO_BAD_LUCK
    lock: Lock = Lock.SEEN
    said: bool = False

    def beginning(self) -> World:
        """Everybody unborn but the first."""
        rest = tuple(unborn(number) for number in range(1, len(self.plans)))
        players = (born(0, self.plans[0], START), *rest)
        ghost = GHOSTS.keep(Ghost.of(self.cloud, len(players), said=self.said))
        return World(CLOUDS.keep(self.cloud), players, ghost, (), self.people, self.budget, 0)


Next = tuple[str, World]


def successors(scenario: Scenario, world: World) -> Iterator[Next]:
    """Every single thing that can happen next, and the world after it.

    Where nothing goes on without luck, good or bad, time passes for nothing.

    Raises:
        Violation: somebody waits, whatever happens and however much time passes.
    """
    goes_on = False
    for label, after in _goings_on(scenario, world):
        goes_on = goes_on or (after.budget == world.budget and after != world)
        yield label, after
    yield from _arrivals(scenario, world)
    yield from _people(scenario, world)
    left = world.budget.less(("jumps",))
    if left is not None:
        yield "time passes", world._replace(jumps=world.jumps + 1, budget=left)
    elif not goes_on and not world.over:
        checks.waits(world.jumps)
        yield "time passes", world._replace(jumps=world.jumps + 1)


def _goings_on(scenario: Scenario, world: World) -> Iterator[Next]:
    for place, number in enumerate(world.players):
        if PLAYERS[number].life is Life.UNBORN:
            started = born(place, scenario.plans[place], _time(world.jumps))
            players = (*world.players[:place], started, *world.players[place + 1 :])
            yield f"{PLAYERS[started].name} starts", world._replace(players=players)
        for option in _options(number, world.cloud, world.jumps, scenario.lock):
            if (after := _taken(scenario, world, place, option)) is not None:
                yield option.label, after
    yield from _settles(scenario, world)


@functools.cache
def _time(jumps: int) -> datetime:
    return START + jumps * JUMP


# --- players


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One thing that a player can do next, or that can happen to it.

    Attributes:
        player: as it is afterwards.
        costs: pieces of bad luck that this takes.
        writes: the command that Cloud Run accepts.
        late: whether its write goes on its way without arriving now.
        hears: the event that comes back, where it earns or loses something.
    """

    label: str
    player: int
    costs: tuple[str, ...] = ()
    writes: Deploy | SetTraffic | None = None
    late: bool = False
    hears: Event | None = None


def _taken(scenario: Scenario, world: World, place: int, option: Option) -> World | None:
    """The world after this option, None if there is no such bad luck left, or nothing changes."""
    budget = world.budget
    if option.costs:
        left = budget.less(option.costs)
        if left is None:
            return None
        budget = left
    was = world.players[place]
    cloud, ghost, players, late = world.cloud, world.ghost, world.players, world.late
    if option.writes is not None:
        cloud, ghost, players, late = _write(scenario, world, was, option.writes)
    elif option.late:
        late = (*late, was)
    if option.hears is not None:
        ghost = checks.heard(ghost, was, option.hears)
    if PLAYERS[option.player].life is Life.ENDED:
        checks.ended(ghost, option.player)
    players = (*players[:place], option.player, *players[place + 1 :])
    return World(cloud, players, ghost, late, world.people, budget, world.jumps)


def _write(
    scenario: Scenario, world: World, player: int, write: Deploy | SetTraffic
) -> tuple[int, int, tuple[int, ...], tuple[int, ...]]:
    """A write that is accepted: every version that anybody holds is an old one from here on."""
    ghost = checks.wrote(world.ghost, world.cloud, player, write)
    players = tuple(outdated(p) for p in world.players)
    return applied(world.cloud, write), ghost, players, _still_late(scenario, world)


def _still_late(scenario: Scenario, world: World) -> tuple[int, ...]:
    """Writes on their way that may be accepted after somebody's write."""
    if scenario.lock is not Lock.IGNORED:
        return ()
    return tuple(outdated(sender) for sender in world.late)


@functools.cache
def _options(number: int, cloud: int, jumps: int, lock: Lock) -> tuple[Option, ...]:
    """All that this player can do next in this cloud at this time."""
    player = PLAYERS[number]
    if player.life is not Life.RUNNING:
        return ()
    return tuple(
        Option(f"{player.name}: {player.rollout.phase.value}: {o.label}", *_rest(o))
        for o in _all_options(number, player, cloud, _time(jumps), lock)
        if o.player != number or o.writes or o.late
    )


def _rest(o: Option) -> tuple:
    return o.player, o.costs, o.writes, o.late, o.hears


def _all_options(
    number: int, player: Player, cloud: int, now: datetime, lock: Lock
) -> Iterator[Option]:
    asked = command(number)
    match asked:
        case Look():
            revisions = revisions_of(cloud, asked.revisions)
            yield Option("looks", stepped(number, Seen(now, service_of(cloud), revisions)))
            yield Option("cannot look", _failed(number, now, Failure.LOST), ("lost",))
        case Deploy() | SetTraffic():
            yield from _writes(number, asked, now, lock)
        case RunProbes():
            yield from _probes(number, player, asked, cloud, now)
        case ReadLogs():
            yield Option("reads logs", stepped(number, LogsRead(now, ())))
        case Record():
            yield Option("records", stepped(number, Recorded(now, kept=True)))
    yield Option("dies", died(number), ("crashes",))
    if not player.rollout.interrupted:
        told = stepped(number, Interrupted(now))
        yield Option("is interrupted", told, ("interrupts",))


def _failed(number: int, now: datetime, failure: Failure) -> int:
    return stepped(number, CallFailed(now, failure, failure.value))


def _writes(number: int, write: Deploy | SetTraffic, now: datetime, lock: Lock) -> Iterator[Option]:
    if not lock.takes(write.etag):
        yield Option("conflicts", _failed(number, now, Failure.CONFLICT))
        return
    old = outdated(number)
    untold = _failed(number, now, Failure.LOST)
    yield Option("writes", stepped(old, Accepted(now, GENERATION)), writes=write)
    told_nothing = _failed(old, now, Failure.LOST)
    yield Option("writes, and is not told", told_nothing, ("lost",), write)
    yield Option("writes nothing, and is not told", untold, ("lost",))
    yield Option("writes later, and is not told", untold, ("late",), late=True)
    yield Option("writes and dies", died(old), ("crashes",), write)
    yield Option("writes later and dies", died(number), ("crashes", "late"), late=True)
    yield Option("is refused", _failed(number, now, Failure.REFUSED), ("refused",))
    if not (isinstance(write, SetTraffic) and write.even_unrecorded):
        unrecorded = _failed(number, now, Failure.UNRECORDED)
        yield Option("cannot record", unrecorded, ("unrecorded",))


def _probes(
    number: int, player: Player, asked: RunProbes, cloud: int, now: datetime
) -> Iterator[Option]:
    for outcome in (Outcome.PASSED, Outcome.FAILED):
        evidence = (_evidence(outcome, ""),)
        if asked.service_probes:
            evidence = (_evidence(Outcome.PASSED, ""), _evidence(outcome, SERVICE))
        event = Probed(now, evidence)
        yield Option(outcome.value, stepped(number, event), hears=event)
    service = service_of(cloud)
    write = renewal(player.rollout, service, now)
    if write is None:
        yield Option("has lost it", stepped(number, Seen(now, service)))
    elif write.annotation != service.rollout_annotation:
        yield Option("renews", outdated(number), writes=write)


@functools.cache
def _evidence(outcome: Outcome, address: str) -> Evidence:
    findings = () if outcome is Outcome.PASSED else (Finding(Symptom.STATUS, "200", "500"),)
    return Evidence(PROBE.name, "http", outcome, "", "", "", START, 0.0, findings, address=address)


# --- Cloud Run and people


def _arrivals(scenario: Scenario, world: World) -> Iterator[Next]:
    for place, sender in enumerate(world.late):
        player = PLAYERS[sender]
        others = world._replace(late=world.late[:place] + world.late[place + 1 :])
        cloud, ghost, players, late = _write(scenario, others, sender, command(sender))
        after = world._replace(cloud=cloud, ghost=ghost, players=players, late=late)
        yield f"{player.name}'s write arrives", after


def _settles(scenario: Scenario, world: World) -> Iterator[Next]:
    cloud = CLOUDS[world.cloud]
    if not cloud.reconciling:
        return
    after = world._replace(
        players=tuple(aged(p) for p in world.players),
        late=() if scenario.lock is Lock.STRICT else world.late,
    )
    well = CLOUDS.keep(cloud.settled(well=True))
    yield "traffic settles", after._replace(cloud=well, ghost=checks.settled(world.ghost, well))
    if (left := world.budget.less(("breaks",))) is not None:
        broken = CLOUDS.keep(cloud.settled(well=False))
        yield "Cloud Run gives up", after._replace(cloud=broken, budget=left)


def _people(scenario: Scenario, world: World) -> Iterator[Next]:
    for what in world.people:
        before = CLOUDS[world.cloud]
        after = PEOPLE[what](before)
        if after != before:
            yield (
                what,
                world._replace(
                    cloud=CLOUDS.keep(after),
                    people=tuple(other for other in world.people if other != what),
                    players=tuple(outdated(p) for p in world.players),
                    ghost=checks.people_did(world.ghost, before, after),
                    late=_still_late(scenario, world),
                ),
            )
