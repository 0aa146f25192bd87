"""What is wrong with a service, by name; each service says which names it knows."""

from collections.abc import Iterable

from benchmarks.bench.backend.do import Do
from examples.backend.startup import StartupError
from examples.backend.tokens import AuthError, user_of


class Faults:
    """The faults of one instance.

    Args:
        dos: behaviours that name them.
        known: the names that the service knows.
        key: what users' passwords are checked with.

    Raises:
        StartupError: one of them is not known.
    """

    def __init__(self, dos: Iterable[Do], known: frozenset[str], key: str) -> None:
        self._names = frozenset(do.name for do in dos)
        self.key = key
        if unknown := sorted(self._names - known):
            raise StartupError(f"BENCH_DO: no such fault (got {', '.join(unknown)})")

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def user(self, name: str, password: str) -> str:
        """The user with this name and password, "" where they do not fit.

        A user's password is a token that examples.backend.tokens makes.
        """
        try:
            return name if user_of(password, self.key) == name else ""
        except AuthError:
            return ""
