"""Ledgers as gates write them: the real controller, many rollouts at once, and bad luck.

Writes of the ledger are lost, or kept with their answer lost, or made twice; writes of the service
conflict, or happen with their answer lost; gates are killed at any moment.
"""

import asyncio
import random
from dataclasses import dataclass, replace
from datetime import timedelta

from gate.controller.bookkeeping import Waits
from gate.controller.loop import Controller, World
from gate.core.annotation import KEY, parse_annotation
from gate.core.evidence import Outcome
from gate.core.origin import Origin
from gate.core.redaction import Redactor
from gate.core.state import Kind
from gate.core.traffic import Split
from gate.errors import UnavailableError
from gate.ledger.canonical import canonical, digest
from gate.ledger.findings import Head
from gate.ledger.past import past_of
from gate.ports import LedgerQuery, UsersAnswer
from tests.fakes.clock import FakeClock
from tests.fakes.ledger import FakeLedger
from tests.fakes.logs import FakeLogs
from tests.fakes.narrator import FakeNarrator
from tests.fakes.platform import STABLE, FakePlatform
from tests.fakes.probes import FakeProbes, evidence
from tests.fakes.world import PROBES, plan

DOWN = UnavailableError("no answer")
SERVICE = "demo/us-central1/backend"
WAITS = Waits(0.01, 0.01, 0.01, 0.01, 0.01)


class TickingClock(FakeClock):
    """Never says the same time twice."""

    def now(self):
        self._now += timedelta(milliseconds=7)
        return super().now()


class UnluckyLedger(FakeLedger):
    """Loses entries, or the answers to them, with these chances; the newest are seen late."""

    def __init__(self, dice, lost=0.02, unanswered=0.03, twice=0.05):
        super().__init__()
        self._dice, self._chances = dice, (lost, unanswered, twice)

    async def append(self, entry, rollout, sequence):
        lost, unanswered, twice = self._chances
        await asyncio.sleep(0)
        drawn = self._dice.random()
        if drawn < lost:
            raise DOWN
        await super().append(entry, rollout, sequence)
        if drawn > 1 - twice:
            await super().append(entry, rollout, sequence)
        if drawn < lost + unanswered:
            raise DOWN
        await asyncio.sleep(0)

    async def entries(self, query):
        await asyncio.sleep(0)
        late = self._dice.randrange(3)
        found = await super().entries(replace(query, limit=query.limit + late))
        return found[late:]


@dataclass(frozen=True)
class Ledger:
    """An honest ledger: its lines in the order of their times, and what the service says."""

    lines: tuple[bytes, ...]
    heads: dict[str, Head]
    unrecorded: bool  # whether a write of the service has no entry at all, and no outcome says so


async def _entries(ledger):
    found = await FakeLedger.entries(ledger, LedgerQuery(limit=10**6))
    return tuple(reversed(found))


def honest(seed, rollouts=8, lost=0.02):
    """One ledger."""
    return asyncio.run(_honest(random.Random(seed), rollouts, lost))


async def _honest(dice, rollouts, lost):
    clock = TickingClock()
    platform = FakePlatform([STABLE], Split.all_to(STABLE, {"blue": STABLE}), clock=clock)
    ledger = UnluckyLedger(dice, lost)
    running = set()
    for number in range(rollouts):
        clock.advance(dice.uniform(0.1, 900))
        if dice.random() < 0.2:
            platform.conflict_once(skip=dice.randrange(3))
        if dice.random() < 0.1:
            platform.lose_next_reply()
        running.add(asyncio.ensure_future(_rollout(dice, clock, platform, ledger, number)))
        if dice.random() < 0.6:
            await _together(dice, running)
    await _together(dice, running)
    entries = await _entries(ledger)
    text = dict((await platform.read_service()).annotations).get(KEY, "")
    mark = parse_annotation(text)
    written = [parse_annotation(dict(one.annotations)[KEY]) for one in platform.writes]
    known = _known(entries)
    return Ledger(
        tuple(map(canonical, entries)),
        {SERVICE: Head(mark.sequence, mark.entry)},
        unrecorded=any(one.entry not in known for one in written),
    )


def _known(entries):
    """Hashes of the intentions that there are, or of which an outcome tells."""
    known = {digest(one) for one in entries if one["entry"] == "intention"}
    for one in entries:
        known |= set(one.get("intentions_unkept", ()))
    return known


async def _together(dice, running):
    while running:
        for _ in range(dice.randrange(1, 200)):
            await asyncio.sleep(0)
        if dice.random() < 0.15:
            victim = dice.choice(sorted(running, key=id))
            victim.cancel()
        done = {one for one in running if one.done()}
        await asyncio.gather(*done, return_exceptions=True)
        running -= done


async def _rollout(dice, clock, platform, ledger, number):
    probes = FakeProbes()
    if dice.random() < 0.3:
        probes.sees["chat"] = evidence("chat", Outcome.FAILED, f"{number}")
    world = World(
        platform, probes, FakeLogs(), ledger, clock, Redactor({}), _nobody, FakeNarrator(), _users
    )
    kind = dice.choice([Kind.ROLLOUT, Kind.ROLLOUT, Kind.ROLLOUT, Kind.ROLLBACK, Kind.RECOVER])
    more = {"actor": dice.choice(["alice", "bob"]), "reason": f"number {number}: größer"}
    more["origin"] = Origin(system="cloud build", build=f"b{number}", release="1")
    if kind is Kind.ROLLBACK:
        past = past_of(await ledger.entries(LedgerQuery(limit=50)))
        more |= {"past": past, "revisions": await platform.list_revisions()}
    elif kind is Kind.ROLLOUT:
        more |= {
            "suffix": "".join(dice.choices("bcdfgh", k=3)),
            "steps": dice.choice([(100,), (10, 100)]),
            "watch_s": dice.choice([0, 20]),
            "dwell_s": 5,
            "probes": PROBES,
            "wait_s": dice.choice([0, 300]),
        }
    controller = Controller(world, WAITS)
    return await controller.run(plan(kind, **more), f"r{number}")


async def _nobody(*_):
    return ()


async def _users(_url, _headers):
    return UsersAnswer()
