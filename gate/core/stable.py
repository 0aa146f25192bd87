"""Which revision a rollback goes back to, on what evidence; and what lies on the way to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gate.core.annotation import Denied, RolloutAnnotation, UnreadableAnnotation
from gate.core.denylist import BY_OTHER_MEANS, against
from gate.core.denylist import why as decided
from gate.core.service import ConditionState, Revision, Service
from gate.core.state import Past
from gate.core.traffic import Split

IRREVERSIBLE = "cloud-run-gate/irreversible"
"""Annotation of a revision (in its template) that cannot be gone back across, e.g. for a migration
that older code does not understand; its value says why."""
LIKELY_MAX = 3
"""Most targets that a refusal proposes."""
_NEVER = datetime.min.replace(tzinfo=UTC)


def before_rollout(service: Service) -> str:
    """The revision that had all users before the rollout whose candidate has some of them now.

    Returns:
        A short revision name; "" where no rollout is under way or left half-way, where its
        candidate has no users, where somebody has moved them since, or where they were split
        before.
    """
    try:
        annotation = service.rollout_annotation
    except UnreadableAnnotation:
        return ""
    now = service.traffic.pinned(service.latest_ready).shares
    ours = bool(annotation.holder) and now == dict(annotation.wrote) != dict(annotation.safe)
    return annotation.safe[0][0] if ours and len(annotation.safe) == 1 else ""


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where a rollback without a named target goes, or what it proposes instead.

    Attributes:
        revision: short name, "" where nothing is certain enough to go there unasked.
        why: what speaks for it; "" without one.
        likely: the likely targets with what speaks for each, best first, where there is none.
        denied: those that are ready and denied, or rejected last, with why: named, never proposed.
    """

    revision: str = ""
    why: str = ""
    likely: tuple[tuple[str, str], ...] = ()
    denied: tuple[tuple[str, str], ...] = ()


def way_back(service: Service, revisions: Sequence[Revision], past: Past | None = None) -> WayBack:
    """The revision to go back to: by what is under way, the annotation, the ledger, in this order.

    Never one that does not exist, is not ready, is denied, or only seems right by its age.

    Args:
        service: as it stands now.
        revisions: those that exist; where they were not listed, whoever goes there looks.
        past: what the ledger remembers, None where nobody asked it.
    """
    if back := before_rollout(service):
        return WayBack(back, "it had all users before the rollout that is under way")
    field = _Field.of(service, revisions)
    past = past or Past()
    for name, why in (*_by_annotation(field), *_by_ledger(field, past)):
        if name in field.fit or (name and not revisions and not field.denies(name)):
            return WayBack(name, why)
    likely: dict[str, str] = {}
    rejected = dict(past.against)
    for name, why in _likely(field):
        if name not in rejected:
            likely.setdefault(name, why)
    turned_down = ((name, f"{name} {rejected[name]}") for name in field.fit if name in rejected)
    denied = (*field.turned_down, *turned_down)[:LIKELY_MAX]
    return WayBack(likely=tuple(likely.items())[:LIKELY_MAX], denied=denied)


@dataclass(frozen=True, slots=True)
class _Field:
    """What there is to choose from.

    Attributes:
        now: shares in effect, or those that are asked for where none are.
        served: shares in effect.
        fit: revisions that exist, are ready, not denied and not what all users have already.
        older: those of them that are older than whatever has users now, newest first.
        turned_down: the same as fit, but denied, with who decided so.
    """

    annotation: RolloutAnnotation
    now: dict[str, int]
    served: dict[str, int]
    created: dict[str, datetime]
    fit: tuple[str, ...]
    older: tuple[str, ...]
    turned_down: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, service: Service, revisions: Sequence[Revision]) -> "_Field":
        now = service.effective_shares or _named(service.traffic.pinned(service.latest_ready))
        annotation = service.known_annotation
        created = {r.name: r.created_at for r in revisions if r.created_at is not None}
        since = min((created[name] for name in now if name in created), default=None)
        there = [
            r
            for r in sorted(revisions, key=lambda r: created.get(r.name, _NEVER), reverse=True)
            if r.ready.state is ConditionState.SUCCEEDED and now != {r.name: 100}
        ]
        deny = tuple(one for one in annotation.denylist if not _left_for_newer(one, created, since))
        found = {r.name: against(deny, r.name, r.digest or r.image) for r in there}
        fit = tuple(name for name, denied in found.items() if denied is None)
        older = tuple(n for n in fit if since is not None and n in created and created[n] < since)
        turned_down = tuple((name, _denied(name, by)) for name, by in found.items() if by)
        served = service.effective_shares
        return cls(annotation, now, served, created, fit, older, turned_down)

    def denies(self, name: str) -> bool:
        """Whether the annotation denies a revision of which no more than its name is known."""
        return against(self.annotation.denylist, name, "") is not None

    @property
    def moved_by_others(self) -> bool:
        """Whether somebody has moved users since the gate did."""
        return bool(self.annotation.wrote) and dict(self.annotation.wrote) != self.now

    def oldest_with_users(self, name: str) -> bool:
        """Whether it shares users with newer ones only, as while somebody tries those."""
        own = self.created.get(name)
        others = [self.created.get(one) for one in self.served if one != name]
        if own is None or name not in self.served or not others:
            return False
        return all(at is not None and at > own for at in others)


