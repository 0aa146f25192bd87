"""A local Cloud Logging inside a test's own event loop."""

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import grpc.aio

from gate.local.logging import LogStore, logging_handlers


@asynccontextmanager
async def local_logging():
    """Starts one on a free port; yields its address and its store."""
    store = LogStore(clock=lambda: datetime.now(UTC), ingestion_delay_s=lambda: 0.0)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(logging_handlers(store))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", store
    finally:
        await server.stop(grace=0)
