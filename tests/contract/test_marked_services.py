"""Which services of a region the gate has written on, asked of a real local Cloud Run."""

import pytest

from gate.cloud.channel import Api, Endpoint, Place
from gate.cloud.run import CloudRun
from gate.cloud.services import marked_services
from gate.cloud.wire import Wire
from gate.core.annotation import KEY, RolloutAnnotation
from gate.core.service import ServiceRef
from tests.contract.cloud_run_in_process import create_service, google_client, local_cloud_run


@pytest.fixture
async def host():
    async with local_cloud_run() as address:
        yield address


async def mark(host, name):
    async with CloudRun(ServiceRef("demo", "us-central1", name), Endpoint(host)) as platform:
        service = await platform.read_service()
        annotations = {**dict(service.annotations), KEY: RolloutAnnotation(1).text()}
        await platform.set_traffic(service.traffic, service.etag, annotations)


async def found(host, project, region, **more):
    async with Wire(Place(Api.RUN, Endpoint(host), region)) as wire:
        return [str(ref) for ref in await marked_services(wire, project, **more)]


async def test_only_those_that_carry_a_mark_are_named(host):
    async with google_client(host) as client:
        for name in ("api", "backend", "web"):
            await create_service(client, name, (f"{name}-00001-aaa",))
    await mark(host, "web")
    await mark(host, "api")
    here = await found(host, "demo", "us-central1")
    assert here == ["demo/us-central1/api", "demo/us-central1/web"]
    assert await found(host, "demo", "europe-west1") == []
    assert await found(host, "other", "us-central1") == []


async def test_more_services_than_one_page(host):
    names = [f"s{number:02d}" for number in range(5)]
    async with google_client(host) as client:
        for name in names:
            await create_service(client, name, (f"{name}-00001-aaa",))
            await mark(host, name)
    expected = [f"demo/us-central1/{name}" for name in names]
    assert await found(host, "demo", "us-central1", page_size=2) == expected
