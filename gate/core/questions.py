"""Questions beyond one request, one conversation and the logs: what each asks and expects.

Values that check themselves, like those of core.policy, which gathers them under one union.
Durations are seconds (`_s`), rates are percent, sizes are bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.core.checks import more_than_0, own_headers, path_on_candidate, within
from gate.errors import ValueProblem

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

REQUESTS_MAX = 100_000
"""Most requests of one latency probe to one side: each is kept until it has been judged."""


@dataclass(frozen=True, slots=True)
class LatencyProbe:
    """How fast one path answers, asked at a fixed rate whether or not it answers (open loop).

    Attributes:
        rate_per_s, for_s: how often and how long it is asked; with a baseline, stable is asked
            as often in alternating blocks.
        warm_up_s: asked first and reported apart.
        timeout_s: from the moment at which a request was due; a later answer counts as this late
            at least.
        p50_s, p95_s, p99_s: most that this percentile may be, measured from the moment at which a
            request was due; None asks nothing.
        slower_percent: how much slower than stable it may be, at the percentile `compared`; None
            asks nothing. Needs a baseline.
        errors_percent: share of requests that may fail or be answered with another status.
        body, headers: templates, rendered for each request.
    """

    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: Json = field(default=None, hash=False)
    rate_per_s: float = 20.0
    for_s: float = 10.0
    warm_up_s: float = 1.0
    timeout_s: float = 10.0
    status: tuple[int, ...] = (200,)
    p50_s: float | None = None
    p95_s: float | None = None
    p99_s: float | None = None
    slower_percent: float | None = None
    errors_percent: float = 0.0

    def __post_init__(self) -> None:
        path_on_candidate(self.path)
        own_headers(self.headers)
        within("rate", self.rate_per_s, 0.1, 10_000)
        within("for", self.for_s, 1, 3600)
        within("warm_up", self.warm_up_s, 0, 600)
        more_than_0("timeout", self.timeout_s)
        within("errors", self.errors_percent, 0, 99)
        if not self.status:
            raise ValueProblem("status", "is empty (expected at least one status code)")
        requests = self.rate_per_s * (self.for_s + self.warm_up_s)
        if requests > REQUESTS_MAX:
            raise ValueProblem(
                "for",
                f"makes too many requests with its warm-up (got {requests:g} at this rate, "
                f"expected at most {REQUESTS_MAX})",
            )
        if self.slower_percent is not None:
            within("slower_than_stable", self.slower_percent, 1, 10_000)
        for name, limit_s in (("p50", self.p50_s), ("p95", self.p95_s), ("p99", self.p99_s)):
            if limit_s is not None:
                more_than_0(name, limit_s)
                self._within_timeout(name, limit_s)

    @property
    def limits(self) -> tuple[tuple[float, float], ...]:
        """The percentiles that have a limit, each with its limit in seconds."""
        given = ((50.0, self.p50_s), (95.0, self.p95_s), (99.0, self.p99_s))
        return tuple((percent, limit_s) for percent, limit_s in given if limit_s is not None)

    @property
    def compared(self) -> float:
        """The percentile that is compared with stable's: p95 unless only others have a limit."""
        asked = [percent for percent, _ in self.limits]
        return 95.0 if not asked or 95.0 in asked else max(asked)

    def _within_timeout(self, name: str, limit_s: float) -> None:
        """Refuses a limit that no request could be seen to miss."""
        if limit_s > self.timeout_s:
            raise ValueProblem(
                name,
                f"is longer than a request may take at all (got {limit_s:g} s, "
                f"expected at most the timeout, {self.timeout_s:g} s)",
            )


@dataclass(frozen=True, slots=True)
class StartupProbe:
    """How long the first answer takes, and the answers after it.

    Attributes:
        first_s: limit for the first answer, a cold start where no instance is up.
        warm_requests: how many answers follow, one after the other.
        warm_s: limit for each of them.
    """

    path: str
    status: tuple[int, ...] = (200,)
    first_s: float = 60.0
    warm_requests: int = 5
    warm_s: float = 2.0

    def __post_init__(self) -> None:
        path_on_candidate(self.path)
        more_than_0("first", self.first_s)
        more_than_0("warm", self.warm_s)
        within("warm_requests", self.warm_requests, 1, 1000)
        if not self.status:
            raise ValueProblem("status", "is empty (expected at least one status code)")


