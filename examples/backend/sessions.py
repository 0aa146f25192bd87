"""The open chats of each user in this process."""

from collections import Counter
from dataclasses import dataclass


class TooManySessionsError(Exception):
    """A user may not open one chat more."""


@dataclass(frozen=True, slots=True)
class Session:
    """One chat."""

    user: str
    connection_id: str


class Sessions:
    """Counts chats and refuses those above a user's limit.

    Args:
        limit: most open chats of one user.
        forgets: whether chats that end go on counting (a defect of one release).
    """

    def __init__(self, limit: int, *, forgets: bool = False) -> None:
        self.limit = limit
        self.total = 0
        self.refused = 0
        self._forgets = forgets
        self._open: Counter[str] = Counter()

    @property
    def active(self) -> int:
        """How many chats count as open."""
        return self._open.total()

    def open(self, user: str, connection_id: str) -> Session:
        """Counts a chat.

        Raises:
            TooManySessionsError: the user has as many as allowed.
        """
        self.total += 1
        if self._open[user] >= self.limit:
            self.refused += 1
            raise TooManySessionsError(
                f"user {user} has reached the maximum number of WebSocket managers ({self.limit})"
            )
        self._open[user] += 1
        return Session(user, connection_id)

    def close(self, session: Session) -> None:
        """Counts a chat as over."""
        if not self._forgets:
            self._open[session.user] -= 1
