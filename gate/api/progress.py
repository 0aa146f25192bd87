"""Tells a caller what goes on, line by line; a listener that fails is not called again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.api.outcome import Outcome
from gate.core.state import Rollout
from gate.report.progress.narrator import MessageNarrator
from gate.report.safe import WHOLE, safe

if TYPE_CHECKING:
    from gate import ports
    from gate.report.lines import Line


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing worth saying while a call works.

    Attributes:
        text: one line, as the command prints it; secrets are taken out.
        phase: how far the rollout has come (`probing`, `moving` ...); "" where it does not say.
        probe: the probe that the line tells of, "" for none.
        outcome: how it ended, with the last one; None before.
    """

    text: str
    phase: str = ""
    probe: str = ""
    outcome: Outcome | None = None


Hear = Callable[[Progress], None]
"""Hears what goes on, in the event loop's thread: it must return at once."""


class Listener:
    """Passes on what goes on, until the one who hears it raises."""

    def __init__(self, hear: Hear | None) -> None:
        self._hear = hear

    def say(self, text: str) -> None:
        """Tells of a wait, or of what could not be done beside the decision."""
        self.tell(Progress(text))

    def tell(self, progress: Progress) -> None:
        """Tells of anything."""
        if self._hear is None:
            return
        try:
            self._hear(progress)
        except Exception:  # noqa: BLE001 - whoever listens must not stop a move of traffic
            self._hear = None


class Telling(MessageNarrator):
    """Implements gate.ports.Narrator by telling a listener."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener

    def _said(self, lines: Sequence["Line"], rollout: Rollout) -> None:
        for line in lines:
            self._listener.tell(Progress(_text(line), rollout.phase.value))

    def _progressed(self, lines: Sequence["Line"], progress: "ports.Progress") -> None:
        for line in lines:
            self._listener.tell(Progress(_text(line), probe=progress.probe))


def _text(line: "Line") -> str:
    return safe(line.text, WHOLE)
