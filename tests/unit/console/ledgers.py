"""Ledgers of many rollouts, made of a few that were played through the core."""

from datetime import UTC, datetime, timedelta

from gate.console.shelf import Shelf
from gate.core.recorded import put_together
from gate.ledger.findings import Report, Verified
from gate.ledger.stats import stats
from tests.fakes.ledger import FakeLedger
from tests.unit.report.scenes import ALL_PASSED, REF, Scene, Scribe, failed, plan

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WITHIN_S = 60.0


def shelf_of(ledger, path=None, *, wait_s=WITHIN_S, **more):
    """A shelf that asks the ledger each time, and waits for it."""
    given = {"fresh_s": 0, "wait_s": wait_s, **more}
    return Shelf(ledger, REF.name, path, lambda: NOW, **given)


def played(evidence):
    scene = Scene(evidence=evidence)
    scribe = Scribe(scene)
    scene.play(plan(), scribe)
    return scribe.entries


def later(entry, number):
    """The same entry of another rollout, an hour later for each number."""

    def moved(at):
        return (datetime.fromisoformat(at) + timedelta(hours=number)).isoformat()

    at = {key: moved(entry[key]) for key in ("at", "started_at") if key in entry}
    return {**entry, **at, "rollout": f"rollout-{number:05d}", "actor": f"person-{number % 7}"}


async def ledger_of(count, *more):
    """A ledger with so many rollouts, every third rejected, and these entries."""
    ledger = FakeLedger()
    good, bad = played(ALL_PASSED), played((*ALL_PASSED[1:], failed("health")))
    for number in range(count):
        for place, entry in enumerate(bad if number % 3 == 2 else good):
            await ledger.append(later(entry, number), f"rollout-{number:05d}", place)
    for place, entry in enumerate(more):
        await ledger.append(entry, entry["rollout"], place)
    return ledger


FINDING = {
    "what": "drift",
    "text": "traffic is 100 % <b>elsewhere</b>",
    "service": "demo/backend",
    "rollout": "rollout-00001",
    "at": "",
    "sequence": 0,
}


async def verified(*findings):
    """A verification as `gate audit verify --output json` prints it, with these findings."""
    report = Report(services=[Verified("demo/us-central1/backend", entries=3, first=1)])
    return {**report.value(), "whole": not findings, "findings": list(findings)}


async def counted():
    """The numbers of three rollouts, as `gate audit stats --output json` prints them."""
    kept = (await ledger_of(3)).kept
    found = put_together(sorted(kept, key=lambda entry: entry["at"], reverse=True))
    return stats(found, datetime(2025, 12, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC), {})
