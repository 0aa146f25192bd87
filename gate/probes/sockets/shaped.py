"""The shapes of the first messages of a connection, each type for itself."""

from collections.abc import Callable

from gate.core.policy import Json
from gate.core.shapes import KEY_MAX, NO_OBJECT, Place, Shape, message_label, shape_of, together
from gate.probes.sockets.message import Message

SHAPED_MESSAGES = 50


class Shaped:
    """Keeps shapes; more than the first messages tell nothing new.

    Args:
        clean: makes a text fit to keep.
    """

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._shapes: list[Shape] = []
        self._early: set[str] = set()

    def add(self, value: Json) -> None:
        """Keeps the shape of one message; of one that is no object, that it came."""
        if len(self._shapes) >= SHAPED_MESSAGES:
            return
        label = self._label(value)
        if label == NO_OBJECT:
            self._shapes.append(Shape({(label,): Place(frozenset({"text"}))}))
        else:
            self._shapes.append(shape_of(value, label, self._clean))

    def passed_over(self, message: Message) -> None:
        """Notes a message that came before the first that was awaited; a ping may at any time."""
        if not message.ping and len(self._early) < SHAPED_MESSAGES:
            self._early.add(self._label(message.value))

    def forget(self) -> None:
        """Lets go of what was kept: it was another revision's."""
        self._shapes, self._early = [], set()

    @property
    def shape(self) -> Shape:
        """All of them together; an empty one where nothing came."""
        none = Shape({}, early=frozenset(self._early))
        return together([none, *self._shapes]) or none

    def _label(self, value: Json) -> str:
        return self._clean(message_label(value))[:KEY_MAX]
