"""The data plane of the local Cloud Run is held against both event loops; the rest against one."""

import asyncio

import uvloop

_BOTH = ("test_local_frontend", "test_local_instances")


def pytest_asyncio_loop_factories(config, item):
    """Which loops an asynchronous test runs on (hook of pytest-asyncio)."""
    if item.path.name.startswith(_BOTH):
        return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}
