"""A narrator that remembers the story, and can interrupt it."""

from collections.abc import Callable

from gate.core.messages import Command, Event
from gate.core.state import Rollout
from gate.ports import Progress


class FakeNarrator:
    """Implements gate.ports.Narrator.

    Attributes:
        commands, events: in the order in which they came.
        on_doing: called with the number of the command (from 0) and the command.
    """

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.events: list[Event] = []
        self.news: list[Progress] = []
        self.on_doing: Callable[[int, Command], None] = lambda _number, _command: None

    def doing(self, rollout: Rollout, command: Command) -> None:
        """Remembers the command."""
        self.commands.append(command)
        self.on_doing(len(self.commands) - 1, command)

    def happened(self, rollout: Rollout, event: Event) -> None:
        """Remembers the event."""
        self.events.append(event)

    def progress(self, progress: Progress) -> None:
        """Remembers the news."""
        self.news.append(progress)
