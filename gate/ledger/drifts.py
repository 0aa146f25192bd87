"""Traffic that moved without an entry, and whether recorded decisions have dealt with that since.

A plain deploy that served at once and was quarantined stays to be seen, with who made it; but what
a rollout has taken users off and then decided on, or a person has rolled back, is no fault of the
record any more. Pure.
"""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from gate.ledger.findings import Finding
from gate.ledger.seen import Seen, shares, tags

PENDING_MAX = 64
"""Most moves that wait for a decision at once; beyond, the oldest one is told as a fault."""
DECIDED = {
    "rollout": frozenset({"promoted", "rejected", "regressed", "reverted", "held"}),
    "rollback": frozenset({"rolled back"}),
}
"""By kind of command, the endings that decide on what users were taken off."""
_LATEST = ""

Shares = dict[str, int]


class Drift(msgspec.Struct):
    """A move of all users to one revision, which the very next write took back.

    Attributes:
        revision: where they had been moved; "" where that was LATEST and nobody knows which.
        by: ids of the rollouts that have had that revision at 0 % since.
    """

    finding: Finding
    revision: str
    by: set[str]


class Drifts:
    """Holds moves without an entry against what came after them.

    Args:
        find: hears of those that nothing has dealt with.
        note: hears of those that were taken back and decided on.
    """

    def __init__(self, find: Callable[[Finding], None], note: Callable[[Finding], None]) -> None:
        self.pending: list[Drift] = []
        self._find, self._note = find, note

    def moved(self, finding: Finding, entry: Seen, was: Shares) -> None:
        """Takes a move that the intention `entry` has met.

        Args:
            finding: what is said of it.
            entry: the first intention after it.
            was: percents that the entry before that had asked for.
        """
        now, wanted = shares(entry.traffic_now), shares(entry.traffic_wanted)
        taken_back = bool(wanted) and not wanted.keys() & now.keys() and wanted.keys() <= was.keys()
        if entry.kind not in DECIDED or len(now) != 1 or not taken_back:
            self._find(finding)
            return
        (name,) = now
        self.pending.append(Drift(finding, name or _tagged(entry), {entry.rollout}))
        if len(self.pending) > PENDING_MAX:
            self._find(self.pending.pop(0).finding)

    def intention(self, entry: Seen) -> None:
        """Takes an intention while something is pending: another rollout may ask the same one."""
        placed = tags(entry.traffic_wanted).values()
        wanted = shares(entry.traffic_wanted)
        for one in self.pending:
            if one.revision and one.revision in placed and one.revision not in wanted:
                one.by.add(entry.rollout)

    def outcome(self, entry: Seen) -> None:
        """Takes an outcome while something is pending."""
        if entry.ending not in DECIDED.get(entry.kind, ()):
            return
        for one in [one for one in self.pending if entry.rollout in one.by]:
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


def _tagged(entry: Seen) -> str:
    """The one revision that an intention gives a tag that it had not before, "" if not just one."""
    had = tags(entry.traffic_now)
    new = {to for tag, to in tags(entry.traffic_wanted).items() if had.get(tag, _LATEST) != to}
    return new.pop() if len(new) == 1 else ""
