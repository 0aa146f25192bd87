"""The front end as it is, in a process of its own: routing, leases, request log (in memory).

    frontend_process.py UPSTREAM_PORT

Prints its URL, then its memory (resident KiB) for each line read, until the input ends.
"""

import asyncio
import random
import sys
from collections import deque
from pathlib import Path

import uvloop

from gate.local.frontend.loopback import LoopbackFrontEnd
from gate.local.instances.pool import RevisionPool
from gate.local.instances.settings import InstanceSettings
from gate.local.ports import (
    ContainerSpec,
    Lease,
    LogLine,
    RevisionKey,
    RevisionSpec,
    ServiceKey,
    Share,
)

SERVICE = ServiceKey("demo", "us-central1", "backend")
KEYS = (RevisionKey(SERVICE, "backend-00001-abc"), RevisionKey(SERVICE, "backend-00002-def"))


class MemorySink:
    def __init__(self):
        self.lines = deque(maxlen=10_000)

    def append(self, line: LogLine) -> None:
        self.lines.append(line)


class Running:
    """An instance that is there already."""

    def __init__(self, key, port):
        self.lease = Lease(key, f"instance-of-{key.revision}", "127.0.0.1", port)

    async def stop(self):
        pass


class Places:
    """The real accounting of places, over an instance that the benchmark has started."""

    def __init__(self, port):
        knobs = InstanceSettings(idle_s=3600)
        self.pools = {
            key: RevisionPool(
                RevisionSpec(key, ContainerSpec(""), concurrency=100_000), self, knobs
            )
            for key in KEYS
        }
        self.port = port

    async def start(self, spec, reason, ended):  # noqa: ARG002 - as Launcher.start
        return Running(spec.key, self.port)

    def try_acquire(self, key, instance_id=""):
        return self.pools[key].try_acquire(instance_id)

    async def acquire(self, key):
        return await self.pools[key].acquire()

    def release(self, lease):
        self.pools[lease.key].release(lease)


def resident_kib():
    return Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]


async def main(port):
    places = Places(port)
    for pool in places.pools.values():
        await pool.boot()
    front_end = LoopbackFrontEnd(places, MemorySink(), random.Random(1))
    front_end.route(SERVICE, None, (Share(KEYS[0], 90, 3600), Share(KEYS[1], 10, 3600)))
    print(await front_end.open(SERVICE, None), flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        print(resident_kib(), flush=True)


uvloop.run(main(int(sys.argv[1])))
