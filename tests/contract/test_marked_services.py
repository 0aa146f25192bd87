"""Which services of a region the gate has written on, asked of a real local Cloud Run."""

import pytest

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.run import CloudRun
from gate.cloud.services import marked_services
from gate.cloud.wire import Wire
from gate.core.mark import KEY, Mark
from gate.core.service import ServiceRef
from tests.contract.cloud_run_in_process import create_service, google_client, local_cloud_run


@pytest.fixture
async def host():
    async with local_cloud_run() as address:
        yield address


async def mark(host, name):
    async with CloudRun(ServiceRef("demo", "us-central1", name), Endpoint(host)) as platform:
        service = await platform.read_service()
        annotations = {**dict(service.annotations), KEY: Mark(1).text()}
        await platform.set_traffic(service.traffic, service.etag, annotations)


@pytest.fixture
async def wire(host):
    async with Wire(Place(Api.RUN, Endpoint(host))) as one:
        yield one


async def test_only_those_that_carry_a_mark_are_named(host, wire):
    async with google_client(host) as client:
        for name in ("api", "backend", "web"):
            await create_service(client, name, (f"{name}-00001-aaa",))
    await mark(host, "web")
    await mark(host, "api")
    found = await marked_services(wire, "demo", "us-central1")
    assert [str(ref) for ref in found] == ["demo/us-central1/api", "demo/us-central1/web"]
    assert await marked_services(wire, "demo", "europe-west1") == ()
    assert await marked_services(wire, "other", "us-central1") == ()


async def test_more_services_than_one_page(host, wire):
    names = [f"s{number:02d}" for number in range(5)]
    async with google_client(host) as client:
        for name in names:
            await create_service(client, name, (f"{name}-00001-aaa",))
            await mark(host, name)
    found = await marked_services(wire, "demo", "us-central1", page_size=2)
    assert [ref.name for ref in found] == names
