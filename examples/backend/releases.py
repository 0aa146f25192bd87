"""How the releases of the backend differ: one story of a defect and its repairs.

Release v2 brings three defects. v3 is the repair that cannot boot, v4 the one that only moves the
limit, v5 the one that also changes what clients see, v6 the one that is right.
"""

from dataclasses import dataclass
from enum import Enum


class Welcome(Enum):
    """The form of the first frame of a chat."""

    SYSTEM_MESSAGE = "system_message"
    CONNECTION_ESTABLISHED = "connection_established"


@dataclass(frozen=True, slots=True)
class Release:
    """What a release does; the defaults are a backend that works.

    Attributes:
        api_health_path: where the readiness page is; the router redirects to it when only a
            slash is missing.
        registry_dir: where the service registry keeps a file; None keeps it in memory.
        sessions_per_user: most chats that one user may have open in this process.
        forgets_to_close: a chat that ended still counts as open.
        demanded_environment: variables without which the container refuses to start.
        welcome: the form of the first frame.
    """

    api_health_path: str = "/api/health"
    registry_dir: str | None = None
    sessions_per_user: int = 200
    forgets_to_close: bool = False
    demanded_environment: tuple[str, ...] = ()
    welcome: Welcome = Welcome.SYSTEM_MESSAGE


RELEASES = {
    # Good: what serves when the story begins.
    "v1": Release(),
    "v2": Release(
        # The route gained a slash: /api/health answers 307, to http:// because TLS ended before.
        api_health_path="/api/health/",
        # The registry moved to a file where an image cannot be written: discovery answers 500.
        registry_dir="/proc/self/service-registry",
        # A guard against leaks: the sixth open chat of one user is closed with 1011.
        sessions_per_user=5,
    ),
    # "Ultra-defensive" detection of the environment demands a variable that no platform sets.
    "v3": Release(demanded_environment=("K_SERVICE", "K_REVISION", "K_INSTANCE_ATTESTATION")),
    # Boots; the limit is only higher, and now every chat that ends goes on counting.
    "v4": Release(sessions_per_user=20, forgets_to_close=True),
    # Sound, but the welcome comes in another wrapper, which today's clients do not know.
    "v5": Release(welcome=Welcome.CONNECTION_ESTABLISHED),
    # All fixed.
    "v6": Release(),
}
