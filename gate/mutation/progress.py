"""Says how far a mutation run is and about how long it will go on, and keeps what is known."""

import time
from collections.abc import Callable

SAID_EVERY_S, KEPT_EVERY_S = 10.0, 5.0


class Progressing:
    """How far a run is.

    Args:
        told: hears it in a few words.
        keep: keeps what is known by now.
        now_s: a clock that only goes forward.
    """

    def __init__(
        self,
        told: Callable[[str], None],
        keep: Callable[[], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._told = told
        self._keep = keep
        self._now_s = now_s
        self._said_s = self._kept_s = now_s()

    def of(self, number: int, what: str) -> Callable[[], None]:
        """Begins to count; the function counts one more."""
        pace = self.pace()
        done = 0

        def step() -> None:
            nonlocal done
            done += 1
            self.said(f"{done} of {number} {what}{pace(number - done)}")

        return step

    def pace(self, most_s: float = 86_400.0) -> Callable[[int], str]:
        """Begins to time steps; the function counts one more, and says how long so many take.

        Args:
            most_s: it goes on no longer than this.
        """
        began_s, done = self._now_s(), 0

        def step(left: int) -> str:
            nonlocal done
            done += 1
            took_s = self._now_s() - began_s
            left_s = min(took_s / done * left, most_s - took_s)
            return f", at most some {left_s:.0f} s to go" if left_s >= 1 else ""

        return step

    def said(self, text: str) -> None:
        """Says this unless something was said just now; what is known is kept now and then."""
        now_s = self._now_s()
        if now_s - self._said_s >= SAID_EVERY_S:
            self._said_s = now_s
            self._told(text)
        if now_s - self._kept_s >= KEPT_EVERY_S:
            self.keep()

    def keep(self) -> None:
        """Keeps what is known by now."""
        self._kept_s = self._now_s()
        self._keep()
