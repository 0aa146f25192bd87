"""The ledger's entries put together: one attempt for each rollout id."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gate.core.policy import Json
from gate.report.fields import Entry, child, children, number, text
from gate.report.safe import safe
from gate.report.words import shares_text

UNFINISHED = "unfinished"
UNKNOWN = "?"
_MOVED = frozenset({"promoted", "rolled back", "regressed"})
TAKEN_BACK = "taken back"
"""It never recorded an end, and another rollout has taken back what it left."""

ENDED = "ended; its record is on the way"
"""It has given its lease back; Cloud Logging shows entries a little later than they are written."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One rollout as the ledger has it.

    Attributes:
        id: of the rollout.
        intentions: what the gate was about to do, oldest first.
        outcome: what came of it, None while (or since) nobody recorded that.
        approvals: what people said of it, oldest first.
        taken_back_by: id of the rollout that took back what this one left, or "".
        known_ended: whether the service itself says that it has ended.
        disputed: whether there are outcomes that differ: the first one counts.
    """

    id: str
    intentions: tuple[Entry, ...] = ()
    outcome: Entry | None = None
    approvals: tuple[Entry, ...] = ()
    taken_back_by: str = ""
    known_ended: bool = False
    disputed: bool = False

    @property
    def head(self) -> Entry:
        """The entry that says most of what was asked for."""
        return self.outcome or (self.intentions[0] if self.intentions else {})

    @property
    def ending(self) -> str:
        """How it ended; without an outcome, `taken back` where another rollout says so."""
        if self.outcome:
            return text(self.outcome, "ending")
        if self.known_ended:
            return ENDED
        return TAKEN_BACK if self.taken_back_by else UNFINISHED

    @property
    def doubt(self) -> str:
        """Why it cannot be as it is recorded, "" where nothing speaks against it."""
        if self.disputed:
            return "it has two outcomes that differ, the first is shown, one is forged"
        end = self.outcome or {}
        wrote = self.intentions or end.get("intentions") or end.get("intentions_unkept")
        if "intentions" in end and text(end, "ending") in _MOVED and not wrote:
            return f"it says {text(end, 'ending')}, and knows of no write: it was invented"
        return ""

    @property
    def began(self) -> str:
        """When it began, as far as its entries tell, as it is recorded."""
        first = self.intentions[0] if self.intentions else self.head
        return text(self.head, "started_at") or text(first, "at")

    @property
    def at(self) -> str:
        """The same for a table."""
        return when(self.began)

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
    def moved(self) -> bool:
        """Whether traffic went elsewhere, as far as is known; LATEST counts as what it meant."""
        if self.before == UNKNOWN and not self.intentions:
            return False  # it ended before it wrote anything
        meant = shares_meant(self.head)
        return self.after not in {self.before, shares_text(dict(sorted(meant.items())))}

    @property
    def after(self) -> str:
        """Traffic in effect after it; of an unfinished one nobody knows."""
        if self.outcome is None:
            return UNKNOWN
        return effective(self.outcome)


def shares_meant(outcome: Entry) -> dict[str, int]:
    """Who had users before, LATEST by its name; a quarantine had taken them off by then."""
    found = child(child(outcome, "quarantine"), "users_were_on")
    return {name: number(found, name) or 0 for name in found} or {
        text(line, "revision"): number(line, "percent") or 0 for line in children(outcome, "stable")
    }


def attempts(entries: Sequence[dict[str, Json]]) -> list[Attempt]:
    """One attempt for each rollout id, newest first as the entries must be."""
    found: dict[str, Attempt] = {}
    for entry in entries:
        rollout_id = text(entry, "rollout")
        attempt = found.get(rollout_id) or Attempt(rollout_id)
        if text(entry, "entry") == "outcome":
            other = attempt.outcome not in (None, entry)
            attempt = replace(attempt, outcome=entry, disputed=attempt.disputed or other)
        elif text(entry, "entry") == "approval":
            attempt = replace(attempt, approvals=(entry, *attempt.approvals))
        else:
            attempt = replace(attempt, intentions=(entry, *attempt.intentions))
        found[rollout_id] = attempt
    for attempt in tuple(found.values()):
        for dead in _took_back(attempt):
            if dead in found:
                found[dead] = replace(found[dead], taken_back_by=attempt.id)
    return [one for one in found.values() if one.intentions or one.outcome]


def _took_back(attempt: Attempt) -> list[str]:
    listed = (attempt.outcome or {}).get("took_back")
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


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


def effective(outcome: Entry) -> str:
    """Who got how many percent in effect after it; what was asked for where that is unknown."""
    recorded = child(outcome, "effective_after")
    shares = {name: number(recorded, name) or 0 for name in recorded}
    return shares_text(shares) if shares else split_shares(outcome, "traffic_after")
