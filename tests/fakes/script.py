"""Bad luck by appointment: what the fakes' next calls shall run into."""

from collections import defaultdict
from collections.abc import Callable

from gate.errors import GateError


class Script:
    """Actions and errors that wait for the next call of a method."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._before: dict[str, list[Callable[[], None]]] = defaultdict(list)

    def before_next(self, method: str, action: Callable[[], None]) -> None:
        """Runs the action as the next call of this method begins (one action a call, in order)."""
        self._before[method].append(action)

    def fail_next(self, method: str, error: GateError, times: int = 1) -> None:
        """Lets the next calls of this method raise, with nothing done."""

        def fail() -> None:
            raise error

        for _ in range(times):
            self.before_next(method, fail)

    def enter(self, method: str) -> None:
        """Counts a call and runs into whatever waits for it."""
        self.calls.append(method)
        if waiting := self._before[method]:
            waiting.pop(0)()
