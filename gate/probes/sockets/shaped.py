"""The shapes of the first messages of a connection, each type for itself."""

from collections.abc import Callable

from gate.core.policy import Json
from gate.core.shapes import KEY_MAX, Shape, shape_of, together

SHAPED_MESSAGES = 50


class Shaped:
    """Keeps shapes; more than the first messages tell nothing new.

    Args:
        clean: makes a text fit to keep.
    """

    def __init__(self, clean: Callable[[str], str]) -> None:
        self._clean = clean
        self._shapes: list[Shape] = []

    def add(self, value: Json) -> None:
        """Keeps the shape of one message, where it is an object."""
        if not isinstance(value, dict) or len(self._shapes) >= SHAPED_MESSAGES:
            return
        kind = value.get("type")
        label = self._clean(f"message {kind}" if isinstance(kind, str) else "message")
        self._shapes.append(shape_of(value, label[:KEY_MAX], self._clean))

    def forget(self) -> None:
        """Lets go of what was kept: it was another revision's."""
        self._shapes = []

    @property
    def shape(self) -> Shape | None:
        """All of them together; None for none."""
        return together(self._shapes)
