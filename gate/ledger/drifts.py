"""Traffic that moved without an entry, and whether recorded decisions have dealt with that since.

A plain deploy that served at once and was quarantined stays to be seen, with who made it; but what
a rollout has taken users off and then decided on, or a person has rolled back, is no fault of the
record any more. Pure.
"""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from gate.ledger.findings import Finding
from gate.ledger.seen import Seen, candidate, shares, tags, tells_of_candidate

PENDING_MAX = 16
"""Most moves that wait for a decision at once; beyond, the oldest one is told as a fault."""
DECIDED = {
    "rollout": frozenset({"promoted", "rejected", "regressed", "reverted", "held"}),
    "rollback": frozenset({"rolled back"}),
}
"""By kind of command, the endings that decide on what users were taken off."""
_LATEST = ""
_PINS = frozenset({"deploying", "tagging", "untagging"})
"""Phases of writes that leave users where they are: if that was LATEST, then they say which it was.
Any other one may have moved them."""

Shares = dict[str, int]


class Drift(msgspec.Struct):
    """A move of all users to one revision, without an entry.

    Attributes:
        revision: where they were moved; "" where that was LATEST and nobody knows yet which.
        was: the revisions that had users by the entry before.
        taken_back: whether the next write that was to move anybody takes them back to those.
        by: who takes them back, and rollouts that have that revision at 0 % since, until their
            outcome comes; each with the hashes of the intentions that say so: one that lost to
            another write was made again.
    """

    finding: Finding
    revision: str
    was: frozenset[str]
    taken_back: bool = False
    by: dict[str, set[str]] = {}


class _Write(msgspec.Struct):
    """What an intention sets out to do.

    Attributes:
        wanted: percents by revision.
        placed: the revisions that have tags by it.
    """

    entry: Seen
    digest: str
    wanted: Shares
    placed: frozenset[str]

    @classmethod
    def of(cls, entry: Seen, digest: str) -> "_Write":
        placed = frozenset(tags(entry.traffic_wanted).values())
        return cls(entry, digest, shares(entry.traffic_wanted), placed)


class Drifts:
    """Holds moves without an entry against what came after them.

    Args:
        find: hears of those that nothing has dealt with.
        note: hears of those that were taken back and decided on.
    """

    def __init__(self, find: Callable[[Finding], None], note: Callable[[Finding], None]) -> None:
        self.pending: list[Drift] = []
        self._find, self._note = find, note

    def moved(self, finding: Finding, entry: Seen, digest: str, was: Shares) -> None:
        """Takes a move that the intention `entry` has met.

        Args:
            finding: what is said of it.
            entry: the first intention after it.
            digest: its hash.
            was: percents that the entry before that had asked for.
        """
        now = shares(entry.traffic_now)
        drift = Drift(finding, next(iter(now), _LATEST), frozenset(was))
        if len(now) != 1 or not _follows(drift, _Write.of(entry, digest)):
            self._find(finding)
            return
        self.pending.append(drift)
        if len(self.pending) > PENDING_MAX:
            self._find(self.pending.pop(0).finding)

    def intention(self, entry: Seen, digest: str) -> None:
        """Takes an intention while something is pending."""
        write = _Write.of(entry, digest)
        for one in [one for one in self.pending if not _follows(one, write)]:
            self.pending.remove(one)
            self._find(one.finding)

    def outcome(self, entry: Seen, took_effect: Callable[[str], bool]) -> None:
        """Takes an outcome while something is pending.

        Args:
            entry: the outcome.
            took_effect: whether the intention of a hash did, rather than lose to another one.
        """
        mine = [(one, one.by.pop(entry.rollout, ())) for one in self.pending]
        for one in [
            one for one, own in mine if any(map(took_effect, own)) and _decides(entry, one)
        ]:
            self.pending.remove(one)
            text = (
                f"{one.finding.text}; users were taken back, and {entry.kind} {entry.rollout} "
                f"({entry.at}) decided: {entry.ending}"
            )
            self._note(replace(one.finding, text=text))

    def close(self) -> None:
        """No more entries come."""
        for one in self.pending:
            self._find(one.finding)
        self.pending.clear()


def _follows(drift: Drift, write: _Write) -> bool:
    """Whether an intention leaves users there, takes them back, or comes after that."""
    entry, wanted = write.entry, write.wanted
    back = bool(wanted) and wanted.keys() <= drift.was and drift.revision not in wanted
    if not drift.taken_back:
        if not back:
            return _stays(drift, write)
        if entry.kind not in DECIDED:
            return False
        drift.taken_back, drift.revision = True, drift.revision or _tagged(entry)
        drift.by.setdefault(entry.rollout, set()).add(write.digest)
    placed = entry.kind == "rollout" and drift.revision in write.placed
    if drift.revision and placed and drift.revision not in wanted:
        drift.by.setdefault(entry.rollout, set()).add(write.digest)
    return True


def _decides(entry: Seen, drift: Drift) -> bool:
    """Whether an outcome of somebody at work on it since decides on that revision.

    A rollback decides by taking users back. A rollout that does is about the revision they were
    on, also where nobody else knows which one LATEST was; held before anybody had an answer of it,
    it has decided nothing.
    """
    if entry.ending not in DECIDED.get(entry.kind, ()):
        return False
    if entry.kind == "rollback":
        return True
    if entry.ending == "held" and not tells_of_candidate(entry):
        return False
    name = candidate(entry.candidate)
    return bool(name) and name == (drift.revision or name)


def _stays(drift: Drift, write: _Write) -> bool:
    """Whether users stay where they had been moved; LATEST is known once somebody has pinned it."""
    if len(write.wanted) != 1:
        return False
    (name,) = write.wanted
    if name != drift.revision and (drift.revision or write.entry.phase not in _PINS):
        return False
    drift.revision = name
    return True


def _tagged(entry: Seen) -> str:
    """The one revision that an intention gives a tag that it had not before, "" if not just one."""
    had = tags(entry.traffic_now)
    new = {to for tag, to in tags(entry.traffic_wanted).items() if had.get(tag, _LATEST) != to}
    return new.pop() if len(new) == 1 else ""
