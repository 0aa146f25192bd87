"""What goes on, one line for each thing worth saying: for logs and for pipes."""

from collections.abc import Callable

from gate.core.messages import Command, Event
from gate.core.state import Rollout
from gate.ports import Progress


class PlainNarrator:
    """Implements gate.ports.Narrator with lines of plain text.

    Args:
        write: takes one line, without its line break.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    def doing(self, rollout: Rollout, command: Command) -> None:
        """The shell is about to carry this command out."""
        raise NotImplementedError

    def happened(self, rollout: Rollout, event: Event) -> None:
        """This event came, and this is the state that it led to."""
        raise NotImplementedError

    def progress(self, progress: Progress) -> None:
        """A probe began, advanced or ended."""
        raise NotImplementedError
