"""What goes on, one line for each thing worth saying: for logs and for pipes."""

from collections.abc import Callable, Sequence

from gate.core.state import Rollout
from gate.ports import Progress
from gate.report.lines import Line
from gate.report.progress.narrator import MessageNarrator
from gate.report.safe import WHOLE, safe


class PlainNarrator(MessageNarrator):
    """Implements gate.ports.Narrator with lines of plain text, as long as they need to be.

    Args:
        write: takes one line, without its line break.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def _said(self, lines: Sequence[Line], rollout: Rollout) -> None:  # noqa: ARG002 - a line says it all
        for line in lines:
            self._write(" " * line.indent + safe(line.text, WHOLE))

    def _progressed(self, lines: Sequence[Line], progress: Progress) -> None:  # noqa: ARG002
        for line in lines:
            self._write(" " * line.indent + safe(line.text, WHOLE))
