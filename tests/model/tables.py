"""Things that are kept once and compared by their number, so that millions of states are quick."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Table(Generic[T]):
    """Gives each thing the number under which it was kept first."""

    def __init__(self) -> None:
        self._things: list[T] = []
        self._numbers: dict[object, int] = {}

    def keep(self, thing: T, key: object = None) -> int:
        """The thing's number; `key` stands for a thing that cannot be hashed."""
        known = thing if key is None else key
        if known not in self._numbers:
            self._numbers[known] = len(self._things)
            self._things.append(thing)
        return self._numbers[known]

    def __getitem__(self, number: int) -> T:
        return self._things[number]
