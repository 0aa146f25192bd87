"""Cloud Run in memory, for one service: guards, generations, slow reconciles, other people.

Follows docs of the Admin API v2: while a service reconciles its effective traffic is the old one; a
reconcile that fails keeps what served last, and `observed_generation` stays behind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gate.core.service import Condition, ConditionState, Effective, Revision, Service, ServiceRef
from gate.core.traffic import Split
from gate.errors import ConflictError, InfrastructureError, NotFoundError, UnavailableError
from gate.ports import Clock
from tests.fakes.clock import FakeClock
from tests.fakes.script import Script

REF = ServiceRef("demo", "us-central1", "backend")
STABLE = "backend-00001-aaa"
SUCCEEDED = Condition(ConditionState.SUCCEEDED)
RECONCILING = Condition(ConditionState.RECONCILING)


@dataclass(frozen=True, slots=True)
class Write:
    """A write that was accepted; `image` and `revision` only where it was a deploy."""

    traffic: Split
    etag: str
    image: str = ""
    revision: str = ""
    annotations: tuple[tuple[str, str], ...] | None = None
    base: str = ""


def _pairs(annotations: Mapping[str, str] | None) -> tuple[tuple[str, str], ...] | None:
    return None if annotations is None else tuple(sorted(annotations.items()))


class FakePlatform(Script):
    """Implements gate.ports.Platform.

    Args:
        revisions: short names of revisions that are there and ready, oldest first.
        traffic: desired and effective at the start; the default is 100 % to the oldest revision.
        clock: dates new revisions.

    Attributes:
        propagation_reads: how many reads of the service a write needs until it is effective.
        reconciles_forever: writes are accepted and never become effective.
        hidden_reads: how many reads of a new revision find nothing yet.
        guards_ignored: a write is accepted whatever version it was decided on, as v2 does.
        status_moves_version: the end of a reconcile gives the service a new version, too; an older
            one is accepted as long as nobody has written since.
        writes: the gate's accepted writes; other people's are not among them.
        overtaken: how many writes had been accepted when a rival of `conflict_once` wrote.
        overwritten: which of them were decided on what somebody had changed since.
    """

    def __init__(
        self,
        revisions: Iterable[str] = (STABLE,),
        traffic: Split | None = None,
        ref: ServiceRef = REF,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self._ref = ref
        self._clock = clock or FakeClock()
        self._revisions: dict[str, Revision] = {}
        for name in revisions:
            self._revisions[name] = self._new_revision(name, f"image-of-{name}", SUCCEEDED)
        self._latest_ready = self._latest_created = next(reversed(self._revisions), "")
        self._desired = traffic or Split.all_to(next(iter(self._revisions)))
        self._effective = self._lines(self._desired)
        self._generation = self._observed = 1
        self._ready = SUCCEEDED
        self._stamp = 1_000_000
        self._current = {self._etag}
        self._reads_left = 0
        self._reconciling = False
        self._next_failure: Condition | None = None
        self._doomed: dict[str, Condition] = {}
        self._hidden: dict[str, int] = {}
        self._lose_reply: UnavailableError | None = None
        self._rival: tuple[Split | None, int] | None = None
        self._modifier = "gate@example.com"
        self._annotations: tuple[tuple[str, str], ...] = ()
        self.exists = True
        self.propagation_reads = 0
        self.reconciles_forever = False
        self.hidden_reads = 0
        self.guards_ignored = False
        self.status_moves_version = False
        self.writes: list[Write] = []
        self.overtaken: int | None = None
        self.overwritten: list[int] = []

    # What tests script

    def human_moves_traffic(self, traffic: Split, by: str = "human@example.com") -> None:
        """Somebody else replaces the traffic list now; the etag changes with it."""
        self._accept(traffic)
        self._modifier = by

    def left(self, traffic: Split, annotations: Mapping[str, str]) -> None:
        """What somebody has left on the service before, in effect."""
        self._annotations = _pairs(annotations) or ()
        self._accept(traffic)
        self._settle()

    def conflict_once(self, traffic: Split | None = None, skip: int = 0) -> None:
        """Somebody else writes just before the next write arrives, so that it conflicts.

        Args:
            traffic: what they ask for; None keeps the list and changes only the etag.
            skip: how many writes arrive before that one.
        """
        self._rival = (traffic, skip)

    def next_revision_fails(
        self, message: str, reason: str = "HEALTH_CHECK_CONTAINER_ERROR"
    ) -> None:
        """The next revision that is deployed will not become ready."""
        self._next_failure = Condition(ConditionState.FAILED, reason, message)

    def lose_next_reply(self, error: UnavailableError | None = None) -> None:
        """The next write happens, and its caller is told that nobody answered."""
        self._lose_reply = error or UnavailableError("Cloud Run: no answer; it may have happened")

    def remove_revision(self, name: str) -> None:
        """Somebody deletes a revision."""
        del self._revisions[name]

    @property
    def traffic(self) -> Split:
        """Desired traffic now."""
        return self._desired

    @property
    def effective(self) -> tuple[Effective, ...]:
        """What the front end obeys now."""
        return self._effective

    # gate.ports.Platform

    async def read_service(self) -> Service:
        """Reads the service; each read brings a reconcile in flight one step closer to its end."""
        self.enter("read_service")
        self._require_service()
        if self._reconciling and not self.reconciles_forever:
            if self._reads_left == 0:
                self._settle()
            self._reads_left -= 1
        return Service(
            ref=self._ref,
            etag=self._etag,
            generation=self._generation,
            observed_generation=self._observed,
            reconciling=self._reconciling,
            ready=self._ready,
            traffic=self._desired,
            effective=self._effective,
            latest_ready=self._latest_ready,
            latest_created=self._latest_created,
            uri=f"https://{self._ref.name}-abc-uc.a.run.app",
            last_modifier=self._modifier,
            updated_at=self._clock.now(),
            annotations=self._annotations,
        )

    async def read_revision(self, name: str) -> Revision:
        """Reads one revision by its short name."""
        self.enter("read_revision")
        self._require_service()
        unseen = self._hidden.get(name, 0)
        if name not in self._revisions or unseen:
            self._hidden[name] = max(0, unseen - 1)
            raise NotFoundError(f"revision {name}: does not exist")
        return self._revisions[name]

    async def list_revisions(self) -> tuple[Revision, ...]:
        """All revisions, newest first."""
        self.enter("list_revisions")
        self._require_service()
        shown = [r for r in self._revisions.values() if not self._hidden.get(r.name)]
        return tuple(reversed(shown))

    async def deploy(
        self,
        image: str,
        revision: str,
        traffic: Split,
        etag: str,
        annotations: Mapping[str, str] | None = None,
        base: str = "",
    ) -> int:
        """Creates a revision and sets the traffic list in the same update."""
        self.enter("deploy")
        if not self.exists and not etag:
            self.exists = True
            self._revisions.clear()
        else:
            self._check_etag(etag)
        if revision in self._revisions:
            raise InfrastructureError(
                f"Revision named '{revision}' with different configuration already exists."
            )
        self._revisions[revision] = self._new_revision(revision, image, RECONCILING)
        self._latest_created = revision
        self._hidden[revision] = self.hidden_reads
        if self._next_failure is not None:
            self._doomed[revision] = self._next_failure
            self._next_failure = None
        return self._write(Write(traffic, etag, image, revision, _pairs(annotations), base))

    async def set_traffic(
        self, traffic: Split, etag: str, annotations: Mapping[str, str] | None = None
    ) -> int:
        """Replaces the traffic list, and the annotations where they are given."""
        self.enter("set_traffic")
        self._check_etag(etag)
        return self._write(Write(traffic, etag, annotations=_pairs(annotations)))

    # How Cloud Run does it

    @property
    def _etag(self) -> str:
        return f'"{self._stamp}"'

    def _require_service(self) -> None:
        if not self.exists:
            raise NotFoundError(f"service {self._ref}: does not exist")

    def _check_etag(self, etag: str) -> None:
        self._require_service()
        if self._rival is not None:
            traffic, skip = self._rival
            self._rival = (traffic, skip - 1) if skip else None
            if not skip:
                self.overtaken = len(self.writes)
                self.human_moves_traffic(traffic or self._desired)
        if etag in self._current:
            return
        if not self.guards_ignored:
            raise ConflictError(
                f"Conflict for resource '{self._ref.name}': version '{etag}' was specified "
                f"but current version is '{self._etag}'."
            )
        self.overwritten.append(len(self.writes))

    def _write(self, write: Write) -> int:
        self._accept(write.traffic)
        if write.annotations is not None:
            self._annotations = write.annotations
        self._modifier = "gate@example.com"
        self.writes.append(write)
        if self._lose_reply is not None:
            error, self._lose_reply = self._lose_reply, None
            raise error
        return self._generation

    def _accept(self, traffic: Split) -> None:
        self._desired = traffic
        self._generation += 1
        self._stamp += 1
        self._current = {self._etag}
        self._reconciling = True
        self._ready = RECONCILING
        self._reads_left = self.propagation_reads

    def _settle(self) -> None:
        self._reconciling = False
        if self.status_moves_version:
            self._stamp += 1
            self._current.add(self._etag)
        self._finish_boots()
        failure = self._failure()
        if failure is not None:
            self._ready = failure
            return
        self._ready = SUCCEEDED
        self._observed = self._generation
        self._effective = self._lines(self._desired)

    def _finish_boots(self) -> None:
        for name, revision in self._revisions.items():
            if revision.ready is RECONCILING:
                verdict = self._doomed.get(name, SUCCEEDED)
                self._revisions[name] = replace(
                    revision, ready=verdict, conditions=(("Ready", verdict),)
                )
                if verdict is SUCCEEDED:
                    self._latest_ready = name

    def _failure(self) -> Condition | None:
        for target in self._desired:
            name = target.revision or self._latest_ready
            if name not in self._revisions:
                text = (
                    f"Revision '{name}' does not exist or is deleted. Update all traffic to "
                    "route to currently available revisions."
                )
                return Condition(ConditionState.FAILED, "INTERNAL", text)
            if self._revisions[name].ready.state is ConditionState.FAILED:
                ready = self._revisions[name].ready
                text = f"Revision '{name}' is not ready and cannot serve traffic. {ready.message}"
                return Condition(ConditionState.FAILED, "REVISION_FAILED", text)
        return None

    def _lines(self, split: Split) -> tuple[Effective, ...]:
        return tuple(
            Effective(
                revision=target.revision,
                percent=target.percent,
                tag=target.tag,
                uri=f"https://{target.tag}---{self._ref.name}-abc-uc.a.run.app"
                if target.tag
                else "",
            )
            for target in split
        )

    def _new_revision(self, name: str, image: str, ready: Condition) -> Revision:
        return Revision(
            name=name,
            ready=ready,
            image=image,
            created_at=self._clock.now(),
            conditions=(("Ready", ready),),
        )
