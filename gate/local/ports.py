"""The seams between the parts of the local Cloud Run: control plane, instances, front end, logs.

admin (resources, reconcile)  --boot, retire-->  Instances (processes)
admin  --open, route, shut-->  FrontEnd  --acquire, release-->  Instances
all of them  --append-->  LogSink
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class ServiceKey:
    """Names one service."""

    project: str
    location: str
    service: str


@dataclass(frozen=True, slots=True)
class RevisionKey:
    """Names one revision, by its short name."""

    service: ServiceKey
    revision: str


class ProbeKind(Enum):
    """How a probe asks, as Cloud Run's log lines name it."""

    TCP = "TCP"
    HTTP = "HTTP"
    GRPC = "GRPC"


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """A startup or liveness probe; the numbers are those of google.cloud.run.v2.Probe.

    Attributes:
        port: as configured; the port of the container that takes requests is its process's own.
        path: of HTTP.
        headers: of HTTP, repeated names included.
        service: of gRPC's health protocol.
    """

    kind: ProbeKind = ProbeKind.TCP
    port: int = 8080
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    service: str = ""
    initial_delay_s: float = 0.0
    timeout_s: float = 240.0
    period_s: float = 240.0
    failure_threshold: int = 1


@dataclass(frozen=True, slots=True)
class SecretRef:
    """A secret of the images file, whose value is read when an instance starts."""

    name: str


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a container expects a volume, or a folder of it."""

    volume: str
    path: str
    sub_path: str = ""


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file of a secret volume.

    Attributes:
        path: relative to the volume.
        mode: permission bits.
    """

    path: str
    secret: SecretRef
    mode: int = 0o444


@dataclass(frozen=True, slots=True)
class VolumeSpec:
    """A directory that the containers of one instance share: an emptyDir, or one of secrets."""

    name: str
    files: tuple[SecretFile, ...] = ()


@dataclass(frozen=True, slots=True)
class ContainerSpec:
    """What it takes to run one container.

    Attributes:
        image: the image reference as deployed; messages name it.
        digest: the same by digest, as it was when the revision was made; "" when unknown.
        name: the container's name, or "".
        port: the PORT that Cloud Run's texts name, 0 for a container that takes no requests; the
            process gets a free port of its own.
        env: the revision's own environment, in order.
        command: replaces the image's ENTRYPOINT.
        args: replaces the image's CMD.
        working_dir: replaces the image's WORKDIR.
        depends_on: names of the containers that must have started before.
        startup: the startup probe; None waits for nothing, and on a port for Cloud Run's default.
        liveness: the liveness probe.
        mounts: the volumes it sees.
    """

    image: str
    digest: str = ""
    name: str = ""
    port: int = 8080
    env: tuple[tuple[str, str | SecretRef], ...] = ()
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    working_dir: str = ""
    depends_on: tuple[str, ...] = ()
    startup: ProbeSpec | None = None
    liveness: ProbeSpec | None = None
    mounts: tuple[Mount, ...] = ()


@dataclass(frozen=True, slots=True)
class RevisionSpec:
    """What it takes to run a revision.

    Attributes:
        main: the container that takes requests.
        sidecars: the others; each has a name.
        volumes: what the containers may mount.
        concurrency: most requests at once in one instance (max_instance_request_concurrency).
        max_instances: most instances at once; 0 means the platform's default of 100.
        timeout_s: request timeout; also cuts WebSockets.
    """

    key: RevisionKey
    main: ContainerSpec
    sidecars: tuple[ContainerSpec, ...] = ()
    volumes: tuple[VolumeSpec, ...] = ()
    concurrency: int = 80
    min_instances: int = 0
    max_instances: int = 0
    timeout_s: float = 300.0


class BootReason(Enum):
    """Why a revision's container did not start, as Cloud Run's condition reasons name it."""

    CONTAINER_MISSING = "CONTAINER_MISSING"
    HEALTH_CHECK_CONTAINER_ERROR = "HEALTH_CHECK_CONTAINER_ERROR"


@dataclass(frozen=True, slots=True)
class BootFailure:
    """A container that did not start: the condition's reason and Cloud Run's text for it.

    Attributes:
        took_s: from the start of its instance until the failure was known.
    """

    reason: BootReason
    message: str
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Lease:
    """One request's place in a running instance, at a loopback address."""

    key: RevisionKey
    instance_id: str
    host: str
    port: int