@dataclass(frozen=True, slots=True)
class SoakProbe:
    """One WebSocket connection held open, which must stay open and alive.

    Attributes:
        for_s: how long it is held.
        ping_every_s: how often we ping; each ping must be answered within as long.
        open_within_s: limit for the handshake.
        server_pings: least number of the server's own pings, the protocol's and JSON ones, that
            must have come and have been answered.
        subprotocols, headers: templates, as in a WebSocket probe.
    """

    path: str
    for_s: float = 120.0
    ping_every_s: float = 10.0
    open_within_s: float = 10.0
    server_pings: int = 0
    subprotocols: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        path_on_candidate(self.path)
        own_headers(self.headers)
        within("for", self.for_s, 1, 3600)
        within("ping_every", self.ping_every_s, 0.1, 3600)
        more_than_0("open_within", self.open_within_s)
        within("server_pings", self.server_pings, 0, 100_000)


@dataclass(frozen=True, slots=True)
class DiffProbe:
    """What differs between the candidate's configuration and stable's, before any request.

    Values of environment variables are never read into evidence: only names, and whether the
    value is the same.

    Attributes:
        env, secrets, resources, image, ports, identity, scaling, network, volumes: which parts are
            compared; identity is the service account, scaling is concurrency, timeout and
            instances, network is VPC access and the execution environment.
        missing: names of variables, secrets or fields that stable has and the candidate need not
            have; where None, all may be missing.
        changed: names of those that may differ; where None, all may.
    """

    env: bool = True
    secrets: bool = True
    resources: bool = True
    image: bool = False
    ports: bool = True
    identity: bool = True
    scaling: bool = True
    network: bool = True
    volumes: bool = True
    missing: tuple[str, ...] | None = ()
    changed: tuple[str, ...] | None = ()

    def __post_init__(self) -> None:
        parts = (self.env, self.secrets, self.resources, self.image, self.ports, self.identity)
        if not any((*parts, self.scaling, self.network, self.volumes)):
            raise ValueProblem("diff", "compares nothing (expected at least one part)")


@dataclass(frozen=True, slots=True)
class RoutesProbe:
    """The candidate's OpenAPI document against stable's: no route or method may be lost.

    Attributes:
        path: of the OpenAPI document (JSON).
        removed: routes, as `GET /path`, that may be gone.
        changed: routes that may ask for more than stable's do.
    """

    path: str = "/openapi.json"
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        path_on_candidate(self.path)
        more_than_0("timeout", self.timeout_s)


@dataclass(frozen=True, slots=True)
class GrpcProbe:
    """The standard health service of gRPC (grpc.health.v1.Health/Check): SERVING, or not."""

    service: str = ""
    within_s: float = 10.0

    def __post_init__(self) -> None:
        more_than_0("within", self.within_s)


@dataclass(frozen=True, slots=True)
class SuiteProbe:
    """An existing test suite, run against the candidate through a proxy that sees its traffic.

    Attributes:
        run: the command, not through a shell; pytest, or anything that writes JUnit XML to the
            file whose path is in the environment variable GATE_JUNIT_XML.
        env: variables for it; values may hold `${url}`, `${ws_url}` and secrets.
        directory: where it runs, below the policy's directory.
        timeout_s: then its whole process group is killed.
        hosts: host names fixed in its code, which are led to the candidate.
        tests: node ids, or names, that must have run and passed.
        skipped: most tests that may be skipped (deselected and xfailed ones included).
        pass_rate: percent of the tests with a marker (e.g. P1) that must pass, skipped ones
            included; `""` is all. A test that no rate speaks for must pass if it runs.
        network: whether only tests that were seen talking to the candidate count.
        can_fail: of these alone a pass counts, since a proof has seen each of them fail; None
            where there is no fresh proof.
    """

    run: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    directory: str = "."
    timeout_s: float = 600.0
    hosts: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    skipped: int = 0
    pass_rate: Mapping[str, float] = field(default_factory=dict, hash=False)
    network: bool = True
    can_fail: frozenset[str] | None = None

    def __post_init__(self) -> None:
        more_than_0("timeout", self.timeout_s)
        if not self.run:
            raise ValueProblem("run", "is empty (expected a command)")
        if self.directory.startswith("/") or ".." in self.directory.split("/"):
            raise ValueProblem(
                "directory",
                f"leads out (got {self.directory!r}, expected one below the policy's folder)",
            )
        for marker, percent in self.pass_rate.items():
            within(f"pass_rate.{marker}", percent, 0, 100)
            if percent == 0:
                raise ValueProblem("pass_rate", "cannot fail (got 0%, expected more than 0%)")


@dataclass(frozen=True, slots=True)
class PluginProbe:
    """A kind that another package brings, found by its entry point (group `gate.probes`).

    Attributes:
        options: what the policy says to it; texts may hold templates.
        timeout_s: how long it may take, its import included.
    """

    kind: str
    options: Mapping[str, Json] = field(default_factory=dict, hash=False)
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        within("timeout", self.timeout_s, 0.1, 3600)
