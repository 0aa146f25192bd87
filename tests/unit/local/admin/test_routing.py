import asyncio

import pytest

from gate.local.admin.readiness import Start, booted
from gate.local.admin.routing import Router
from gate.local.admin.tables import RevisionRecord, ServiceRecord
from gate.local.admin.tasks import Tasks
from gate.local.admin.template import make_revision
from gate.local.admin.traffic import Routes
from gate.local.faults.delays import Faults
from gate.local.ports import RevisionKey, ServiceKey
from tests.fakes.local_control_plane import START, FakeFrontEnd, FakeInstances, FakeSurroundings
from tests.fakes.local_messages import complete

KEY = ServiceKey("demo", "us-central1", "backend")
ONE = Routes((("r1", 100),), (("blue", "r1"),))
TWO = Routes((("r2", 100),))


class Bench:
    def __init__(self, faults=None):
        self.front_end, self.instances = FakeFrontEnd(), FakeInstances()
        self.surroundings, self.tasks = FakeSurroundings(faults), Tasks()
        self.router = Router(self.instances, self.front_end, self.surroundings.real, self.tasks)
        self.record = ServiceRecord(KEY, complete())
        for number, name in enumerate(("r1", "r2"), 1):
            key = RevisionKey(KEY, name)
            made = make_revision(key, complete(revision=name), "uid", "me", START)
            made.conditions = booted(Start(START, START))
            self.record.revisions[name] = RevisionRecord(key, made, number)

    async def put(self, routes):
        await self.router.open(self.record, self.record.resource, routes)
        await self.router.propagate(self.record, self.record.resource, routes)

    def routed(self, tag=""):
        return self.front_end.routes.get((KEY, tag))


async def test_calm_routes_are_effective_at_once():
    bench = Bench()
    await bench.put(ONE)
    assert bench.routed() == bench.routed("blue") == {"r1": 100}
    assert bench.record.ports == {"": 40001, "blue": 40002}


async def test_rude_routes_are_effective_later():
    bench = Bench(Faults(1))
    await bench.put(ONE)
    await asyncio.sleep(0)
    assert bench.routed() is None
    bench.surroundings.wake()
    await asyncio.sleep(0)
    assert bench.routed() == {"r1": 100}


async def test_a_change_that_was_overtaken_is_not_undone():
    bench = Bench(Faults(1))
    await bench.put(ONE)
    await asyncio.sleep(0)
    await bench.put(TWO)
    await asyncio.sleep(0)
    bench.surroundings.wake(1)
    await asyncio.sleep(0)
    assert bench.routed() == {"r2": 100}
    bench.surroundings.wake()
    await asyncio.sleep(0)
    assert bench.routed() == {"r2": 100}
    assert set(bench.front_end.ports) == {(KEY, "")}


async def test_an_address_that_a_pending_change_needs_is_not_shut_by_an_older_one():
    bench = Bench(Faults(1))
    await bench.put(TWO)
    await asyncio.sleep(0)
    await bench.router.open(bench.record, bench.record.resource, ONE)
    bench.surroundings.wake()
    await asyncio.sleep(0)
    assert (KEY, "blue") in bench.front_end.ports


async def test_a_withdrawn_service_is_not_routed_again_by_what_was_pending():
    bench = Bench(Faults(1))
    await bench.put(ONE)
    await asyncio.sleep(0)
    await bench.router.withdraw(bench.record)
    bench.surroundings.wake()
    await asyncio.sleep(0)
    assert bench.front_end.routes == bench.front_end.ports == {}
    assert {key.revision for key in bench.instances.retired} == {"r1", "r2"}


async def test_a_share_has_its_revisions_timeout():
    bench = Bench()
    seen = []
    bench.front_end.route = lambda _, tag, shares: seen.extend(shares)
    bench.record.revisions["r1"].resource.timeout = {"seconds": 7}
    await bench.put(ONE)
    assert [share.timeout_s for share in seen] == [7.0, 7.0]


@pytest.mark.parametrize(("name", "h2c"), [("h2c", True), ("http1", False)])
async def test_a_share_says_what_its_container_speaks(name, h2c):
    bench = Bench()
    seen = []
    bench.front_end.route = lambda _, tag, shares: seen.extend(shares)
    bench.record.revisions["r1"].resource.containers[0].ports[0].name = name
    await bench.put(ONE)
    assert [share.h2c for share in seen] == [h2c, h2c]


@pytest.mark.parametrize("affinity", [True, False])
async def test_a_share_says_whether_its_revision_keeps_its_clients(affinity):
    bench = Bench()
    seen = []
    bench.front_end.route = lambda _, tag, shares: seen.extend(shares)
    bench.record.revisions["r1"].resource.session_affinity = affinity
    await bench.put(ONE)
    assert [share.affinity for share in seen] == [affinity, affinity]


async def test_a_task_that_fails_says_so(capsys):
    tasks = Tasks()

    async def broken():
        raise ValueError("a bug")

    task = tasks.spawn(KEY, broken())
    with pytest.raises(ValueError, match="a bug"):
        await task
    await asyncio.sleep(0)
    assert "ValueError: a bug" in capsys.readouterr().err
    await tasks.close()
