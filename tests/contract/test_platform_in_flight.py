"""A person writes while a write of the gate is in flight: the real adapter, at each write of a run.

Whole runs, against a local Cloud Run whose v2 takes any etag; the person is a script without one.
"""

import itertools

import pytest
from google.cloud import run_v2

from gate.api.wiring import SystemClock
from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.evidence import Outcome
from gate.core.service import ServiceRef
from gate.core.state import Kind
from tests.campaign import at_length
from tests.contract.cloud_run_in_process import (
    PARENT,
    REF,
    create_service,
    google_client,
    local_cloud_run,
)
from tests.fakes.probes import evidence
from tests.fakes.world import PROBES, FakeWorld, plan

BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION
HASTE = {"dwell_s": 0.01, "verify_within_s": 20.0, "ready_within_s": 20.0}
STEPS = {"steps": (10, 100), **HASTE}
RUNS = {
    "rollout": {"kind": Kind.ROLLOUT, "image": "good", **HASTE},
    "steps": {"kind": Kind.ROLLOUT, "image": "good", **STEPS},
    "rejection": {"kind": Kind.ROLLOUT, "image": "good", **HASTE},
    "regression": {"kind": Kind.ROLLOUT, "image": "good", **STEPS},
    "adoption": {"kind": Kind.ROLLOUT, "image": "", "revision": "two", **HASTE},
    "promotion": {"kind": Kind.PROMOTE, "revision": "two", **HASTE},
    "rollback": {"kind": Kind.ROLLBACK, "revision": "two", **HASTE},
    "asked": {"kind": Kind.ROLLBACK, "revision": "two", "probes": PROBES, **HASTE},
    "recovery": {"kind": Kind.RECOVER, **HASTE},
}


class InFlight:
    """The real adapter, before whose nth write a person writes."""

    def __init__(self, platform, person, number):
        self.platform, self.person, self.number = platform, person, number
        self.accepted = None

    def __getattr__(self, name):
        return getattr(self.platform, name)

    async def deploy(self, *args):
        return await self._write(self.platform.deploy, args)

    async def set_traffic(self, *args):
        return await self._write(self.platform.set_traffic, args)

    async def _write(self, send, args):
        self.number -= 1
        if self.number != -1:
            return await send(*args)
        await self.person()
        self.accepted = False
        given = await send(*args)
        self.accepted = True
        return given


class Case:
    """A service of its own, and one run on it."""

    def __init__(self, client, host, name, number):
        self.client, self.run = client, name
        self.ref = ServiceRef(REF.project, REF.region, f"{name}-{number}")
        self.old, self.stable, self.two = (f"{self.ref.name}-{end}" for end in ("a", "b", "c"))
        self.platform = CloudRun(self.ref, Endpoint(host))
        self.wire = InFlight(self.platform, self.person, number)

    async def person(self):
        """Half of the users go to the old revision; the tag of the gate is gone, too."""
        targets = [
            run_v2.TrafficTarget(type_=BY_NAME, revision=name, percent=50)
            for name in (self.old, self.stable)
        ]
        service = run_v2.Service(name=f"{PARENT}/services/{self.ref.name}", traffic=targets)
        await self.client.update_service(service=service, update_mask="traffic")

    async def play(self):
        """The run's outcome, and the shares that are asked for in the end."""
        await create_service(self.client, self.ref.name, (self.stable, self.old, self.two))
        if self.run == "recovery":
            read = await self.platform.read_service()
            shares = ((self.stable, 100),)
            dead = RolloutAnnotation(
                fence=99, writer="r9", holder="r9", safe=shares, wrote=shares, tag="x"
            )
            await self.platform.set_traffic(read.traffic, read.etag, {KEY: dead.text()})
        world = FakeWorld(self.wire, clock=SystemClock())
        self.fail(world.probes)
        asked = dict(RUNS[self.run])
        if "revision" in asked:
            asked["revision"] = self.two
        rollout = await world.run(plan(asked.pop("kind"), self.ref, **asked))
        return rollout, (await self.platform.read_service()).traffic.shares

    def fail(self, probes):
        """The candidate fails at once, or once it has users."""
        asked, failed = probes.run, {"health": evidence("health", Outcome.FAILED)}

        async def run(*args):
            if self.run == "rejection" or (self.run == "regression" and probes.targets):
                probes.sees = failed
            return await asked(*args)

        probes.run = run


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "name", at_length(RUNS, "steps", "rejection", "promotion", "rollback", "recovery")
)
async def test_the_persons_traffic_stands(name):
    async with local_cloud_run() as host, google_client(host) as client:
        for number in itertools.count():
            case = Case(client, host, name, number)
            rollout, shares = await case.play()
            await case.platform.close()
            if case.wire.accepted is None:
                break
            assert not case.wire.accepted, f"write {number}"
            assert not rollout.clashed
            if number and rollout.plan.kind is not Kind.PROMOTE:
                assert shares == {case.old: 50, case.stable: 50}, f"write {number}"
        assert number == WRITES[name]


WRITES = {
    "rollout": 3,
    "steps": 4,
    "rejection": 2,
    "regression": 3,
    "adoption": 3,
    "promotion": 1,
    "rollback": 1,
    "asked": 2,
    "recovery": 1,
}
"""How many writes each run makes, where nobody comes between."""
