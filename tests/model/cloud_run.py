"""Cloud Run as a small model: one service, its traffic, its annotation, what is in effect.

Versions never come again, so that all that matters of one is how old it is: "=" is the current
one, "~" one that only the status has left behind, "-" one from before the last write. Of a
generation it matters how many writes there have been since: the current one has the same number
always, and those that players know grow smaller instead.
"""

import functools
from dataclasses import dataclass, replace
from enum import Enum

from gate.core.annotation import KEY
from gate.core.messages import Deploy, SetTraffic
from gate.core.service import (
    Condition,
    ConditionState,
    Effective,
    Revision,
    Service,
    ServiceRef,
)
from gate.core.traffic import Split
from tests.model.tables import Table

REF = ServiceRef("demo", "us-central1", "backend")
CURRENT, AGED, STALE = "=", "~", "-"
GENERATION = 4
"""The current one; OLDEST stands for every one that is as old, or older."""
OLDEST = 1


class Lock(Enum):
    """Which versions a write may have been decided on."""

    SEEN = "those since the last write"  # v1, as it was seen in 2026-08
    STRICT = "the current one"
    IGNORED = "any"  # v2, as it was seen

    def takes(self, version: str) -> bool:
        """Whether a write that was decided on this version is accepted."""
        return version in _TAKEN[self]


_TAKEN = {
    Lock.SEEN: {CURRENT, AGED},
    Lock.STRICT: {CURRENT},
    Lock.IGNORED: {CURRENT, AGED, STALE},
}


READY = Condition(ConditionState.SUCCEEDED)
BOOTING = Condition(ConditionState.RECONCILING)
BROKEN = Condition(ConditionState.FAILED, "HEALTH_CHECK_CONTAINER_ERROR", "it did not start")


@dataclass(frozen=True, slots=True)
class Cloud:
    """The service as Cloud Run keeps it.

    Attributes:
        desired: the traffic list that was asked for last.
        effective: the list that the front end obeys, LATEST resolved.
        reconciling: whether `effective` is on its way to `desired`; `failed` if it gave up.
        mark: the gate's annotation.
        revisions: name and condition, oldest first.
        people: whether somebody else than the gate wrote last.
    """

    desired: Split
    effective: Split
    revisions: tuple[tuple[str, Condition], ...]
    reconciling: bool = False
    failed: bool = False
    mark: str = ""
    people: bool = False

    @property
    def latest_ready(self) -> str:
        """The newest revision that is ready."""
        return next((name for name, how in reversed(self.revisions) if how is READY), "")

    @property
    def shares(self) -> dict[str, int]:
        """Percents that are asked for, LATEST resolved as it stands."""
        pinned = self.desired.pinned(self.latest_ready).shares
        return {name: percent for name, percent in pinned.items() if name}

    @property
    def shares_asked(self) -> tuple[tuple[str, int], ...]:
        """The same, sorted, to be compared."""
        return tuple(sorted(self.shares.items()))

    def written(self, traffic: Split, mark: str | None = None, revision: str = "") -> "Cloud":
        """After an accepted update: asked for, not yet in effect."""
        new = ((revision, BOOTING),) if revision else ()
        return replace(
            self,
            desired=traffic,
            mark=self.mark if mark is None else mark,
            revisions=self.revisions + new,
            reconciling=True,
            failed=False,
            people=mark is None,
        )

    def settled(self, *, well: bool) -> "Cloud":
        """After a reconcile that ended: what booted is ready, or nothing has changed."""
        how = READY if well else BROKEN
        after = replace(
            self,
            revisions=tuple((name, how if c is BOOTING else c) for name, c in self.revisions),
            reconciling=False,
            failed=not well,
        )
        if not well:
            return after
        return replace(after, effective=after.desired.pinned(after.latest_ready))


CLOUDS: Table[Cloud] = Table()


@functools.cache
def service_of(number: int) -> Service:
    """What a read of the service brings."""
    cloud = CLOUDS[number]
    return Service(
        ref=REF,
        etag=CURRENT,
        generation=GENERATION,
        observed_generation=GENERATION,
        reconciling=cloud.reconciling,
        ready=BROKEN if cloud.failed else READY,
        traffic=cloud.desired,
        effective=tuple(
            Effective(t.revision, t.percent, t.tag, f"https://{t.tag}" if t.tag else "")
            for t in cloud.effective
        ),
        latest_ready=cloud.latest_ready,
        latest_created=cloud.revisions[-1][0],
        uri="https://service",
        last_modifier="a person" if cloud.people else "the gate",
        annotations=((KEY, cloud.mark),) if cloud.mark else (),
    )


@functools.cache
def revisions_of(number: int, names: tuple[str, ...]) -> dict[str, Revision]:
    """What a read of these revisions brings."""
    known = CLOUDS[number].revisions
    return {name: Revision(name, how, name) for name, how in known if name in names}


def applied(number: int, command: Deploy | SetTraffic) -> int:
    """After a write of the gate that was accepted."""
    known = (number, id(command))
    if known not in _APPLIED:
        new = command.revision if isinstance(command, Deploy) else ""
        after = CLOUDS[number].written(command.traffic, command.annotation.text(), new)
        _APPLIED[known] = CLOUDS.keep(after), command
    return _APPLIED[known][0]


_APPLIED: dict[tuple[int, int], tuple[int, Deploy | SetTraffic]] = {}
"""By the command's identity, which is kept with it so that it stays its own."""
