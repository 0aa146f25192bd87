"""People's approvals of a candidate: which of them count, and what is lacking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.core.permits import Permits, Who
from gate.errors import ValueProblem

MOST = 20


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """What a policy asks for before users are moved.

    Attributes:
        count: of how many people, 1 to 20.
        not_author: whether whoever asked for the rollout is none of them.
        within_s: for how long an approval counts.
    """

    count: int = 1
    not_author: bool = True
    within_s: float = 24 * 3600.0

    def __post_init__(self) -> None:
        if not 1 <= self.count <= MOST:
            raise ValueProblem("count", f"out of range (got {self.count}, expected 1 to {MOST})")
        if self.within_s <= 0:
            raise ValueProblem("within", f"must be more than 0 (got {self.within_s:g})")


@dataclass(frozen=True, slots=True)
class Approval:
    """What somebody said of a rollout's candidate.

    Attributes:
        rollout: id of the rollout that they looked at.
        revision, image: its candidate, the image by digest where that is known.
        policy_digest: what it was judged by.
        withdraws: whether it takes back what the same person said before.
    """

    rollout: str
    revision: str
    image: str
    policy_digest: str
    who: Who
    at: datetime
    reason: str = ""
    withdraws: bool = False


@dataclass(frozen=True, slots=True)
class Candidacy:
    """What is to be approved: as an approval must name it; `author` asked for it."""

    revision: str
    image: str
    policy_digest: str
    author: Who


@dataclass(frozen=True, slots=True)
class Counted:
    """Which approvals count.

    Attributes:
        by: names of those whose approval counts, in the order in which they gave it.
        not_counted: the others, each with why.
        lacking: how many are still needed.
    """

    by: tuple[str, ...]
    not_counted: tuple[tuple[str, str], ...]
    lacking: int


def count(
    rule: ApprovalRule,
    permits: Permits,
    candidacy: Candidacy,
    approvals: Iterable[Approval],
    at: datetime,
) -> Counted:
    """Which of the approvals count for this candidate at this time.

    One person counts once, by their last word.

    Args:
        rule: how many are needed.
        permits: who may approve.
        candidacy: what is to be approved.
        approvals: those that the ledger has, in any order.
        at: the time now.
    """
    last: dict[str, Approval] = {}
    for one in sorted(approvals, key=lambda one: one.at):
        if one.revision == candidacy.revision or (one.image and one.image == candidacy.image):
            last[one.who.name.lower()] = one
    by: list[str] = []
    others: list[tuple[str, str]] = []
    for one in sorted(last.values(), key=lambda one: one.at):
        why = _why_not(rule, permits, candidacy, one, at)
        if why:
            others.append((one.who.name, why))
        else:
            by.append(one.who.name)
    return Counted(tuple(by), tuple(others), max(0, rule.count - len(by)))


def _why_not(
    rule: ApprovalRule, permits: Permits, candidacy: Candidacy, one: Approval, at: datetime
) -> str:
    checks: Sequence[tuple[bool, str]] = (
        (not one.who.name, "names nobody"),
        (one.withdraws, "was withdrawn"),
        (one.at > at + timedelta(minutes=1), "is dated later than now"),
        (at - one.at > timedelta(seconds=rule.within_s), "has expired"),
        (one.revision != candidacy.revision, f"is for the revision {one.revision}"),
        (one.image != candidacy.image, "is for another image"),
        (one.policy_digest != candidacy.policy_digest, "is for another state of the policy"),
        (rule.not_author and _same(one.who, candidacy.author), "is by who asked for the rollout"),
    )
    why = next((text for holds, text in checks if holds), "")
    return why or permits.refuses("approve", one.who)


def _same(one: Who, other: Who) -> bool:
    return one.name.lower() == other.name.lower()
