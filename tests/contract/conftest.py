"""One local Cloud Run for each worker; its data plane is tested on the loop that it runs on."""

import asyncio

import pytest
import uvloop

from tests.contract.credentials_stage import (  # noqa: F401 - fixtures
    certificate,
    google_apis,
    metadata,
)
from tests.local_cloud_run import start_local_cloud_run, write_images

_DATA_PLANE = ("test_local_frontend", "test_local_instances")
_BOTH = ("test_local_frontend_processes",)  # all of it together; tests elsewhere run it on asyncio


def pytest_asyncio_loop_factories(config, item):
    """Which loops an asynchronous test runs on (hook of pytest-asyncio)."""
    loops = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    name = item.path.name
    if not name.startswith(_BOTH):
        del loops["asyncio" if name.startswith(_DATA_PLANE) else "uvloop"]
    return loops


@pytest.fixture(scope="session")
def local_images(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def local_cloud_run(local_images):
    """A calm, ephemeral local Cloud Run."""
    running = start_local_cloud_run(local_images)
    yield running
    assert running.stop() == 0


@pytest.fixture
async def stand():
    """A front end before scripted instances."""
    from tests.contract.local_front_end import standing  # noqa: PLC0415 - for a few modules only

    async with standing() as stand:
        yield stand
