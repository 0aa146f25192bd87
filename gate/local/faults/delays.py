"""Rude by default: seeded delays and small betrayals of the real platform, with a knob to calm it.

Cloud Run takes its time, and its observed state runs ahead of what users get. A client that works
here only when nothing is late does not work there. Every purpose draws from its own stream, so
that a seed gives the same delays to the same sequence of calls, whatever the other parts do.
"""

import random
from enum import Enum

from gate.local.faults.board import Switchboard


class Delay(Enum):
    """What may take a moment: (shortest, most likely, longest) in seconds."""

    ACCEPT = (0.02, 0.1, 0.4)  # from the call until anything happens; the revision appears
    ROUTE = (0.03, 0.2, 0.9)  # from ready revisions until the operation is done
    PROPAGATE = (0.05, 0.4, 2.0)  # from `traffic_statuses` until the front end obeys
    GRANT = (0.05, 0.6, 1.9)  # from a change of an IAM policy until the front end obeys
    DELETE = (0.05, 0.3, 1.2)  # from a delete call until the thing is gone
    INGEST = (0.05, 0.5, 2.0)  # from writing a log entry until readers see it


class Betrayal(Enum):
    """What Cloud Run sometimes does to clients that trust it, with its odds here."""

    # Deleting a tagged revision should drop its tag from the traffic; when that fails, later
    # traffic updates fail too (run/docs/rollouts-rollbacks-traffic-migration, note).
    KEPT_DEAD_TAG = 0.34


class Faults:
    """Draws delays and betrayals from a seed.

    Args:
        seed: any integer; printed at start so that a run can be repeated.
        calm: no artificial delay, no betrayal.

    Attributes:
        board: what is switched on at run time, calm or not.
    """

    def __init__(self, seed: int, *, calm: bool = False) -> None:
        self.seed = seed
        self.calm = calm
        self._streams: dict[str, random.Random] = {}
        self.board = Switchboard(seed)

    def rng(self, purpose: str) -> random.Random:
        """A stream of random numbers of its own, the same for the same seed and purpose."""
        if purpose not in self._streams:
            stream = random.Random(f"{self.seed}:{purpose}")  # noqa: S311 - repeatable, no secret
            self._streams[purpose] = stream
        return self._streams[purpose]

    def delay_s(self, delay: Delay) -> float:
        """How long this takes now, in seconds; 0 when calm."""
        if self.calm:
            return 0.0
        low, mode, high = delay.value
        return self.rng(delay.name).triangular(low, high, mode)

    def ingest_s(self) -> float:
        """How long until a log entry can be read, in seconds: the logging part's delay."""
        return self.delay_s(Delay.INGEST)

    def strikes(self, betrayal: Betrayal) -> bool:
        """Whether this happens now; never when calm."""
        return not self.calm and self.rng(betrayal.name).random() < betrayal.value
