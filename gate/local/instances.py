"""Revisions as processes: the Instances port of the local Cloud Run."""

from pathlib import Path

from gate.local.images import Images
from gate.local.instances_knobs import InstanceKnobs
from gate.local.ports import BootFailure, Lease, LogSink, RevisionKey, RevisionSpec


class ProcessInstances:
    """Runs each instance of a revision as a process of its own (implements Instances, Places).

    Args:
        images: what to run for an image reference.
        sink: takes stdout, stderr and the platform's own lines.
        state_dir: where records of running processes are kept, so that `reap_orphans` of a
            later start can end what a killed local Cloud Run left behind. Made when absent.
        knobs: times and sizes.
    """

    def __init__(
        self, images: Images, sink: LogSink, state_dir: Path, knobs: InstanceKnobs | None = None
    ) -> None:
        raise NotImplementedError

    async def reap_orphans(self) -> int:
        """Ends processes that a killed local Cloud Run left; returns how many. Call it first."""
        raise NotImplementedError

    async def boot(self, spec: RevisionSpec) -> BootFailure | None:
        """As `Instances.boot`."""
        raise NotImplementedError

    def remember(self, spec: RevisionSpec) -> None:
        """As `Instances.remember`."""
        raise NotImplementedError

    async def retire(self, key: RevisionKey) -> None:
        """As `Instances.retire`."""
        raise NotImplementedError

    def try_acquire(self, key: RevisionKey) -> Lease | None:
        """As `Places.try_acquire`."""
        raise NotImplementedError

    async def acquire(self, key: RevisionKey) -> Lease:
        """As `Instances.acquire`."""
        raise NotImplementedError

    def release(self, lease: Lease) -> None:
        """As `Instances.release`."""
        raise NotImplementedError

    async def close(self) -> None:
        """As `Instances.close`."""
        raise NotImplementedError
