"""The traffic list of a service: what is allowed in it, and what it means.

Pure. Sources: google.cloud.run.v2.TrafficTarget, run/docs/rollouts-rollbacks-traffic-migration.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gate.local.admin.conditions import Standing
from gate.local.admin.messages import BY_NAME, LATEST, TrafficTarget, TrafficTargetStatus
from gate.local.admin.names import check_tag, check_target, short
from gate.local.api.errors import invalid

MAX_TARGETS = 2_000


@dataclass(frozen=True, slots=True)
class Routes:
    """A traffic list with every target resolved to a revision.

    Attributes:
        shares: (revision's short name, percent above 0), merged, summing to 100.
        tags: (tag, revision's short name).
    """

    shares: tuple[tuple[str, int], ...] = ()
    tags: tuple[tuple[str, str], ...] = ()

    def percent(self, revision: str) -> int:
        """Gives the share of the service's requests that a revision gets."""
        return dict(self.shares).get(revision, 0)

    def standing(self, revision: str) -> Standing:
        """Tells what a revision is to this traffic."""
        if self.percent(revision):
            return Standing.SERVING
        tagged = any(name == revision for _, name in self.tags)
        return Standing.RESERVE if tagged else Standing.RETIRED

    def revisions(self) -> frozenset[str]:
        """Gives every revision that can be reached."""
        return frozenset(name for name, _ in self.shares) | {name for _, name in self.tags}


def with_default(targets: Sequence[TrafficTarget]) -> list[TrafficTarget]:
    """Gives the list that an empty one stands for: 100 % to the latest ready revision."""
    return list(targets) or [TrafficTarget(type_=LATEST, percent=100)]


def check_traffic(field: str, targets: Sequence[TrafficTarget], service: str) -> None:
    """Refuses a traffic list that Cloud Run refuses before it tries to route.

    Whether the revisions exist is found out while reconciling. The text for a wrong sum is not
    known; the rule is (run/docs/rollouts-rollbacks-traffic-migration).

    Raises:
        ApiError: INVALID_ARGUMENT.
    """
    if len(targets) > MAX_TARGETS:
        raise invalid(field, f"too many targets (got {len(targets)}, expected <= {MAX_TARGETS})")
    for index, target in enumerate(targets):
        _check_target(f"{field}[{index}]", target, service)
    total = sum(target.percent for target in targets)
    if total != 100:
        raise invalid(field, f"percentages must add up to 100 (got {total})")
    for tag, count in Counter(target.tag for target in targets if target.tag).items():
        if count > 1:
            raise invalid(field, f"tag {tag!r} must be used once (got {count} times)")


def names_latest(targets: Iterable[TrafficTarget]) -> bool:
    """Tells whether any target follows the latest ready revision."""
    return any(target.type_ == LATEST for target in targets)


def names(targets: Iterable[TrafficTarget]) -> list[str]:
    """Gives the short names of the revisions that targets name, in their order."""
    return list(dict.fromkeys(short(t.revision) for t in targets if t.type_ == BY_NAME))


def resolve(targets: Iterable[TrafficTarget], latest: str) -> Routes:
    """Gives every target its revision; `latest` is the short name that LATEST stands for."""
    shares: Counter[str] = Counter()
    tags: dict[str, str] = {}
    for target in targets:
        revision = latest if target.type_ == LATEST else short(target.revision)
        shares[revision] += target.percent
        if target.tag:
            tags[target.tag] = revision
    positive = tuple((name, percent) for name, percent in shares.items() if percent)
    return Routes(positive, tuple(tags.items()))


def statuses(
    targets: Iterable[TrafficTarget], uris: Mapping[str, str]
) -> list[TrafficTargetStatus]:
    """Gives the observed traffic: one status a target, with the address of each tag.

    A LATEST entry names no revision, as in recorded answers of v2: clients have to resolve it.

    Args:
        targets: the traffic that is now in effect.
        uris: address by tag.
    """
    return [
        TrafficTargetStatus(
            type_=target.type_,
            revision=short(target.revision) if target.type_ == BY_NAME else "",
            percent=target.percent,
            tag=target.tag,
            uri=uris.get(target.tag, "") if target.tag else "",
        )
        for target in targets
    ]


def without_revision(targets: Iterable[TrafficTarget], revision: str) -> list[TrafficTarget]:
    """Gives the list without the 0 % targets that name a revision: what a delete cleans up."""
    return [
        target
        for target in targets
        if target.percent or target.type_ != BY_NAME or short(target.revision) != revision
    ]


def without_tags(targets: Iterable[TrafficTarget], tags: frozenset[str]) -> list[TrafficTarget]:
    """Gives the list without the 0 % targets of these tags."""
    return [target for target in targets if target.percent or target.tag not in tags]


def evictable_tags(targets: Iterable[TrafficTarget], excess: int) -> frozenset[str]:
    """Picks the tags that go when a region has too many: without percent, in list order.

    Source: run/quotas (2000 tags a project and region; the oldest without traffic go first, from
    the service that gets the new tag). The list's order stands for age.
    """
    idle = [target.tag for target in targets if target.tag and not target.percent]
    return frozenset(idle[:excess])


def _check_target(field: str, target: TrafficTarget, service: str) -> None:
    if target.type_ not in (LATEST, BY_NAME):
        raise invalid(f"{field}.type", "must be LATEST or REVISION (got none)")
    if not 0 <= target.percent <= 100:
        raise invalid(f"{field}.percent", f"must be from 0 to 100 (got {target.percent})")
    if target.type_ == LATEST and target.revision:
        what = f"must be empty for the latest revision (got {target.revision[:80]!r})"
        raise invalid(f"{field}.revision", what)
    if target.type_ == BY_NAME:
        check_target(f"{field}.revision", target.revision, service)
    if target.tag:
        check_tag(f"{field}.tag", target.tag, service)
