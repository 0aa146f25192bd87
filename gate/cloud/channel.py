"""Where an API is, and the gRPC channel to it: the real one, or an emulator.

Emulators follow the convention of Google's own: an environment variable holds `host:port`, which is
spoken to in plaintext and without credentials. Only the command line reads the environment.
"""

import asyncio
import re
from dataclasses import dataclass
from enum import Enum

import grpc.aio

from gate.errors import UsageError

_HOST_PORT = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.primary_user_agent", "cloud-run-gate"),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


class Api(Enum):
    """An API that the gate calls: its real host, and the variable that names an emulator of it."""

    RUN = ("Cloud Run", "run.googleapis.com", "CLOUD_RUN_EMULATOR_HOST")
    LOGGING = ("Cloud Logging", "logging.googleapis.com", "LOGGING_EMULATOR_HOST")

    def __init__(self, title: str, host: str, variable: str) -> None:
        self.title = title
        self.host = host
        self.variable = variable


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where an API is asked: at an emulator's `host:port`, or at the real one (None or "")."""

    host: str | None = None

    @property
    def emulated(self) -> bool:
        """Whether this is an emulator: plaintext, no credentials."""
        return bool(self.host)


@dataclass(frozen=True, slots=True)
class Place:
    """One API at one endpoint.

    Raises:
        UsageError: the endpoint is not host:port.
    """

    api: Api
    endpoint: Endpoint

    def __post_init__(self) -> None:
        host = self.endpoint.host
        if not host:
            return
        match = _HOST_PORT.fullmatch(host)
        if match is None or not 0 < int(match["port"]) < 65536:
            raise UsageError(
                f"{self.api.variable}: is no address (got {host[:200]!r}, expected HOST:PORT)",
                hint="no scheme and no path; `gate local up` prints the line to export",
            )

    @property
    def emulated(self) -> bool:
        """Whether this is an emulator: plaintext, no credentials."""
        return self.endpoint.emulated

    @property
    def target(self) -> str:
        """What gRPC connects to."""
        return self.endpoint.host or f"{self.api.host}:443"

    @property
    def name(self) -> str:
        """How messages call it: by the variable where one was used, else by the API's name."""
        return self.api.variable if self.emulated else self.api.title


async def open_channel(place: Place) -> grpc.aio.Channel:
    """A channel that connects with its first call.

    Raises:
        AccessError: the real API, and there are no credentials.
    """
    if place.emulated:
        # An emulator is next door: a proxy from the environment could not find it.
        options = (*_OPTIONS, ("grpc.enable_http_proxy", 0))
        return grpc.aio.insecure_channel(place.target, options)
    from gate.cloud.credentials import channel_credentials  # noqa: PLC0415 - costs 150 ms

    credentials = await asyncio.to_thread(channel_credentials, place.api)
    return grpc.aio.secure_channel(place.target, credentials, _OPTIONS)
