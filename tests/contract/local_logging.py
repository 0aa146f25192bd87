"""A local Cloud Logging, and the Cloud Monitoring made of it, inside a test's own event loop."""

import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import grpc.aio

from gate.local.http_server import HttpServer
from gate.local.logging import LogStore, logging_handlers, logging_routes
from gate.local.monitoring import monitoring_handlers, monitoring_routes
from gate.local.one_port import HOST, OnePort


@asynccontextmanager
async def local_logging(lag_s=0.0):
    """Starts one on a free port, for gRPC and REST; yields its address and its store."""
    store = LogStore(clock=lambda: datetime.now(UTC), ingestion_delay_s=lambda: 0.0)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers(logging_handlers(store))
    server.add_generic_rpc_handlers(monitoring_handlers(store, lag_s))
    grpc_port = server.add_insecure_port(f"{HOST}:0")
    await server.start()
    http = HttpServer([*logging_routes(store), *monitoring_routes(store, lag_s)], _free())
    await http.start()
    shared = _free()
    door = OnePort(shared, grpc_port, http.protocol)
    door.start()
    try:
        yield f"{HOST}:{shared.getsockname()[1]}", store
    finally:
        await door.stop()
        await http.stop()
        await server.stop(grace=0)
        door.cut()


def _free():
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind((HOST, 0))
    return listener
