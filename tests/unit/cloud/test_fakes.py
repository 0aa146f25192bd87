"""What tests script on the fakes; what the fakes have in common with Cloud Run is in contract/."""

import asyncio
from datetime import timedelta

import pytest

from gate.core.service import ConditionState
from gate.core.severity import Severity
from gate.core.traffic import Split
from gate.errors import ConflictError, InfrastructureError, NotFoundError, UnavailableError
from gate.ports import LogEntry, LogQuery
from tests.fakes import FakeClock, FakeLedger, FakeLogs, FakePlatform
from tests.fakes.platform import STABLE

NEW = "backend-00002-bbb"
TO_NEW = Split.all_to(NEW)


@pytest.fixture
def platform():
    return FakePlatform((STABLE, NEW))


async def test_a_call_can_be_made_to_fail(platform):
    platform.fail_next("read_service", UnavailableError("down"), times=2)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            await platform.read_service()
    assert (await platform.read_service()).traffic == Split.all_to(STABLE)
    assert platform.calls == ["read_service"] * 3


async def test_a_failed_write_changes_nothing(platform):
    platform.fail_next("set_traffic", InfrastructureError("no"))
    service = await platform.read_service()
    with pytest.raises(InfrastructureError):
        await platform.set_traffic(TO_NEW, service.etag)
    assert platform.traffic == Split.all_to(STABLE)
    assert platform.writes == []


@pytest.mark.parametrize("theirs", [None, TO_NEW])
async def test_a_human_may_come_first_once(platform, theirs):
    service = await platform.read_service()
    platform.conflict_once(theirs)
    with pytest.raises(ConflictError):
        await platform.set_traffic(TO_NEW, service.etag)
    service = await platform.read_service()
    assert service.traffic == (theirs or Split.all_to(STABLE))
    assert service.last_modifier == "human@example.com"
    await platform.set_traffic(TO_NEW, service.etag)
    assert (await platform.read_service()).agrees_with(TO_NEW)


async def test_a_lost_answer_is_told_after_the_write(platform):
    service = await platform.read_service()
    platform.lose_next_reply()
    with pytest.raises(UnavailableError):
        await platform.set_traffic(TO_NEW, service.etag)
    assert (await platform.read_service()).agrees_with(TO_NEW)


async def test_traffic_takes_as_many_reads_as_it_is_told_to(platform):
    platform.propagation_reads = 2
    await platform.set_traffic(TO_NEW, (await platform.read_service()).etag)
    reads = [await platform.read_service() for _ in range(4)]
    assert [service.reconciling for service in reads] == [True, True, False, False]
    assert [service.agrees_with(TO_NEW) for service in reads] == [False, False, True, True]


async def test_reconciling_may_never_end(platform):
    platform.reconciles_forever = True
    await platform.set_traffic(TO_NEW, (await platform.read_service()).etag)
    for _ in range(50):
        assert (await platform.read_service()).reconciling


async def test_a_new_revision_may_be_slow_to_appear(platform):
    platform.hidden_reads = 2
    name = "backend-00003-ccc"
    service = await platform.read_service()
    await platform.deploy("image", name, service.traffic, service.etag)
    for _ in range(2):
        assert name not in [one.name for one in await platform.list_revisions()]
        with pytest.raises(NotFoundError):
            await platform.read_revision(name)
    assert (await platform.read_revision(name)).image == "image"


async def test_only_the_next_revision_fails(platform):
    platform.next_revision_fails("no port")
    for name, state in (
        ("backend-00003-ccc", ConditionState.FAILED),
        ("backend-00004-ddd", ConditionState.SUCCEEDED),
    ):
        service = await platform.read_service()
        await platform.deploy("image", name, service.traffic, service.etag)
        await platform.read_service()
        assert (await platform.read_revision(name)).ready.state is state
    assert (await platform.read_service()).latest_ready == "backend-00004-ddd"


async def test_a_deleted_revision_fails_the_next_reconcile(platform):
    service = await platform.read_service()
    platform.remove_revision(NEW)
    await platform.set_traffic(TO_NEW, service.etag)
    service = await platform.read_service()
    assert "does not exist or is deleted" in service.ready.message
    assert service.effective_shares == {STABLE: 100}


async def test_time_passes_only_while_somebody_sleeps():
    clock = FakeClock()
    start = clock.now()
    rang = []
    clock.after(7, lambda: rang.append(clock.now() - start))
    clock.after(2, lambda: rang.append(clock.now() - start))
    await asyncio.gather(clock.sleep(5), clock.sleep(5))
    assert clock.now() - start == timedelta(seconds=10)
    assert rang == [timedelta(seconds=2), timedelta(seconds=7)]
    assert clock.slept == [5, 5]


async def test_the_other_fakes_fail_when_told_to():
    logs, ledger = FakeLogs(), FakeLedger()
    logs.fail_next("entries", UnavailableError("down"))
    ledger.fail_next("append", UnavailableError("down"))
    with pytest.raises(UnavailableError):
        await logs.entries(None)
    with pytest.raises(UnavailableError):
        await ledger.append({"at": "2026-01-01T00:00:00Z"}, "r", 0)
    await ledger.append({"at": "2026-01-01T00:00:00Z"}, "r", 0)
    assert ledger.kept == [{"at": "2026-01-01T00:00:00Z"}]


async def test_a_log_entry_may_take_a_while_to_be_seen():
    clock = FakeClock()
    logs = FakeLogs(clock, delay_s=3)
    logs.add(NEW, LogEntry(clock.now(), Severity.INFO, "hello"))
    query = LogQuery(NEW, clock.now())
    assert await logs.entries(query) == ()
    clock.advance(3)
    assert [entry.text for entry in await logs.entries(query)] == ["hello"]
