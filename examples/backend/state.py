"""What one instance of the backend knows."""

import time
from dataclasses import dataclass, field

from examples.backend.releases import Release
from examples.backend.sessions import Sessions

SERVICE = "chat-backend"
VERSION = "1.0.0"


@dataclass(frozen=True, slots=True)
class Backend:
    """The release, who it is on Cloud Run, and the chats that are open.

    Attributes:
        revision: the Cloud Run revision (K_REVISION), on every answer as x-revision.
        key: signs and verifies tokens; never shown.
        heartbeat_s: how often a chat is sent a JSON ping; three times as long may pass without a
            word from the client on top of that.
    """

    release: Release
    sessions: Sessions
    revision: str
    environment: str
    key: str = field(repr=False)
    heartbeat_s: float = 30.0
    started: float = field(default_factory=time.monotonic)

    def uptime_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started
