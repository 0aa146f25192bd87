"""What the controller knows of the world: small Protocols, each implemented by one room.

Every method promises its errors: subclasses of gate.errors.InfrastructureError and nothing else.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gate.core.control import Repeats
from gate.core.evidence import Evidence
from gate.core.messages import Command, Event
from gate.core.policy import IdentityRule, Json, Probe
from gate.core.service import Revision, Service
from gate.core.severity import Severity
from gate.core.state import Rollout
from gate.core.traffic import Split
from gate.core.user_requests import RequestCounts


class Platform(Protocol):
    """Cloud Run, seen from one service. Implemented by cloud.run; judges nothing."""

    async def read_service(self) -> Service:
        """Reads the service as it is now.

        Raises:
            NotFoundError: the service does not exist.
            AccessError, UnavailableError: as in gate.errors.
        """
        ...

    async def read_revision(self, name: str) -> Revision:
        """Reads one revision of this service by its short name.

        Raises:
            NotFoundError: it does not exist, or belongs to another service.
            AccessError, UnavailableError: as in gate.errors.
        """
        ...

    async def list_revisions(self) -> tuple[Revision, ...]:
        """All revisions of the service, newest first."""
        ...

    async def deploy(
        self,
        image: str,
        revision: str,
        traffic: Split,
        etag: str,
        annotations: Mapping[str, str] | None = None,
        base: str = "",
    ) -> int:
        """Creates a revision and sets the traffic list in the same update.

        An empty etag creates the service, which must not exist yet, with this as its first
        revision, from the image alone. `annotations` replaces all of the service's own, too (they
        create no revision); None leaves them as they are.

        The revision gets this name, and the template of the revision `base` with another image;
        where `base` is "" or what the service's own template says, the service's template. Returns
        when the update is accepted, not when it ends.

        Returns:
            The generation that the service has by this very write, as Cloud Run's answer says it;
            0 where the answer does not say.

        Raises:
            ConflictError: somebody has written since the read that brought this etag; nothing was
                changed. Cloud Run itself compares and refuses (see docs/adr/0005).
            NotFoundError: `base` does not exist.
            UnavailableError: no answer; the update may or may not have been accepted.
        """
        ...

    async def set_traffic(
        self, traffic: Split, etag: str, annotations: Mapping[str, str] | None = None
    ) -> int:
        """Replaces the traffic list, and the service's annotations where they are given.

        Nothing else of the service changes, and no revision is created. Returns when the update
        is accepted, as `deploy` does.

        Raises:
            ConflictError: the service is no longer the one that has this etag.
            UnavailableError: no answer; the update may or may not have been accepted.
        """
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """Where probes ask, and nothing that could move traffic.

    Attributes:
        url: base URL as the platform reports it, without a trailing slash.
        revision: short name of the revision that must answer, "" when only a URL is known.
        headers: sent with every request, e.g. the ID token of a private service; never shown. Look
            at them anew for each request: a token that is about to expire is renewed meanwhile.
        since: when the rollout began; logs before it are not looked at.
        identity: how an answer proves that `revision` gave it; None where the policy has no rule.
        stable: where the same questions are asked of stable, as a control; None without one.
        repeats: how often a failure is asked again, of stable, too; None for once.
        until: when the rollout ends whatever happens; nothing is asked again that late.
        compare_with: short names of the revisions that had users' requests before: what stable is,
            also where nothing asks it; empty where that is not known, or there were none.
        warm_s: how long it is waited for before anything is asked, where it must start first.
        ingress: whom the service lets in, in the platform's word; "" where that is not known.
        fail_fast: whether long probes are left out once a required one has failed beyond doubt.
        before: what the same round has seen by now, at another address.
        ready_until: until when an answer that says that it is too early is asked for again; None
            for never.
        tagged: whether the address is a tag's, whose host name the application may not know.
        tag_url: of a control, an address that is a tag's, too; "" where it has none.
        alone: how often a failure is asked again where nobody is a control; None for never.
        share: percent of the answers at this address that are the candidate's.
    """

    url: str
    revision: str = ""
    headers: "Headers" = field(default=(), repr=False)
    since: datetime | None = None
    identity: IdentityRule | None = None
    stable: "Target | None" = None
    repeats: Repeats | None = None
    until: datetime | None = None
    compare_with: tuple[str, ...] = ()
    warm_s: float = 0.0
    ingress: str = ""
    fail_fast: bool = False
    before: tuple[Evidence, ...] = ()
    ready_until: datetime | None = None
    tagged: bool = False
    tag_url: str = ""
    alone: Repeats | None = None
    share: int = 100


@dataclass(frozen=True, slots=True)
class Progress:
    """Something to show while probes run: a probe began, advanced, or ended (with evidence).

    `address` is as in Evidence; `at_once`: it is worth a line of its own, wherever it is shown;
    `probe` is "" where it is of all of them.
    """

    probe: str
    text: str = ""
    done: int = 0
    of: int = 0
    evidence: Evidence | None = None
    address: str = ""
    at_once: bool = False


Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class UsersAnswer:
    """What users get at an address, in words.

    Attributes:
        instead: in place of an answer; "" where a container answers, or nobody can tell.
        unknown: why nobody can tell; "" where somebody can.
        refused: whether the caller was not let in.
        nowhere: whether the platform knows no such address, or says so to this caller.
        iap: whether it was Identity-Aware Proxy that refused.
    """

    instead: str = ""
    unknown: str = ""
    refused: bool = False
    nowhere: bool = False
    iap: bool = False


Answers = Callable[[str, Headers], Awaitable[UsersAnswer]]
"""What users get at an address, asked with these headers. Never raises, and takes no longer than a
person at 3 a.m. waits."""


class Identity(Protocol):
    """Who the gate is to a service. Implemented by cloud.identity."""

    async def __call__(self, audience: str, url: str = "") -> Headers:
        """Headers that let requests in; () for a public service.

        Args:
            audience: the service's own URL, to which ID tokens are made out.
            url: where it is asked, e.g. at a tag's URL; "" for its own.

        Raises:
            AccessError: there is no such token; others as in gate.errors.
        """
        ...


class Probes(Protocol):
    """Asks the candidate. Implemented by probes.runner."""

    async def run(
        self, probes: Sequence[Probe], target: Target, progress: Callable[[Progress], None]
    ) -> tuple[Evidence, ...]:
        """Runs the probes in order and returns one Evidence each, in the same order.

        Where the target has a stable, what that one showed follows, with the address `stable`.

        Never raises for what a candidate does or for a defect of our own: both are evidence.
        When cancelled, every connection is closed before the cancellation goes on.
        """
        ...


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A log entry, reduced to what the gate looks at.

    `severity` is the platform's, or where that has none, what the entry says of itself in a field
    of its own (`level`, say).
    """

    at: datetime
    severity: Severity
    text: str
    log_id: str = ""
    trace: str = ""
    insert_id: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which entries of a revision to read: newest first, at most `limit`.

    `revision` "" means the whole service. The rest narrows it where given: `log_id` names one log,
    `traces` are trace ids of which an entry has one, `not_revision` is left out, `unrated` asks for
    those alone to which the platform has given no severity.
    """

    revision: str
    since: datetime
    min_severity: Severity | None = None
    text: str = ""
    limit: int = 50
    log_id: str = ""
    traces: tuple[str, ...] = ()
    not_revision: str = ""
    unrated: bool = False


class Logs(Protocol):
    """Reads a service's logs. Implemented by cloud.logs."""

    async def entries(self, query: LogQuery) -> tuple[LogEntry, ...]:
        """Entries that match, newest first.

        Raises:
            AccessError, UnavailableError: as in gate.errors.
        """
        ...


