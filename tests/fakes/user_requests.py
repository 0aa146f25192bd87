"""Users in memory: how many requests of theirs there are by now."""

from collections.abc import Callable
from datetime import datetime

from gate.core.user_requests import Counts, Distribution, RequestCounts
from gate.ports import RequestQuery
from tests.fakes.script import Script

Users = Callable[[float], tuple[int, int]]
"""How many requests the candidate has answered well, and with 5xx, so many seconds into a step."""


def nobody(_: float) -> tuple[int, int]:
    """No user is there."""
    return 0, 0


class FakeUserRequests(Script):
    """Implements gate.ports.UserRequests; stable has twenty times as many, all of them good.

    Attributes:
        users: what the candidate answers.
        queries: what was asked so far.
    """

    def __init__(self, users: Users = nobody) -> None:
        super().__init__()
        self.users = users
        self.queries: list[RequestQuery] = []

    async def count(self, query: RequestQuery) -> RequestCounts:
        """What there is by now."""
        self.enter("count")
        self.queries.append(query)
        good, bad = self.users(_seconds(query.since, query.now))
        own = _counts(good, bad)
        stable = tuple((name, _counts(20 * (good + bad))) for name in query.stable)
        return RequestCounts(own, stable, query.since, query.now)


def _seconds(since: datetime, now: datetime) -> float:
    return (now - since).total_seconds()


def _counts(good: int, bad: int = 0) -> Counts:
    return Counts((0, good, 0, 0, bad), 0, Distribution.of([0.02] * (good + bad)))
