"""Where an API is: the real one, or an emulator.

Emulators follow the convention of Google's own: an environment variable holds `host:port`, which is
spoken to in plaintext and without credentials. Only the command line reads the environment.
"""

import re
from dataclasses import dataclass
from enum import Enum

from gate.errors import UsageError

_HOST_PORT = re.compile(r"(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(?P<port>[0-9]{1,5})")
_REGION = re.compile(r"[a-z][a-z0-9-]{0,62}")
_TLS_PORT = 443


class Api(Enum):
    """An API that the gate calls: its real host, and the variable that names an emulator of it."""

    RUN = ("Cloud Run", "run.googleapis.com", "CLOUD_RUN_EMULATOR_HOST")
    LOGGING = ("Cloud Logging", "logging.googleapis.com", "LOGGING_EMULATOR_HOST")
    # where Cloud Run is an emulator, nobody asks the real ones who may do what
    IAM = ("IAM", "iam.googleapis.com", "CLOUD_RUN_EMULATOR_HOST")
    RESOURCE_MANAGER = (
        "Resource Manager",
        "cloudresourcemanager.googleapis.com",
        "CLOUD_RUN_EMULATOR_HOST",
    )
    SECRETS = ("Secret Manager", "secretmanager.googleapis.com", "SECRET_MANAGER_EMULATOR_HOST")
    IAM_CREDENTIALS = (
        "IAM Credentials",
        "iamcredentials.googleapis.com",
        "IAM_CREDENTIALS_EMULATOR_HOST",
    )
    MONITORING = ("Cloud Monitoring", "monitoring.googleapis.com", "MONITORING_EMULATOR_HOST")
    KMS = ("Cloud KMS", "cloudkms.googleapis.com", "CLOUD_KMS_EMULATOR_HOST")
    STORAGE = ("Cloud Storage", "storage.googleapis.com", "STORAGE_EMULATOR_HOST")

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
    """One API at one endpoint, of one region where it has regions.

    Raises:
        UsageError: the endpoint is not host:port, or the region cannot be one.
    """

    api: Api
    endpoint: Endpoint
    region: str = ""

    def __post_init__(self) -> None:
        if self.region and not _REGION.fullmatch(self.region):
            raise UsageError(
                f"region: is none (got {self.region[:200]!r}, expected e.g. 'us-central1')"
            )
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
    def address(self) -> tuple[str, int]:
        """What is connected to."""
        host, _, port = (self.endpoint.host or f"{self.host}:{_TLS_PORT}").rpartition(":")
        return host.strip("[]"), int(port)

    @property
    def host(self) -> str:
        """The host as requests name it: its region comes first, as with every regional API.

        An emulator on a bare address serves all regions, and learns by this name which is meant.
        """
        base = self.endpoint.host or self.api.host
        return f"{self.region}-{base}" if self.region and not base.startswith("[") else base

    @property
    def target(self) -> str:
        """How messages tell the address."""
        return self.endpoint.host or self.host

    @property
    def name(self) -> str:
        """How messages call it: by the variable where one was used, else by the API's name."""
        return self.api.variable if self.emulated else self.api.title
