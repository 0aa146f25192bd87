"""Revisions as processes: the Instances port of the local Cloud Run."""

import asyncio
from pathlib import Path

from gate.local.images import ImageSource
from gate.local.instances.command import instance_of
from gate.local.instances.launcher import ProcessLauncher
from gate.local.instances.pool import NO_INSTANCE, RevisionPool
from gate.local.instances.records import Records, end_orphan
from gate.local.instances.settings import InstanceSettings
from gate.local.instances.volumes import Volumes
from gate.local.ports import (
    BootFailure,
    Lease,
    LogSink,
    NoInstanceError,
    RevisionKey,
    RevisionSpec,
)


class ProcessInstances:
    """Runs each instance of a revision as a process of its own (implements Instances, Places).

    Args:
        images: what to run for an image reference, and the secrets.
        sink: takes stdout, stderr and the platform's own lines.
        state_dir: where records of running processes are kept, so that `reap_orphans` of a
            later start can end what a killed local Cloud Run left behind. Made when absent.
        settings: times and sizes.
    """

    def __init__(
        self,
        images: ImageSource,
        sink: LogSink,
        state_dir: Path,
        settings: InstanceSettings | None = None,
    ) -> None:
        self._settings = settings or InstanceSettings()
        self._records = Records(state_dir / "instances")
        self._volumes = Volumes(state_dir / "volumes")
        self._launcher = ProcessLauncher(images, sink, self._records, self._volumes, self._settings)
        self._pools: dict[RevisionKey, RevisionPool] = {}

    async def reap_orphans(self) -> int:
        """Ends processes that a killed local Cloud Run left; returns how many. Call it first.

        They get SIGKILL at once: nothing is left that could still want their answers.
        """
        return await asyncio.to_thread(self._reap)

    async def boot(self, spec: RevisionSpec) -> BootFailure | None:
        """As `Instances.boot`."""
        pool = self._pools.get(spec.key)
        if pool is not None:
            pool.update(spec)
            return await pool.booted()
        pool = self._pools[spec.key] = RevisionPool(spec, self._launcher, self._settings)
        failure = await pool.boot()
        if failure is not None and self._pools.get(spec.key) is pool:
            del self._pools[spec.key]
            await pool.stop()
        return failure

    def remember(self, spec: RevisionSpec) -> None:
        """As `Instances.remember`."""
        pool = self._pools.get(spec.key)
        if pool is None:
            pool = self._pools[spec.key] = RevisionPool(spec, self._launcher, self._settings)
        pool.update(spec)

    async def retire(self, key: RevisionKey) -> None:
        """As `Instances.retire`."""
        pool = self._pools.pop(key, None)
        if pool is not None:
            await pool.stop()

    def try_acquire(self, key: RevisionKey, instance_id: str = "") -> Lease | None:
        """As `Places.try_acquire`."""
        pool = self._pools.get(key)
        return None if pool is None else pool.try_acquire(instance_id)

    async def acquire(self, key: RevisionKey) -> Lease:
        """As `Instances.acquire`."""
        pool = self._pools.get(key)
        if pool is None:
            raise NoInstanceError(503, NO_INSTANCE)
        return await pool.acquire()

    def release(self, lease: Lease) -> None:
        """As `Instances.release`."""
        pool = self._pools.get(lease.key)
        if pool is not None:
            pool.release(lease)

    async def close(self) -> None:
        """As `Instances.close`."""
        pools, self._pools = self._pools, {}
        await asyncio.gather(*(pool.stop() for pool in pools.values()))

    def _reap(self) -> int:
        ended = 0
        for record in self._records.orphans():
            ended += end_orphan(record)
            self._volumes.remove(instance_of(record.marker))
            self._records.remove(record.pid)
        return ended
