"""People's approvals in a verification: those that a move rested on must be there, unaltered. Pure.

They are no part of the chain themselves. An intention that rests on them has their hashes, and its
own hash is on the service.
"""

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from gate.ledger.findings import Finding, What
from gate.ledger.seen import Seen, named

WINDOW = 4_000
"""So many are remembered at most."""
COUNTS_FOR = timedelta(hours=25)
"""No approval counts for longer, clocks that disagree included."""
NO_TIME = timedelta()


class Rested:
    """Holds approvals against what rested on them.

    Args:
        service: `PROJECT/REGION/NAME`.
        find: hears what is wrong.
    """

    def __init__(self, service: str, find: Callable[[Finding], None]) -> None:
        self._service = service
        self._find = find
        self._given: OrderedDict[str, None] = OrderedDict()
        self._missing: OrderedDict[str, tuple[str, str, str]] = OrderedDict()

    def given(self, digest: str) -> None:
        """Takes an approval, or what took one back."""
        self._given[digest] = None
        self._missing.pop(digest, None)
        if len(self._given) > WINDOW:
            self._given.popitem(last=False)

    def rests(self, entry: Seen) -> None:
        """Takes an intention, which may rest on some."""
        for one in named(entry.approvals):
            if one.digest not in self._given and len(self._missing) < WINDOW:
                self._missing[one.digest] = (entry.rollout, entry.at, one.at)

    def close(self, since: str) -> None:
        """No more entries come.

        Args:
            since: when the first of them was written; what was before nobody knows.
        """
        lacking = {
            (rollout, at): None
            for rollout, at, given in self._missing.values()
            if (given and _later(given, since, NO_TIME)) or _later(at, since, COUNTS_FOR)
        }
        for rollout, at in lacking:
            text = (
                f"rollout {rollout} rested on an approval that the ledger does not have: it "
                "was removed or altered"
            )
            self._find(Finding(What.MISSING, text, self._service, rollout, at))


def _later(at: str, since: str, by: timedelta) -> bool:
    """Whether a moment is so much later than another one, or one of them is none."""
    try:
        return datetime.fromisoformat(at) - datetime.fromisoformat(since) >= by
    except (ValueError, TypeError):
        return True
