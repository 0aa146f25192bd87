"""Keeps what the gate set out to do while a rollout runs, for a report that shows each step."""

from gate.core.messages import Command, Deploy, Event, SetTraffic
from gate.core.policy import Json
from gate.core.redaction import Redactor
from gate.core.state import Rollout
from gate.ledger.entry import intention
from gate.ports import Clock, Progress


class Steps:
    """Implements gate.ports.Narrator.

    Args:
        clock: when each was.
        redactor: takes secrets out, as it does for the ledger.
    """

    def __init__(self, clock: Clock, redactor: Redactor) -> None:
        self._clock, self._redactor = clock, redactor
        self.intentions: list[dict[str, Json]] = []

    def doing(self, rollout: Rollout, command: Command) -> None:
        """Keeps each write, as the ledger does."""
        if isinstance(command, Deploy | SetTraffic):
            at = self._clock.now()
            self.intentions.append(intention(rollout, command, at, self._redactor.json))

    def happened(self, rollout: Rollout, event: Event) -> None:
        """Nothing to keep."""

    def progress(self, progress: Progress) -> None:
        """Nothing to keep."""
