"""What every narrator has in common: it listens, and never gets in the way of a rollout."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from gate.core.messages import Command, Event
from gate.core.state import Rollout
from gate.ports import Progress
from gate.report.lines import Line
from gate.report.progress.messages import Messages


class MessageNarrator(ABC):
    """Implements gate.ports.Narrator by telling a Story; how it is shown is the subclass's.

    A view that fails (a closed pipe, a defect of ours) falls silent; the rollout goes on.
    """

    def __init__(self) -> None:
        self._story = Messages()
        self._silent = False

    def doing(self, rollout: Rollout, command: Command) -> None:
        """The shell is about to carry this command out."""
        self._tell(lambda: self._said(self._story.doing(rollout, command), rollout))

    def happened(self, rollout: Rollout, event: Event) -> None:
        """This event came, and this is the state that it led to."""
        self._tell(lambda: self._said(self._story.happened(rollout, event), rollout))

    def progress(self, progress: Progress) -> None:
        """A probe began, advanced or ended."""
        self._tell(lambda: self._progressed(self._story.progress(progress), progress))

    @abstractmethod
    def _said(self, lines: Sequence[Line], rollout: Rollout) -> None:
        """Shows lines about a rollout."""

    @abstractmethod
    def _progressed(self, lines: Sequence[Line], progress: Progress) -> None:
        """Shows how a probe got on; the lines say it where there is no better way."""

    def _tell(self, show: Callable[[], None]) -> None:
        if self._silent:
            return
        try:
            show()
        except (Exception, SystemExit):  # noqa: BLE001 - whatever breaks a view (rich exits where a pipe is closed) must not stop a move of traffic
            self._silent = True
