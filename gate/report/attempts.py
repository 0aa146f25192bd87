"""The ledger's entries put together: one attempt for each rollout id."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from gate.core.fields import Entry, child, children, flag, number, text
from gate.core.recorded import TAKEN_BACK, UNFINISHED, Decision, put_together
from gate.report.safe import safe
from gate.report.words import shares_text

__all__ = ["TAKEN_BACK", "UNFINISHED", "Attempt", "attempts", "when"]

UNKNOWN = "?"
_RETURNED = frozenset({"reverted", "regressed"})
"""Endings of those that moved traffic and moved it back."""


@dataclass(frozen=True, slots=True)
class Attempt(Decision):
    """One decision as it is shown."""

    @property
    def at(self) -> str:
        """The same for a table."""
        return when(self.began)

    @property
    def unended(self) -> str:
        """Why it has no outcome; "" where it has one."""
        if self.outcome is not None:
            return ""
        return unended(self.taken_back_by, known=self.known_ended)

    @property
    def candidate(self) -> str:
        """The candidate's name, or "" where no outcome names it."""
        return text(child(self.head, "candidate"), "revision")

    @property
    def before(self) -> str:
        """Traffic before it."""
        if self.outcome is not None:
            return split_shares(self.outcome, "traffic_before")
        return split_shares(self.head, "traffic_now")

    @property
    def meant(self) -> str:
        """The same, LATEST by the name of what it meant where that is recorded."""
        meant = shares_meant(self.head)
        follows = any(
            number(line, "percent") and not text(line, "revision")
            for line in children(self.head, "traffic_before")
        )
        return shares_text(meant) if follows and meant and "" not in meant else self.before

    @property
    def moved(self) -> bool:
        """Whether traffic went elsewhere, as far as is known; LATEST counts as what it meant."""
        if self.before == UNKNOWN and not self.intentions:
            return False  # it ended before it wrote anything
        meant = shares_meant(self.head)
        return self.after not in {self.before, shares_text(dict(sorted(meant.items())))}

    @property
    def returned(self) -> bool:
        """Whether traffic went elsewhere meanwhile, and came back."""
        return not self.moved and self.ending in _RETURNED

    @property
    def quarantined(self) -> bool:
        """Whether users were on the candidate, and were to be taken off it first."""
        return bool(child(child(self.head, "quarantine"), "users_were_on"))

    @property
    def on_again(self) -> bool:
        """Whether users were taken off the candidate meanwhile, and are on it again."""
        return self.outcome is not None and on_again(self.outcome)

    @property
    def after(self) -> str:
        """Traffic in effect after it; of an unfinished one nobody knows."""
        if self.outcome is None:
            return UNKNOWN
        return effective(self.outcome)


def unended(taken_back_by: str, *, known: bool = False) -> str:
    """Why a decision has no outcome, in the one sentence that everything says.

    Args:
        taken_back_by: id of the rollout that took back what it left, "" where none did.
        known: whether the service says that it has ended.
    """
    if known:
        return "no outcome is recorded yet: it has ended, and its record is on the way"
    if taken_back_by:
        by = safe(taken_back_by)
        return f"no outcome is recorded: the gate was killed half-way, and {by} took it back"
    return "no outcome is recorded: it is still going on, or the gate was killed half-way"


def shares_meant(outcome: Entry) -> dict[str, int]:
    """Who had users before, LATEST by its name; a quarantine had taken them off by then."""
    found = child(child(outcome, "quarantine"), "users_were_on")
    return {name: number(found, name) or 0 for name in found} or {
        text(line, "revision"): number(line, "percent") or 0 for line in children(outcome, "stable")
    }


def on_again(outcome: Entry) -> bool:
    """Whether a quarantine took users off its candidate, and they are where they were."""
    had = child(child(outcome, "quarantine"), "users_were_on")
    same = effective(outcome) == shares_text(dict(sorted(shares_meant(outcome).items())))
    return bool(had) and text(outcome, "ending") == "promoted" and same


def attempts(entries: Sequence[Entry], *, whole: bool = False) -> list[Attempt]:
    """One attempt for each rollout id, newest first as the entries must be.

    Args:
        entries: newest first.
        whole: whether these are all entries that there are of these rollouts.
    """
    return [shown(one) for one in put_together(entries, whole=whole)]


def shown(decision: Decision) -> Attempt:
    """A decision with what is shown of it."""
    return Attempt(
        decision.id,
        decision.intentions,
        decision.outcome,
        decision.taken_back_by,
        decision.known_ended,
        decision.disputed,
        decision.whole,
    )


def when(at: str) -> str:
    """A recorded moment, to the second and in UTC; as it is where it is none."""
    try:
        return f"{datetime.fromisoformat(at).astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return safe(at, 30)


def split_shares(entry: Entry, key: str) -> str:
    """Who gets how many percent, of a recorded split."""
    shares: dict[str, int] = {}
    for line in children(entry, key):
        percent = number(line, "percent")
        if percent:
            shares[text(line, "revision")] = percent
    return shares_text(shares) if shares else UNKNOWN


def split_tags(entry: Entry, key: str) -> list[str]:
    """The tags of a recorded split: `candidate -> backend-00002-abc`."""
    return [
        f"{safe(text(line, 'tag'))} -> {safe(text(line, 'revision') or 'LATEST')}"
        for line in children(entry, key)
        if text(line, "tag")
    ]


def apart(outcome: Entry) -> bool:
    """Whether users reach other revisions than was asked for, as far as that is recorded.

    Older gates recorded that, too, where the shares were right and a change was under way.
    """
    if flag(outcome, "in_effect") is not False:
        return False
    known = bool(child(outcome, "effective_after")) and flag(outcome, "reconciling") is True
    return not (known and split_shares(outcome, "traffic_after") == effective(outcome))


def effective(outcome: Entry) -> str:
    """Who got how many percent in effect after it; what was asked for where that is unknown."""
    recorded = child(outcome, "effective_after")
    shares = {name: number(recorded, name) or 0 for name in recorded}
    return shares_text(shares) if shares else split_shares(outcome, "traffic_after")
