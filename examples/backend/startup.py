"""What a container checks before it listens."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from examples.backend.releases import RELEASES, Release
from examples.backend.sessions import Sessions
from examples.backend.state import Backend
from examples.backend.tokens import MIN_KEY_CHARS


class StartupError(RuntimeError):
    """The container cannot serve as it was configured."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says."""

    backend: Backend
    port: int
    project: str


def settings(environment: Mapping[str, str]) -> Settings:
    """Reads the environment.

    Raises:
        StartupError: something that is needed is missing or wrong.
    """
    release = _release(environment)
    _detect_environment(release, environment)
    key = environment.get("JWT_SECRET_KEY", "")
    if len(key) < MIN_KEY_CHARS:
        raise StartupError(f"JWT_SECRET_KEY must have at least {MIN_KEY_CHARS} characters")
    sessions = Sessions(release.sessions_per_user, forgets=release.forgets_to_close)
    backend = Backend(
        release,
        sessions,
        revision=environment.get("K_REVISION", "local"),
        environment=environment.get("ENVIRONMENT", "staging"),
        key=key,
        heartbeat_s=_number("BACKEND_HEARTBEAT_S", environment.get("BACKEND_HEARTBEAT_S", "30")),
    )
    port = int(_number("PORT", environment.get("PORT", "8080")))
    return Settings(backend, port, environment.get("GOOGLE_CLOUD_PROJECT", ""))


def _number(name: str, text: str) -> float:
    if re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", text) is None:
        raise StartupError(f"{name} must be a number (got {text[:20]!r})")
    return float(text)


def _release(environment: Mapping[str, str]) -> Release:
    name = environment.get("BACKEND_RELEASE", "v1")
    if name not in RELEASES:
        raise StartupError(f"BACKEND_RELEASE must be one of {', '.join(RELEASES)} (got {name!r})")
    return RELEASES[name]


def _detect_environment(release: Release, environment: Mapping[str, str]) -> None:
    """Makes sure of where this runs, in the releases that do not take the platform's word."""
    missing = [name for name in release.demanded_environment if name not in environment]
    if missing:
        raise StartupError(
            "cannot determine the deployment environment beyond doubt: "
            f"{', '.join(missing)} not set; refusing to start with unverified defaults"
        )