class NoInstanceError(Exception):
    """No instance can take the request: the front end answers with this status and text."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Instances(Protocol):
    """Runs revisions as processes."""

    async def boot(self, spec: RevisionSpec) -> BootFailure | None:
        """Starts a revision's first instance and waits for its startup probe.

        Afterwards the revision is known and `acquire` may start more instances. Booting a
        revision that is already known updates its spec (min instances) and starts nothing new.
        """
        ...

    def remember(self, spec: RevisionSpec) -> None:
        """Makes a revision known without starting anything: its first request is a cold start.

        For revisions restored from saved state. Keeps min_instances running from now on.
        """
        ...

    async def retire(self, key: RevisionKey) -> None:
        """Stops every instance of a revision (SIGTERM, 10 s, SIGKILL) and forgets it."""
        ...

    async def acquire(self, key: RevisionKey) -> Lease:
        """Finds or starts an instance with room for one more request.

        Raises:
            NoInstanceError: no instance can take it; carries Cloud Run's status and text.
        """
        ...

    def release(self, lease: Lease) -> None:
        """Gives the place back; an instance without requests is stopped after a while."""
        ...

    async def close(self) -> None:
        """Stops every process; returns when none is left."""
        ...


class Places(Protocol):
    """What the front end needs of Instances: a place for one request."""

    def try_acquire(self, key: RevisionKey, instance_id: str = "") -> Lease | None:
        """A place in an instance that is ready now, without waiting; None when there is none.

        Args:
            key: the revision.
            instance_id: the instance that is preferred, if it has room.
        """
        ...

    async def acquire(self, key: RevisionKey) -> Lease:
        """As `Instances.acquire`."""
        ...

    def release(self, lease: Lease) -> None:
        """As `Instances.release`."""
        ...


@dataclass(frozen=True, slots=True)
class Share:
    """A revision and its weight in a split; weights of one address sum to 100.

    Attributes:
        h2c: its port is named so: the container is spoken to in HTTP/2 without TLS.
        affinity: clients that return go to the instance that they had (session affinity).
    """

    revision: RevisionKey
    percent: int
    timeout_s: float = 300.0
    h2c: bool = False
    affinity: bool = False


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call a service, at its own address and at those of its tags.

    Attributes:
        inside_only: to callers from outside there is no such service (ingress).
        invokers: members of the policy that may call it; None where everybody may.
        audiences: what an ID token may be made out to.
    """

    inside_only: bool = False
    invokers: frozenset[str] | None = frozenset()
    audiences: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Denial:
    """What the front end answers in a service's place.

    Attributes:
        status: of the answer.
        page: its body, HTML.
        fields: more header lines, each with its line end.
        text: what the request log says of it; without one there is no entry.
    """

    status: int
    page: bytes
    fields: bytes = b""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Pass:
    """A request may go on; the container does not get the signature of this token.

    Attributes:
        token: as it came in a header, or b"".
    """

    token: bytes = b""


class Door(Protocol):
    """Decides on a request's head, before a revision is chosen for it."""

    def judge(self, target: bytes, found: Mapping[bytes, bytes], access: Access) -> Denial | Pass:
        """Lets a request in or refuses it.

        Args:
            target: what is asked for, in origin form.
            found: the head's fields that are looked at, by lower-case name.
            access: who may call the service.
        """
        ...


class FrontEnd(Protocol):
    """One loopback address for a service and one for each of its tags."""

    async def open(self, service: ServiceKey, tag: str | None, port: int = 0) -> str:
        """Starts listening (port 0: any free one) and returns the base URL, http://127.0.0.1:N.

        Opening an address that is open returns it again. Without a route it answers 404.
        """
        ...

    def route(self, service: ServiceKey, tag: str | None, shares: tuple[Share, ...]) -> None:
        """From now on, new requests to this address are split over these revisions."""
        ...

    def admit(self, service: ServiceKey, access: Access) -> None:
        """From now on, new requests to any address of the service are let in by this."""
        ...

    async def shut(self, service: ServiceKey, tag: str | None) -> None:
        """Stops listening; connections already open live on."""
        ...

    async def close(self) -> None:
        """Shuts every address and cuts every connection."""
        ...


class HttpRequestLog(NamedTuple):
    """The httpRequest part of a request log entry; a tuple, for one is made for each request."""

    method: str
    url: str
    status: int
    latency_s: float
    request_size_bytes: int
    response_size_bytes: int
    user_agent: str
    remote_ip: str
    protocol: str


AUDIT_LOG: Final = "cloudaudit.googleapis.com/system_event"
"""Id of the log of what the platform did by itself."""

ACTIVITY_LOG: Final = "cloudaudit.googleapis.com/activity"
"""Id of the log of what people and programs changed."""

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]


class LogLine(NamedTuple):
    """One entry as the platform itself writes it, before the Logging API gives it a form.

    A tuple, for one is made for each request.

    Attributes:
        log_id: e.g. run.googleapis.com/stdout, run.googleapis.com/stderr,
            run.googleapis.com/requests, run.googleapis.com/varlog/system, AUDIT_LOG,
            ACTIVITY_LOG.
        severity: DEFAULT, DEBUG, INFO, NOTICE, WARNING, ERROR, CRITICAL, ALERT, EMERGENCY.
        payload: text, or an object that becomes jsonPayload (in audit logs protoPayload), or None
            (request logs).
        trace: the bare trace id (32 hex), or "".
        span_id: 16 hex, or "".
    """

    key: RevisionKey
    log_id: str
    at: datetime
    severity: str = "DEFAULT"
    payload: str | dict[str, JsonValue] | None = None
    http: HttpRequestLog | None = None
    labels: Mapping[str, str] = MappingProxyType({})
    trace: str = ""
    span_id: str = ""
    trace_sampled: bool = False


class LogSink(Protocol):
    """Takes what the platform logs. Must be cheap: the front end calls it once a request."""

    def append(self, line: LogLine) -> None:
        """Keeps one line; it becomes visible to readers after the ingestion delay."""
        ...


class NoLogs:
    """Keeps nothing (a LogSink)."""

    def append(self, line: LogLine) -> None:
        """Forgets."""
