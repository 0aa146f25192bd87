"""What only the real adapter can be asked: what it sends, keeps and says."""

import asyncio
import time

import pytest

from gate.cloud.channel import Endpoint
from gate.cloud.run import CloudRun
from gate.errors import InfrastructureError, UnavailableError
from tests.contract.cloud_run_in_process import (
    FIRST,
    REF,
    SECOND,
    create_service,
    google_client,
    local_cloud_run,
)

NAME = "projects/demo/locations/us-central1/services/backend"
THIRD = "backend-00003-ccc"


@pytest.fixture
async def host():
    async with local_cloud_run() as address:
        yield address


@pytest.fixture
async def client(host):
    async with google_client(host) as one:
        yield one


@pytest.fixture
async def platform(host, client):
    await create_service(client)
    async with CloudRun(REF, Endpoint(host)) as one:
        yield one


async def test_a_deploy_keeps_the_template_and_replaces_image_and_name(platform, client):
    before = await client.get_service(name=NAME)
    service = await platform.read_service()
    await platform.deploy("broken", THIRD, service.traffic, service.etag)
    after = await client.get_service(name=NAME)
    assert after.template.revision == THIRD
    assert after.template.containers[0].image == "broken"
    assert after.template.annotations.pop("client.knative.dev/user-image") == "broken"
    after.template.revision = before.template.revision
    after.template.containers[0].image = before.template.containers[0].image
    assert after.template == before.template
    assert after.annotations == before.annotations
    assert after.labels == before.labels


async def test_a_move_of_traffic_leaves_the_template_alone(platform, client):
    before = await client.get_service(name=NAME)
    service = await platform.read_service()
    await platform.set_traffic(service.traffic.moved_to(SECOND), service.etag)
    after = await client.get_service(name=NAME)
    assert after.template == before.template
    assert after.latest_created_revision == before.latest_created_revision


async def test_values_that_the_fake_does_not_have(platform):
    service = await platform.read_service()
    assert service.annotations == (("team", "chat"),)
    assert service.last_modifier
    assert service.updated_at.utcoffset().total_seconds() == 0
    revision = await platform.read_revision(FIRST)
    assert (revision.env, revision.timeout_s) == (("MODE",), 60.0)
    assert "a b c" not in repr(revision)


async def test_a_revision_of_another_service_is_not_found(platform, client):
    await create_service(client, "other", ("other-00001-aaa",))
    with pytest.raises(InfrastructureError, match="other-00001-aaa"):
        await platform.read_revision("other-00001-aaa")


async def test_the_servers_words_reach_the_reader(platform):
    service = await platform.read_service()
    tag = "a" * 40  # with the service's name more than 46 characters
    with pytest.raises(InfrastructureError, match="46 characters") as caught:
        await platform.set_traffic(service.traffic.with_tag(tag, FIRST), service.etag)
    assert caught.value.message.startswith("service demo/us-central1/backend: ")
    assert "INVALID_ARGUMENT" in caught.value.message


async def test_a_name_that_is_no_name_is_refused_by_the_server(platform):
    with pytest.raises(InfrastructureError):
        await platform.read_revision("../../x")


async def test_nothing_listening_is_told_soon(unused_tcp_port):
    started = time.monotonic()
    async with CloudRun(REF, Endpoint(f"127.0.0.1:{unused_tcp_port}")) as nowhere:
        with pytest.raises(UnavailableError) as caught:
            await nowhere.read_service()
    assert time.monotonic() - started < 12
    assert caught.value.message == (
        "CLOUD_RUN_EMULATOR_HOST: nothing answers (got connection refused at "
        f"127.0.0.1:{unused_tcp_port}, expected an emulator of Cloud Run)"
    )
    assert "gate local up" in caught.value.hint


async def test_a_proxy_in_the_environment_is_not_asked_for_an_emulator(host, client, monkeypatch):
    await create_service(client)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    async with CloudRun(REF, Endpoint(host)) as platform:
        assert (await platform.read_service()).ref == REF


async def test_a_call_that_is_cancelled_leaves_the_channel_usable(platform):
    task = asyncio.ensure_future(platform.list_revisions())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await platform.read_service()).ref == REF