@dataclass(frozen=True, slots=True)
class RequestQuery:
    """Which of users' own requests to count.

    Attributes:
        candidate: short name of the revision that they went to.
        stable: those of the revisions that they are held beside.
        since: when the counting of the candidate's begins.
        stable_since, stable_until: when that of stable's begins, and ends; None for now.
        now: the time.
        not_users: addresses that users do not have; what was asked there is the gate's own.
    """

    candidate: str
    stable: tuple[str, ...]
    since: datetime
    stable_since: datetime
    now: datetime
    stable_until: datetime | None = None
    not_users: tuple[str, ...] = ()


class UserRequests(Protocol):
    """Counts users' own requests. Implemented by cloud.request_log and cloud.metrics."""

    async def count(self, query: RequestQuery) -> RequestCounts:
        """What there is by now. A revision without requests has none, whoever knows why.

        Raises:
            AccessError, UnavailableError: as in gate.errors.
        """
        ...


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """Which entries of the ledger to read: newest first, at most `limit`; "" leaves a part open.

    `image` is a digest (`sha256:...`): outcomes that name it alone. `outcomes`: no other entries.
    """

    service: str = ""
    rollout: str = ""
    image: str = ""
    since: datetime | None = None
    limit: int = 50
    outcomes: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """How a revision is set up: what a diff compares. Values never appear, only their digests.

    What belongs to a sidecar has the sidecar's name and a slash before it.

    Attributes:
        env: name of each variable, and a digest of its value under a key of this process.
        secrets: name of each variable or mount that a secret fills, and the secret it names.
        fields: everything else by name (image, service_account, concurrency, timeout_s, cpu,
            memory, port ...), as text that may be shown.
        hidden: what may hold a secret and is no variable (command, args ...), as digests like env.
    """

    env: Mapping[str, str]
    secrets: Mapping[str, str]
    fields: Mapping[str, str]
    hidden: Mapping[str, str] = field(default_factory=dict)


