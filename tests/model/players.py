"""Whoever runs `gate`: a real rollout, stepped by events, kept small enough to be compared."""

import functools
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from enum import Enum

from gate.core.commands import command_of
from gate.core.messages import Command, Event
from gate.core.rollout import begin, step
from gate.core.state import Phase, Plan, Rollout
from gate.core.transitions import PATIENT_LOOKS
from gate.core.verdict import Verdict
from tests.model.cloud_run import CURRENT, STALE

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
    """One run of `gate`; compares by what its future can hang on.

    Attributes:
        number: its place among the players.
        state: index of its rollout in the table of all that were ever seen.
    """

    number: int
    life: Life
    state: int = -1

    @property
    def rollout(self) -> Rollout:
        """The rollout as it stands."""
        return _TABLE[self.state]

    @property
    def command(self) -> Command:
        """What it does next."""
        return _commands(self.state)[0]


_TABLE: list[Rollout] = []
_KNOWN: dict[object, int] = {}
_NAMES = tuple(f.name for f in fields(Rollout))
_PATIENT = frozenset({Phase.VERIFYING, Phase.PROVING, Phase.RECOVERED})


def born(number: int, plan: Plan, at: datetime) -> Player:
    """A player with its first command."""
    rollout, _ = begin(plan, f"rollout-{number}", at)
    return Player(number, Life.RUNNING, _kept(rollout))


def stepped(player: Player, event: Event) -> Player:
    """The player after this event."""
    state = _after(player.state, event)
    life = Life.ENDED if _TABLE[state].ended else Life.RUNNING
    return Player(player.number, life, state)


def outdated(player: Player) -> Player:
    """The player after somebody wrote: whatever etag it holds is an old one."""
    if player.life is not Life.RUNNING:
        return player
    return replace(player, state=_outdated(player.state))


def died(player: Player) -> Player:
    """The player, killed."""
    return replace(player, life=Life.DEAD)


_AFTER: dict[tuple[int, object], int] = {}


def _after(state: int, event: Event) -> int:
    rollout, _ = step(_TABLE[state], event)
    return _kept(rollout)


@functools.cache
def _outdated(state: int) -> int:
    r = _TABLE[state]
    service = r.service and replace(r.service, etag=STALE)
    return _kept(replace(r, service=service, guard=STALE if r.guard == CURRENT else r.guard))


@functools.cache
def _commands(state: int) -> tuple[Command, ...]:
    return command_of(_TABLE[state])


def _kept(rollout: Rollout) -> int:
    small = _small(rollout)
    values = [getattr(small, name) for name in _NAMES if name != "revisions"]
    key = (*values, tuple(sorted(small.revisions.items(), key=lambda item: item[0])))
    if key not in _KNOWN:
        _KNOWN[key] = len(_TABLE)
        _TABLE.append(small)
    return _KNOWN[key]


def _small(r: Rollout) -> Rollout:
    """Without what is only for people, and with looks as far as patience is."""
    looks = min(r.looks, PATIENT_LOOKS) if r.phase in _PATIENT else 0
    verdict = r.verdict and Verdict(r.verdict.decision)
    return replace(r, notes=(), evidence=(), verdict=verdict, looks=looks)
