"""A clock that only moves when somebody sleeps."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """Implements gate.ports.Clock: `sleep` returns at once and moves `now` forward.

    Attributes:
        slept: every wait so far, in seconds.
    """

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._alarms: list[tuple[datetime, Callable[[], object]]] = []
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The time now, aware, in UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Moves the clock and lets other tasks run once."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Moves the clock; alarms that come due go off in order, at their own time."""
        end = self._now + timedelta(seconds=seconds)
        while due := [alarm for alarm in self._alarms if alarm[0] <= end]:
            alarm = min(due, key=lambda one: one[0])
            self._alarms.remove(alarm)
            self._now = max(self._now, alarm[0])
            alarm[1]()
        self._now = end

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Runs the action when this much time has passed."""
        self._alarms.append((self._now + timedelta(seconds=seconds), action))
