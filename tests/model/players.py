"""Whoever runs `gate`: a real rollout, stepped by events, kept small enough to be compared."""

import functools
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from gate.core.commands import command_of
from gate.core.messages import Command, Deploy, Event, SetTraffic
from gate.core.rollout import begin, step
from gate.core.state import Kind, Phase, Plan, Rollout
from gate.core.traffic import Split
from gate.core.transitions import PATIENT_LOOKS
from gate.core.verdict import Verdict
from tests.model.cloud_run import (
    AGED,
    CLOUDS,
    CURRENT,
    OLDEST,
    READY,
    STALE,
    Cloud,
    service_of,
)
from tests.model.tables import Table

START = datetime(2026, 1, 1, tzinfo=UTC)
JUMP = timedelta(seconds=1000)
"""Longer than any wait and any lease of the plans here: after it, all of them are over."""


class Life(Enum):
    """How a player stands."""

    UNBORN = "unborn"
    RUNNING = "running"
    ENDED = "ended"
    DEAD = "dead"  # killed: it will never do anything again


@dataclass(frozen=True, slots=True)
class Player:
    """One run of `gate`.

    Attributes:
        number: its place among the players.
        rollout: None before it starts.
    """

    number: int
    life: Life
    rollout: Rollout | None = None

    @property
    def name(self) -> str:
        """As traces call it."""
        return "ABC"[self.number]


PLAYERS: Table[Player] = Table()


@functools.cache
def command(player: int) -> Command:
    """What a player does next: always the same object for the same player."""
    rollout = PLAYERS[player].rollout
    assert rollout is not None
    (it,) = command_of(rollout)
    return it


def unborn(number: int) -> int:
    """A player that has not started."""
    return PLAYERS.keep(Player(number, Life.UNBORN), (number, Life.UNBORN))


@functools.cache
def born(number: int, plan: Plan, at: datetime) -> int:
    """A player with its first command."""
    rollout, _ = begin(plan, f"rollout-{number}", at)
    return _kept(number, Life.RUNNING, rollout)


def stepped(player: int, event: Event) -> int:
    """The player after this event."""
    was = PLAYERS[player]
    assert was.rollout is not None
    after, _ = step(was.rollout, event)
    return _kept(was.number, Life.ENDED if after.ended else Life.RUNNING, after)


@functools.cache
def outdated(player: int) -> int:
    """The player after somebody wrote: whatever it has read is older by one write."""
    was = PLAYERS[player]
    r = was.rollout
    if was.life is not Life.RUNNING or r is None:
        return player
    older = r.service and max(r.service.generation - 1, OLDEST)
    service = r.service and replace(r.service, etag=STALE, generation=older)
    guard = max(r.guard - 1, OLDEST) if r.guard and not r.given else r.guard
    return _kept(was.number, was.life, replace(r, service=service, guard=guard))


@functools.cache
def aged(player: int) -> int:
    """The player after the status of the service changed, and its version with it."""
    was = PLAYERS[player]
    r = was.rollout
    if was.life is not Life.RUNNING or r is None or r.service is None:
        return player
    if r.service.etag != CURRENT:
        return player
    return _kept(was.number, was.life, replace(r, service=replace(r.service, etag=AGED)))


@functools.cache
def died(player: int) -> int:
    """The player, killed."""
    was = PLAYERS[player]
    assert was.rollout is not None
    return _kept(was.number, Life.DEAD, was.rollout)


_NAMES = tuple(field.name for field in fields(Rollout) if field.name != "revisions")
_PATIENT = frozenset({Phase.VERIFYING, Phase.PROVING, Phase.RECOVERED, Phase.SETTLING})


def _kept(number: int, life: Life, rollout: Rollout) -> int:
    small = _small(rollout)
    key = (
        number,
        life,
        *(getattr(small, name) for name in _NAMES),
        tuple(sorted(small.revisions.items(), key=lambda item: item[0])),
    )
    return PLAYERS.keep(Player(number, life, small), key)


_WRITES = frozenset(
    {
        Phase.RECOVERING,
        Phase.DEPLOYING,
        Phase.TAGGING,
        Phase.MOVING,
        Phase.REVERTING,
        Phase.UNTAGGING,
    }
)
_JUST_WRITTEN = frozenset({Phase.WAITING, *_PATIENT})
_GUARDED = _JUST_WRITTEN | {Phase.RECOVERING}
_LEAVING = frozenset({Phase.CLEANING, Phase.UNTAGGING, Phase.SETTLING, Phase.BACKING_OUT})
"""No phase from here on asks where a rollout wanted to go, or how far it had come."""
_PROBES = frozenset({Phase.PROBING, Phase.DWELLING, Phase.WATCHING})


def _small(r: Rollout) -> Rollout:
    """Without what is only for people, and without what the next event replaces.

    What was read matters where it is written on; elsewhere the next look brings it anew.
    """
    writes = r.phase in _WRITES
    going = r.phase not in _LEAVING or r.plan.kind is not Kind.ROLLOUT
    guard, given, sent = _last_write(r)
    service = r.service if writes else _SOME_SERVICE if r.phase in _PROBES else None
    return replace(
        r,
        notes=(),
        evidence=(),
        took_back=(),
        verdict=r.verdict and Verdict(r.verdict.decision),
        looks=min(r.looks, PATIENT_LOOKS * (r.conflicts + 1)) if r.phase in _PATIENT else 0,
        service=service,
        at=r.at if writes else None,
        limit_at=r.started_at if writes else r.limit_at,
        guard=guard,
        given=given,
        sent=sent,
        url="",
        goal=r.goal if going else None,
        stepped=r.stepped if going else 0,
    )


def _last_write(r: Rollout) -> tuple[int, int, Deploy | SetTraffic | None]:
    """What was read, given and sent, as far as anybody still asks.

    Where an answer has come, it matters whether it made one generation more than was read.
    """
    if r.given and (r.phase in _JUST_WRITTEN or r.phase is Phase.CLEANING):
        return OLDEST, OLDEST + (1 if r.given <= r.guard + 1 else 2), None
    guard = r.guard if r.phase in _GUARDED else 0
    sent = r.sent if guard and r.phase in _JUST_WRITTEN else None
    return guard, 0, sent and replace(sent, etag="", why="")


_SOME_SERVICE = service_of(
    CLOUDS.keep(Cloud(Split.all_to("some"), Split.all_to("some"), (("some", READY),)))
)
