"""A backend of gRPC: `python -m benchmarks.bench.backend.rpc`. It has the standard health service.

BENCH_DO may say `grpc-status` (what its health is) and `grpc-without-health` (it has no such
service).
"""

import asyncio
import os
import sys

import grpc.aio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from benchmarks.bench.backend.do import behaviours

RPC = frozenset({"grpc-status", "grpc-without-health"})


class Health(health_pb2_grpc.HealthServicer):
    """Answers every question for its health with one status."""

    def __init__(self, status: str) -> None:
        self._status = health_pb2.HealthCheckResponse.ServingStatus.Value(status)

    async def Check(self, request, context):  # noqa: ARG002, N802 - gRPC's names
        return health_pb2.HealthCheckResponse(status=self._status)


async def serve() -> None:
    """Serves until it is ended."""
    dos = behaviours(os.environ.get("BENCH_DO", ""), os.environ.get("BENCH_SEED", ""))
    said = {do.name: do for do in dos}
    if unknown := {*said} - RPC:
        raise SystemExit(f"BENCH_DO: no such behaviour of a gRPC server (got {unknown})")
    server = grpc.aio.server()
    if "grpc-without-health" not in said:
        status = said["grpc-status"]["status"] if "grpc-status" in said else "SERVING"
        health_pb2_grpc.add_HealthServicer_to_server(Health(status), server)
    server.add_insecure_port(f"127.0.0.1:{os.environ['PORT']}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))
