"""`gate audit verify` of a live service: what it waits for before it judges."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gate.cli.audit_verify import FRESH, on_the_way
from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.traffic import Split
from gate.ledger.findings import Finding, Report, Verified, What
from tests.fakes.clock import FakeClock
from tests.fakes.platform import STABLE, FakePlatform

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


async def service(mark, ago):
    platform = FakePlatform(clock=FakeClock())
    platform.left(Split.all_to(STABLE), {KEY: mark if isinstance(mark, str) else mark.text()})
    return replace(await platform.read_service(), updated_at=NOW - ago)


def report(*whats, unfinished=()):
    found = [Finding(what, "") for what in whats]
    return Report([Verified("demo/us-central1/backend", unfinished=[*unfinished])], found)


ENDED = RolloutAnnotation(fence=1, writer="r1")
AT_WORK = RolloutAnnotation(fence=1, writer="r1", holder="r1", until=NOW, since=NOW)
SOON = timedelta(seconds=2)


@pytest.mark.parametrize(
    ("mark", "ago", "read", "waits"),
    [
        (ENDED, SOON, report(What.DRIFT, unfinished=["r1"]), "the outcome of rollout r1"),
        (ENDED, SOON, report(What.END_LOST), "the entry of the last write"),
        (ENDED, FRESH, report(What.END_LOST, unfinished=["r1"]), ""),
        (ENDED, SOON, report(What.DRIFT, unfinished=["r0"]), ""),
        (AT_WORK, SOON, report(What.DRIFT, unfinished=["r1"]), ""),
        ("nonsense", SOON, report(unfinished=["r1"]), ""),
    ],
)
async def test_what_is_on_the_way_is_waited_for(mark, ago, read, waits):
    told = on_the_way(read, await service(mark, ago), NOW)
    assert (told.startswith(waits), bool(told)) == (True, bool(waits))
