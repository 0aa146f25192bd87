"""What ports.Platform promises: held against the fake, and against Cloud Run's API."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.core.service import ConditionState, ServiceRef
from gate.core.traffic import Split, Target
from gate.errors import ConflictError, InfrastructureError, NotFoundError
from tests.contract.cloud_run_in_process import (
    FIRST,
    REF,
    SECOND,
    create_service,
    google_client,
    local_cloud_run,
)
from tests.fakes.platform import FakePlatform

DEADLINE_S = 30.0
THIRD = "backend-00003-ccc"


class World:
    """A platform with a service of two ready revisions, the first with all traffic."""

    def __init__(self, platform, missing, break_next):
        self.platform = platform
        self.missing = missing
        self.break_next = break_next

    async def settled(self):
        """The service, once nothing is in flight."""
        return await self.until(lambda service: not service.reconciling)

    async def until(self, condition):
        deadline = time.monotonic() + DEADLINE_S
        while True:
            service = await self.platform.read_service()
            if condition(service):
                return service
            assert time.monotonic() < deadline, service
            await asyncio.sleep(0.01)


@asynccontextmanager
async def fake_world():
    platform = FakePlatform((FIRST, SECOND), ref=REF)
    platform.propagation_reads = 1
    missing = FakePlatform(ref=ServiceRef("demo", "us-central1", "nobody"))
    missing.exists = False

    def break_next():
        text = "The user-provided container failed to start and listen on the port"
        platform.next_revision_fails(text, "HEALTH_CHECK_CONTAINER_ERROR")
        return "broken"

    yield World(platform, missing, break_next)


@asynccontextmanager
async def local_world(*, calm=True):
    async with local_cloud_run(calm=calm) as host:
        async with google_client(host) as client:
            await create_service(client)
        nobody = ServiceRef("demo", "us-central1", "nobody")
        async with (
            CloudRun(REF, Endpoint(host)) as platform,
            CloudRun(nobody, Endpoint(host)) as missing,
        ):
            yield World(platform, missing, lambda: "broken")


WORLDS = {
    "fake": fake_world,
    "local": local_world,
    "rude local": lambda: local_world(calm=False),
}


RUDE_TOO = pytest.mark.parametrize("world", list(WORLDS), indirect=True)


@pytest.fixture(params=["fake", "local"])
async def world(request):
    async with WORLDS[request.param]() as one:
        yield one


async def test_a_service_is_read_with_short_names_and_desired_and_effective_traffic(world):
    service = await world.settled()
    assert service.ref == REF
    assert service.etag
    assert service.traffic == Split.all_to(FIRST)
    assert service.effective_shares == {FIRST: 100}
    assert service.latest_created == SECOND
    assert service.uri.startswith("http")
    assert service.agrees_with(Split.all_to(FIRST))
    assert service.ready.state is ConditionState.SUCCEEDED


async def test_a_service_that_does_not_exist(world):
    for call in (
        world.missing.read_service(),
        world.missing.read_revision(FIRST),
        world.missing.set_traffic(Split.all_to(FIRST), "etag"),
        world.missing.deploy("good", "nobody-00001-aaa", Split.all_to(FIRST), "etag"),
    ):
        with pytest.raises(NotFoundError):
            await call


async def test_revisions_are_read_one_by_one_and_newest_first(world):
    first = await world.platform.read_revision(FIRST)
    assert (first.name, first.ready.state) == (FIRST, ConditionState.SUCCEEDED)
    assert first.image
    assert [r.name for r in await world.platform.list_revisions()] == [SECOND, FIRST]


async def test_a_revision_that_does_not_exist(world):
    with pytest.raises(NotFoundError, match="backend-00009-zzz"):
        await world.platform.read_revision("backend-00009-zzz")


@RUDE_TOO
async def test_traffic_moves_and_comes_into_effect(world):
    before = await world.settled()
    wanted = Split.of([Target(FIRST, 25), Target(SECOND, 75), Target(FIRST, 0, "old")])
    await world.platform.set_traffic(wanted, before.etag)
    after = await world.settled()
    assert after.agrees_with(wanted)
    assert after.effective_shares == {FIRST: 25, SECOND: 75}
    assert after.tag_uri("old").startswith("http")
    assert after.generation > before.generation
    assert after.generation == after.observed_generation
    assert after.etag != before.etag


async def test_tags_that_are_sent_stay_and_tags_that_are_not_go(world):
    first = await world.settled()
    tagged = first.traffic.with_tag("mine", FIRST).with_tag("theirs", SECOND)
    await world.platform.set_traffic(tagged, first.etag)
    second = await world.settled()
    await world.platform.set_traffic(second.traffic.without_tag("mine"), second.etag)
    third = await world.settled()
    assert third.traffic.tags == {"theirs": SECOND}
    assert third.tag_uri("theirs") == second.tag_uri("theirs") != ""
    assert third.tag_uri("mine") == ""


@RUDE_TOO
async def test_a_spent_etag_is_a_conflict_and_changes_nothing(world):
    before = await world.settled()
    await world.platform.set_traffic(Split.all_to(SECOND), before.etag)
    with pytest.raises(ConflictError):
        await world.platform.set_traffic(Split.all_to(FIRST), before.etag)
    with pytest.raises(ConflictError):
        await world.platform.deploy("good", THIRD, Split.all_to(FIRST), before.etag)
    after = await world.settled()
    assert after.agrees_with(Split.all_to(SECOND))
    with pytest.raises(NotFoundError):
        await world.platform.read_revision(THIRD)


@RUDE_TOO
async def test_an_etag_outlives_the_reconcile_that_it_was_read_in(world):
    before = await world.settled()
    await world.platform.set_traffic(Split.all_to(SECOND), before.etag)
    during = await world.platform.read_service()
    await world.settled()
    await world.platform.set_traffic(Split.all_to(FIRST), during.etag)
    assert (await world.settled()).agrees_with(Split.all_to(FIRST))


@RUDE_TOO
async def test_a_deploy_at_zero_percent_leaves_users_where_they_are(world):
    before = await world.settled()
    wanted = before.traffic.with_tag("candidate", THIRD)
    await world.platform.deploy("good", THIRD, wanted, before.etag)
    after = await world.settled()
    assert after.agrees_with(wanted)
    assert after.effective_shares == {FIRST: 100}
    assert after.tag_uri("candidate") not in ("", after.uri)
    assert after.latest_created == THIRD
    revision = await world.platform.read_revision(THIRD)
    assert (revision.ready.state, revision.image) == (ConditionState.SUCCEEDED, "good")


async def test_a_revisions_name_is_used_once(world):
    before = await world.settled()
    with pytest.raises(InfrastructureError, match="already exists") as caught:
        await world.platform.deploy("broken", SECOND, before.traffic, before.etag)
    assert not isinstance(caught.value, ConflictError)


@RUDE_TOO
async def test_a_candidate_that_cannot_boot_says_why_and_users_stay(world):
    before = await world.settled()
    wanted = before.traffic.with_tag("candidate", THIRD)
    await world.platform.deploy(world.break_next(), THIRD, wanted, before.etag)
    after = await world.settled()
    revision = await world.platform.read_revision(THIRD)
    assert revision.ready.state is ConditionState.FAILED
    assert revision.ready.reason == "HEALTH_CHECK_CONTAINER_ERROR"
    assert "failed to start and listen" in revision.ready.message
    assert after.ready.state is ConditionState.FAILED
    assert "failed to start and listen" in after.ready.message
    assert after.effective_shares == {FIRST: 100}
    assert after.tag_uri("candidate") == ""
    await world.platform.set_traffic(before.traffic, after.etag)
    cleaned = await world.settled()
    assert cleaned.agrees_with(before.traffic)
    assert cleaned.traffic.tags == {}


async def test_traffic_to_a_revision_that_is_gone_keeps_what_served(world):
    before = await world.settled()
    await world.platform.set_traffic(Split.all_to("backend-00009-zzz"), before.etag)
    after = await world.settled()
    assert "backend-00009-zzz" in after.ready.message
    assert after.ready.state is ConditionState.FAILED
    assert after.effective_shares == {FIRST: 100}
    assert not after.in_effect


async def test_latest_is_kept_apart_from_names(world):
    before = await world.settled()
    wanted = Split.of([Target(None, 100), Target(None, 0, "newest")])
    await world.platform.set_traffic(wanted, before.etag)
    after = await world.settled()
    assert after.traffic == wanted
    assert after.traffic.follows_latest
    assert after.effective_shares == {SECOND: 100}
    assert after.in_effect
    assert after.tag_uri("newest")


async def test_a_deploy_under_latest_takes_all_traffic(world):
    before = await world.settled()
    await world.platform.deploy("good", THIRD, Split.of([Target(None, 100)]), before.etag)
    after = await world.until(lambda service: service.effective_shares == {THIRD: 100})
    assert after.latest_ready == THIRD
