"""What goes on, as a live view on a terminal."""

from types import TracebackType
from typing import Self

from rich.console import Console

from gate.core.messages import Command, Event
from gate.core.state import Rollout
from gate.ports import Progress


class LiveNarrator:
    """Implements gate.ports.Narrator with a live view; use it as a context manager.

    Args:
        console: the terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise NotImplementedError

    def doing(self, rollout: Rollout, command: Command) -> None:
        """The shell is about to carry this command out."""
        raise NotImplementedError

    def happened(self, rollout: Rollout, event: Event) -> None:
        """This event came, and this is the state that it led to."""
        raise NotImplementedError

    def progress(self, progress: Progress) -> None:
        """A probe began, advanced or ended."""
        raise NotImplementedError
