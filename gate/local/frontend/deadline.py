"""One deadline that is moved with every request, at next to no cost."""

import asyncio
import time
from collections.abc import Callable


class Deadline:
    """Calls back once when the time last set is up.

    A timer of the loop is only moved when the new time comes before it; otherwise it is looked
    at again when it goes off.

    Args:
        expired: called when the time is up; it may set a new one.
    """

    __slots__ = ("_due_s", "_expired", "_timer", "_timer_s")

    def __init__(self, expired: Callable[[], None]) -> None:
        self._expired = expired
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = self._due_s = 0.0

    def expire_in(self, seconds: float) -> None:
        """Sets the deadline anew."""
        self._due_s = time.monotonic() + seconds
        if self._timer is not None:
            if self._timer_s <= self._due_s:
                return
            self._timer.cancel()
        self._start(seconds)

    def stop(self) -> None:
        """There is no deadline any more, and none can be set; lets go of the callback."""
        self._expired = _nothing
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self, seconds: float) -> None:
        self._timer_s = self._due_s
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        left_s = self._due_s - time.monotonic()
        if left_s > 0:
            self._start(left_s)
        else:
            self._expired()


def _nothing() -> None:
    """What an ended deadline calls."""
