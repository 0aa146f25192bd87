"""Rude by default: things take a moment, and what is told runs ahead of what is."""

import time
from datetime import datetime, timedelta

import pytest
from google.cloud import run_v2

from gate.local.faults.delays import Delay
from tests.contract.local_admin import Api, short, template, to, who
from tests.contract.local_faults import Faults
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
    assert not operation.operation.done  # as the reply had it
    finish(operation)
    assert time.monotonic() - started > 0.05


def test_traffic_is_observed_before_it_is_effective_and_then_it_is(api):
    service = api.create()
    old = short(service.latest_ready_revision)
    new = f"{short(service.name)}-new"
    api.deploy(service.name, to(old, 100), revision=new)
    for revision in (new, old):
        moved = api.move(service.name, to(revision, 100))
        assert moved.traffic_statuses[0].revision == revision
        assert moved.observed_generation == moved.generation
        wait_for(service.uri, revision)
    faults = Faults(api.running)
    told, obeyed = (
        [datetime.fromisoformat(moment["at"]) for moment in faults.history(service.name, what)]
        for what in ("told", "obeyed")
    )
    least = timedelta(seconds=Delay.PROPAGATE.value[0])
    assert all(later - sooner >= least for sooner, later in zip(told, obeyed, strict=True))


def wait_for(uri, revision):
    def there():
        try:
            return who(uri) == revision
        except ValueError:  # not routed yet: the front end's own 404 page is no JSON
            return False

    eventually(there)
