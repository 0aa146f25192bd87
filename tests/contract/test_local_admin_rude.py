"""Rude by default: things take a moment, and what is told runs ahead of what is."""

import time

import pytest
from google.cloud import run_v2

from tests.contract.local_admin import Api, short, template, to, who
from tests.e2e.stage import eventually
from tests.local_cloud_run import finish, start_local_cloud_run

pytestmark = pytest.mark.xdist_group("local_admin_rude")


@pytest.fixture(scope="module")
def api(local_images):
    running = start_local_cloud_run(local_images, ("--ephemeral", "--port", "0", "--seed", "11"))
    yield Api("grpc", running)
    assert running.stop() == 0


def test_an_operation_takes_a_moment(api):
    started = time.monotonic()
    operation = api.start_create(run_v2.Service(template=template()))
    assert not operation.done()
    finish(operation)
    assert time.monotonic() - started > 0.05


def test_traffic_is_observed_before_it_is_effective_and_then_it_is(api):
    service = api.create()
    old = short(service.latest_ready_revision)
    new = f"{short(service.name)}-new"
    api.deploy(service.name, to(old, 100), revision=new)
    wait_for(service.uri, old)
    early = 0
    for there, back in ((new, old), (old, new)) * 2:
        moved = api.move(service.name, to(there, 100))
        assert moved.traffic_statuses[0].revision == there
        assert moved.observed_generation == moved.generation
        early += who(service.uri) == back
        wait_for(service.uri, there)
    assert early


def wait_for(uri, revision):
    def there():
        try:
            return who(uri) == revision
        except ValueError:  # not routed yet: the front end's own 404 page is no JSON
            return False

    eventually(there)
