"""What goes on, as a live view on a terminal."""

import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from gate.core.messages import Command, RunProbes
from gate.core.state import Rollout
from gate.ports import Progress
from gate.report.lines import Line
from gate.report.progress.board import Board
from gate.report.progress.narrator import MessageNarrator
from gate.report.terminal import draw_line

FRAMES_PER_SECOND = 5
"""Drawing shares the processor with the probes, which measure."""


class _Live(Live):
    """A live display whose own thread falls silent, too, where the terminal is gone.

    A line that is printed takes the board away by the height that it had: while it is printed, that
    thread must not draw another one, or the line is taken away with it.
    """

    def undisturbed(self) -> contextlib.AbstractContextManager[object]:
        """Nothing is drawn by the display's own thread meanwhile."""
        return self._lock

    def refresh(self) -> None:
        """Draws the board anew."""
        with contextlib.suppress(Exception, SystemExit):  # rich exits where a pipe is closed
            super().refresh()


class LiveNarrator(MessageNarrator):
    """Implements gate.ports.Narrator with a live view; use it as a context manager.

    What was said scrolls by above the board, which shows the service, what goes on now and every
    probe. On exit the board goes and the lines stay.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._board = Board(console.get_time, ascii_only=console.options.ascii_only)
        self._live = _Live(
            console=console,
            get_renderable=lambda: self._board,
            refresh_per_second=FRAMES_PER_SECOND,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._unjudged: list[Line] = []

    def __enter__(self) -> Self:
        self._tell(self._live.start)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Takes the board away; outcomes that no summary will show are said now."""
        self._silent = False
        self._tell(self._live.stop)
        self._tell(lambda: self._print(self._unjudged))

    def doing(self, rollout: Rollout, command: Command) -> None:
        """The shell is about to carry this command out."""
        if isinstance(command, RunProbes):
            own = [probe.name for probe in command.probes]
            users = [probe.name for probe in command.service_probes]
            self._tell(lambda: self._board.expect(own, users))
        super().doing(rollout, command)

    def _said(self, lines: Sequence[Line], rollout: Rollout) -> None:
        self._board.show(rollout, self._story.now)
        self._print(lines)
        if rollout.evidence:
            self._unjudged = []

    def _progressed(self, lines: Sequence[Line], progress: Progress) -> None:
        self._board.progress(progress)
        if progress.evidence is not None:
            self._unjudged += lines

    def _print(self, lines: Sequence[Line]) -> None:
        with self._live.undisturbed():
            for line in lines:
                draw_line(self._console, line)
