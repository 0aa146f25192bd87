"""The lock, over a network that loses answers and delivers late: nobody's write is overwritten."""

import asyncio

import pytest
from google.cloud import run_v2

from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.cloud.wire import Patience
from gate.core.annotation import KEY
from gate.core.traffic import Split
from gate.errors import ConflictError, NotFoundError, UnavailableError
from tests.contract.cloud_run_in_process import (
    FIRST,
    REF,
    SECOND,
    create_service,
    google_client,
    local_cloud_run,
)
from tests.contract.relay import relay_to

NAME = "projects/demo/locations/us-central1/services/backend"
THIRD = "backend-00003-ccc"
HASTY = Patience(budget_s=5.0, first_wait_s=0.01, max_wait_s=0.05)
BY_NAME = run_v2.TrafficTargetAllocationType.TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION


class Stage:
    def __init__(self, platform, relay, client):
        self.platform = platform
        self.relay = relay
        self.client = client

    async def person_splits(self):
        """Somebody moves traffic as a script does: over v2, with no etag at all."""
        targets = [
            run_v2.TrafficTarget(type_=BY_NAME, revision=name, percent=50)
            for name in (FIRST, SECOND)
        ]
        moved = run_v2.Service(name=NAME, traffic=targets)
        await self.client.update_service(service=moved, update_mask="traffic")

    async def person_labels(self):
        """Somebody sets a label of the service."""
        labelled = run_v2.Service(name=NAME, labels={"seen": "yes"})
        await self.client.update_service(service=labelled, update_mask="labels")

    async def shares(self):
        service = await self.platform.read_service()
        return service.traffic.shares


@pytest.fixture
async def stage():
    async with local_cloud_run() as host, google_client(host) as client:
        await create_service(client)
        async with (
            relay_to(host) as (relay, address),
            CloudRun(REF, Endpoint(address), HASTY) as platform,
        ):
            yield Stage(platform, relay, client)


WRITES = {
    "traffic": lambda platform, etag: platform.set_traffic(Split.all_to(SECOND), etag, {KEY: "{}"}),
    "deploy": lambda platform, etag: platform.deploy(
        "good", THIRD, Split.all_to(SECOND), etag, {KEY: "{}"}
    ),
    "deploy on stable": lambda platform, etag: platform.deploy(
        "good", THIRD, Split.all_to(SECOND), etag, {KEY: "{}"}, FIRST
    ),
}
each_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


@each_write
async def test_a_write_that_arrives_after_somebody_elses_is_refused(stage, write):
    read = await stage.platform.read_service()
    stage.relay.hold_next_write = True
    ours = asyncio.ensure_future(write(stage.platform, read.etag))
    await stage.relay.held.wait()
    await stage.person_splits()
    stage.relay.release.set()
    with pytest.raises(ConflictError, match="somebody else changed it"):
        await ours
    assert await stage.shares() == {FIRST: 50, SECOND: 50}
    with pytest.raises(NotFoundError):
        await stage.platform.read_revision(THIRD)


async def test_a_write_that_its_sender_gave_up_is_refused_when_it_arrives_late(stage):
    read = await stage.platform.read_service()
    stage.relay.hold_next_write = True
    ours = asyncio.ensure_future(stage.platform.set_traffic(Split.all_to(SECOND), read.etag))
    await stage.relay.held.wait()
    ours.cancel()
    await stage.person_splits()
    stage.relay.release.set()
    await stage.relay.refused.wait()
    assert await stage.shares() == {FIRST: 50, SECOND: 50}


async def test_a_label_that_somebody_set_meanwhile_is_not_undone(stage):
    read = await stage.platform.read_service()
    await stage.person_labels()
    with pytest.raises(ConflictError):
        await stage.platform.set_traffic(Split.all_to(SECOND), read.etag)
    found = await stage.client.get_service(name=NAME)
    assert found.labels["seen"] == "yes"


@each_write
async def test_a_write_whose_answer_was_lost_is_in_doubt_and_found_by_its_annotation(stage, write):
    read = await stage.platform.read_service()
    stage.relay.lose_next_reply = True
    with pytest.raises(UnavailableError, match="the update may have happened"):
        await write(stage.platform, read.etag)
    assert stage.relay.writes == 2  # sent again, and refused: by its own first success
    found = await stage.platform.read_service()
    assert dict(found.annotations)[KEY] == "{}"
    assert found.traffic == Split.all_to(SECOND)
    assert found.generation == read.generation + 1


async def test_a_write_tells_its_own_generation_whatever_comes_after(stage):
    read = await stage.platform.read_service()
    ours = await stage.platform.set_traffic(Split.all_to(SECOND), read.etag)
    await stage.person_splits()
    assert ours == read.generation + 1
    assert (await stage.platform.read_service()).generation == ours + 1