class Configurations(Protocol):
    """Reads how revisions are set up. Implemented by cloud.configurations."""

    async def of(self, revision: str) -> Configuration:
        """How this revision is set up.

        Raises:
            NotFoundError: it does not exist.
            AccessError, UnavailableError: as in gate.errors.
        """
        ...


class Ledger(Protocol):
    """Remembers. Implemented over Cloud Logging by cloud.decisions, in memory by the tests."""

    async def append(self, entry: dict[str, Json], rollout: str, sequence: int) -> None:
        """Keeps one entry under an idempotency key made of rollout and sequence.

        Raises:
            AccessError, UnavailableError: it may not have been kept.
        """
        ...

    async def entries(self, query: LedgerQuery) -> tuple[dict[str, Json], ...]:
        """Entries that match, newest first."""
        ...


class Bundles(Protocol):
    """Keeps evidence that an entry has no room for: JSON, named by the sha256 of its content.

    Implemented by cloud.bucket and ledger.folder.
    """

    async def put(self, name: str, content: bytes) -> str:
        """Keeps one, and returns where it is; doing so twice is the same as once.

        Raises:
            InfrastructureError: it may not have been kept.
        """
        ...

    async def get(self, name: str) -> bytes:
        """The content of one.

        Raises:
            NotFoundError: it is not there.
            InfrastructureError: nobody knows.
        """
        ...


class Signer(Protocol):
    """Signs how a rollout ended. Implemented by signing.signer."""

    async def sign(self, entry: dict[str, Json], digest: str) -> str:
        """A signed statement about the image that an outcome is about.

        Args:
            entry: the outcome, without a signature.
            digest: its sha256 in canonical form.

        Returns:
            The envelope as the entry has it under `attestation`; "" for an outcome that says
            nothing of an image.

        Raises:
            InfrastructureError: it is not signed.
        """
        ...


class Narrator(Protocol):
    """Hears what goes on, to show it. Implemented by report; must not raise or block."""

    def doing(self, rollout: Rollout, command: Command) -> None:
        """The shell is about to carry this command out."""
        ...

    def happened(self, rollout: Rollout, event: Event) -> None:
        """This event came, and this is the state that it led to."""
        ...

    def progress(self, progress: Progress) -> None:
        """A probe began, advanced or ended."""
        ...


class Clock(Protocol):
    """Time. The system clock lives in api.wiring."""

    def now(self) -> datetime:
        """The time now, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits this long."""
        ...
