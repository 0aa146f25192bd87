"""People's approvals of a candidate: which of them count, and what is lacking."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gate.core.permits import Permits, Who, person
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
        authors: who asked for that rollout, by every name that its entry has.
        withdraws: whether it takes back what the same person said before.
        digest: hash of the entry that says so.
    """

    rollout: str
    revision: str
    image: str
    policy_digest: str
    who: Who
    at: datetime
    reason: str = ""
    withdraws: bool = False
    authors: tuple[Who, ...] = ()
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Candidacy:
    """What is to be approved: as an approval must name it.

    Attributes:
        image: by digest, "" where nobody knows it.
        authors: who asks for this rollout, by every name; of a promotion nobody, since its author
            is who asked for the rollout that was approved.
    """

    revision: str
    image: str
    policy_digest: str
    authors: tuple[Who, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """Which approvals count.

    Attributes:
        given: the approvals that count, in the order in which they were given.
        not_counted: the others, each with why.
        lacking: how many are still needed.
    """

    given: tuple[Approval, ...]
    not_counted: tuple[tuple[str, str], ...]
    lacking: int

    @property
    def by(self) -> tuple[str, ...]:
        """Names of those whose approval counts."""
        return tuple(one.who.name for one in self.given)


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
    for one in sorted(approvals, key=lambda one: (one.at, one.withdraws)):
        if one.revision == candidacy.revision or (one.image and one.image == candidacy.image):
            last[person(one.who.name)] = one
    given: list[Approval] = []
    others: list[tuple[str, str]] = []
    for one in sorted(last.values(), key=lambda one: one.at):
        why = _why_not(rule, permits, candidacy, one, at)
        if why:
            others.append((one.who.name, why))
        else:
            given.append(one)
    return Counted(tuple(given), tuple(others), max(0, rule.count - len(given)))


def _why_not(
    rule: ApprovalRule, permits: Permits, candidacy: Candidacy, one: Approval, at: datetime
) -> str:
    checks: Sequence[tuple[bool, str]] = (
        (not one.who.name, "names nobody"),
        (one.withdraws, "was withdrawn"),
        (one.at > at + timedelta(minutes=1), "is dated later than now"),
        (at - one.at > timedelta(seconds=rule.within_s), "has expired"),
        (one.revision != candidacy.revision, f"is for the revision {one.revision}"),
        (not candidacy.image, "cannot be held against the image, whose digest nobody knows"),
        (one.image != candidacy.image, "is for another image"),
        (one.policy_digest != candidacy.policy_digest, "is for another state of the policy"),
    )
    why = next((text for holds, text in checks if holds), "")
    if not why and rule.not_author:
        why = _by_author(permits, one, candidacy.authors)
    return why or _vouched(permits, one.who) or permits.refuses("approve", one.who)


def _by_author(permits: Permits, one: Approval, authors: tuple[Who, ...]) -> str:
    """Why it may be an author's own word, "" if it is not."""
    for which in (one.authors, authors or one.authors):
        if any(_same(one.who, author) for author in which):
            return "is by who asked for the rollout"
        known = [author for author in which if author.name]
        if not any(author.authenticated or permits.claimed for author in known):
            return "may be by who asked for the rollout: nobody vouches for who that was"
    return ""


def _vouched(permits: Permits, who: Who) -> str:
    if who.authenticated or permits.claimed:
        return ""
    return "is by somebody for whose name only their own word vouches"


def _same(one: Who, other: Who) -> bool:
    return person(one.name) == person(other.name)
