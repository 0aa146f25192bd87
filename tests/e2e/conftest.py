"""One calm local Cloud Run for each worker; a service of its own for each test."""

import itertools
import secrets

import pytest

from examples.backend.tokens import mint
from tests.e2e.safety import moody_images, named, site
from tests.e2e.stage import Stage, write_images
from tests.local_cloud_run import start_local_cloud_run

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    return write_images(folder / "images.yaml", moody_images(folder))


@pytest.fixture(scope="session")
def cloud(images):
    running = start_local_cloud_run(images)
    yield running
    assert running.stop() == 0


@pytest.fixture
def stage_of(request):
    """Sets up a service with one image, serving; takes it down at the end."""
    stages = []

    def set_up(image, on=None, env=None):
        cloud = on or request.getfixturevalue("cloud")
        stage = Stage(cloud, f"service-{next(_NUMBERS)}")
        service = cloud.create_service(stage.name, image=image, env=env)
        stage.first = service.latest_ready_revision.rpartition("/")[2]
        stages.append(stage)
        return stage

    yield set_up
    for stage in stages:
        if stage.cloud.process.poll() is None:
            stage.cloud.services().delete_service(name=stage.full_name)


MARK_LOST = {"test_an_annotation_that_nobody_can_read_stops_rollouts_and_not_a_rollback"}
"""Tests in which somebody destroys the service's own word for its last write."""


def assert_whole(site, *, but):
    """Whatever a test did to gates and traffic, its record is whole but for what people moved."""
    if not site.gate("audit", "list", "--output", "json", *site.where).json:
        return
    report = site.gate("audit", "verify", "--output", "json", *site.where).json
    found = {one["what"] for one in report["findings"]} - {"drift"}
    assert bool(found) is but, report


@pytest.fixture
def shop(cloud, images, request):
    """A service whose revisions may be spoilt, or held up, while they are asked."""
    with site(cloud, images.parent, named(request)) as one:
        one.go.unlink(missing_ok=True)
        one.spoilt.unlink(missing_ok=True)
        one.create()
        yield one
        assert_whole(one, but=request.node.name in MARK_LOST)


@pytest.fixture
def small(stage_of):
    """A service whose revisions start in no time."""
    return stage_of("small:v1")


@pytest.fixture
def backend_of(stage_of):
    """Sets up the example backend at v1, with tokens for alice and bob."""

    def set_up(on=None):
        key = secrets.token_urlsafe(32)
        stage = stage_of("backend:v1", on, {"JWT_SECRET_KEY": key})
        stage.secrets |= {
            "STAGING_JWT_ALICE": mint("alice", key),
            "STAGING_JWT_BOB": mint("bob", key),
        }
        return stage

    return set_up