def _by_annotation(field: _Field) -> Iterator[tuple[str, str]]:
    """By the annotation: what had all users before the gate's last move, if that one stands.

    Where somebody has moved users since, what the gate gave them to is what served before; but not
    where that is the newer one: then whoever moved them wanted to be rid of it. Of a rollout that
    is at work, or died, it is what users had before its first step.
    """
    safe = field.annotation.safe if field.annotation.holder else ()
    before, wrote = _sole(field.annotation.before), _sole(safe or field.annotation.wrote)
    if not field.moved_by_others:
        yield before, "it had all users before the gate moved them last"
        return
    if wrote in field.older or field.oldest_with_users(wrote):
        yield wrote, "the gate gave it all users last, and somebody has moved them on since"
    if before in field.older:
        yield before, "it had all users before the gate moved them last, and it is older"


def _by_ledger(field: _Field, past: Past) -> Iterator[tuple[str, str]]:
    """By the record: the way back of the promotion that led here, then what users were seen on."""
    for move in past.moves:
        if dict(move.after) == field.now != dict(move.before):
            yield _sole(move.before), "the ledger shows that it had all users before this"
    against = dict(past.against)
    for name in field.older:
        if name in past.served and name not in against:
            yield name, "it is the newest older one that the ledger has seen users on"


def _likely(field: _Field) -> Iterator[tuple[str, str]]:
    """What may be meant: said, never taken. What people have just left comes late."""
    now = sorted(field.served.items(), key=_least_first)
    before = sorted(field.annotation.before, key=_least_first)
    wrote = sorted(field.annotation.wrote if field.moved_by_others else (), key=_least_first)
    left = "the gate gave it users last, and somebody has moved them away since"
    ways = [
        *(
            (name, f"it has {percent} % of the traffic now, and the others are newer")
            for name, percent in now
            if field.oldest_with_users(name)
        ),
        *(
            (n, f"it had {percent} % of the traffic before the gate's last move")
            for n, percent in before
        ),
        *((name, "it is ready, and older than what has users now") for name in field.older),
        *((name, f"it has {percent} % of the traffic now") for name, percent in now),
        *((name, left) for name, _ in wrote),
    ]
    if not field.served:  # else a newer one that nobody knows is no way back
        ways += [(name, "it is ready; nothing says that it ever had users") for name in field.fit]
    yield from ((name, why) for name, why in ways if name in field.fit)


def _left_for_newer(
    denied: Denied, created: Mapping[str, datetime], since: datetime | None
) -> bool:
    """Whether it lost its users to what is newer and has them now, by other means than the gate.

    That is what a plain deploy does, too: it bars promotions, and is no word against the way back.
    """
    own = created.get(denied.revision)
    if own is None or since is None:
        return False
    return denied.reason == BY_OTHER_MEANS and own < since


def _denied(name: str, by: Denied) -> str:
    same = "" if by.revision == name else f"{name} has the same image: "
    return same + decided(by)


def _least_first(line: tuple[str, int]) -> int:
    return -line[1]


def _sole(shares: Sequence[tuple[str, int]]) -> str:
    return shares[0][0] if len(shares) == 1 else ""


def _named(split: Split) -> dict[str, int]:
    return {name: percent for name, percent in split.shares.items() if name}


def irreversible_between(
    revisions: Sequence[Revision], target: str, service: Service
) -> tuple[str, ...]:
    """Why one cannot simply go back to the target: marks of the revisions newer than it.

    Args:
        revisions: all that exist.
        target: short name of the revision to go back to.
        service: as it stands now; revisions newer than those with traffic do not matter.

    Returns:
        `NAME: WHY` of each revision marked as irreversible that is newer than the target and not
        newer than the newest revision with traffic.
    """
    created = {r.name: r.created_at for r in revisions}
    since = created.get(target)
    serving = [created.get(name) for name in service.effective_shares]
    until = max((at for at in serving if at is not None), default=None)
    if since is None or until is None:
        return ()
    return tuple(
        f"{r.name}: {why}"
        for r in revisions
        if (why := dict(r.annotations).get(IRREVERSIBLE))
        and r.created_at is not None
        and since < r.created_at <= until
    )
