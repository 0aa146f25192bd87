"""What a policy says, as values. policyfile reads YAML into these; nothing else builds them.

Each value checks itself: an impossible one raises ValueProblem, to which the reader of the file
adds file:line:column. Durations are seconds (`_s`), rates are percent.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from gate.core.approvals import ApprovalRule
from gate.core.checks import more_than_0, path_on_candidate, within
from gate.core.control import Baseline as Baseline  # noqa: PLC0414 - policies say which
from gate.core.control import Contract, Repeats
from gate.core.freeze import Freeze
from gate.core.permits import Permits
from gate.core.questions import Json as Json  # noqa: PLC0414 - JSON values belong to policies, too
from gate.core.questions import ProbeSpec
from gate.core.user_requests import Source
from gate.errors import ValueProblem


@dataclass(frozen=True, slots=True)
class ServiceName:
    """The policy's service; each part may come from the command line or the environment."""

    project: str = ""
    region: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class IdentityRule:
    """How an answer proves which revision gave it: by its name, in one of these places.

    Attributes:
        header: name of a header of the answer; of a WebSocket, of the answer to its handshake.
        path, field: a path whose JSON answer has the name in this field; asked beside the probes,
            which then rest on that answer.
        request_log: the front end's own log, looked up by trace id once all have been asked.
        json: field of the JSON answer that a probe gets itself.
        message: field of a WebSocket's messages, of which the first that has it counts.
        otherwise: rules that are tried where this one does not apply, in this order.

    In a field's name, dots lead into objects: `meta.revision`.
    """

    header: str = ""
    path: str = ""
    field: str = ""
    request_log: bool = False
    json: str = ""
    message: str = ""
    otherwise: tuple["IdentityRule", ...] = ()

    def __post_init__(self) -> None:
        places = (self.header, self.path, self.json, self.message, self.request_log)
        if sum(map(bool, places)) != 1:
            needs = "needs one of a header, a JSON answer, a message or the request log"
            raise ValueProblem("identity", needs)
        if self.path and not self.field:
            raise ValueProblem("identity", "names no field of the JSON answer")
        if self.path:
            path_on_candidate(self.path)

    @classmethod
    def first_of(cls, rules: Sequence["IdentityRule"]) -> "IdentityRule":
        """The rules as one: of each answer, the first that applies counts.

        Args:
            rules: at least one.
        """
        first, *others = (one for rule in rules for one in rule.rules)
        return replace(first, otherwise=tuple(others))

    @property
    def rules(self) -> tuple["IdentityRule", ...]:
        """All of them in their order, each by itself."""
        return (replace(self, otherwise=()), *self.otherwise)

    @property
    def by_log(self) -> bool:
        """Whether the request log decides where nothing before it does."""
        return any(rule.request_log for rule in self.rules)


def name_at(value: Json, field: str) -> str:
    """The name that a JSON value has in a field, as rules call it; "" for none."""
    if not isinstance(value, dict):
        return ""
    if field not in value and "." in field:
        outer, _, inner = field.partition(".")
        return name_at(value.get(outer), inner)
    found = value.get(field)
    return found.strip() if isinstance(found, str) else ""


ARRIVAL_MAX_S = 600.0
"""The longest wait for an address: front ends follow within minutes, or something else is wrong."""


READY_WITHIN_S, STARTING_WITHIN_S = 240.0, 180.0
"""How long a candidate may take to become ready, and of that how long it may say that it is not."""


@dataclass(frozen=True, slots=True)
class CandidateRule:
    """How the candidate is addressed, proves itself, and how long it may take to be there.

    Attributes:
        tag: of its own address.
        ready_within_s: until the platform calls it ready.
        identity: how an answer proves which revision gave it; None where any answer will do.
        arrival_within_s: how long is waited in the whole rollout, all probes together, while the
            front end knows no such address yet or lets another revision answer there; 0 to 600.
        starting_within_s: how long it may say that it is starting once it answers; None for the
            default, or all of a ready_within_s that is longer than its own.
        audience: what tokens that let the gate in are made out to; "" for the service's own URL.
    """

    tag: str = "candidate"
    ready_within_s: float = READY_WITHIN_S
    identity: IdentityRule | None = None
    arrival_within_s: float = 60.0
    starting_within_s: float | None = None
    audience: str = ""

    @property
    def not_yet_s(self) -> float:
        """How long an answer that it is too early is asked for again at most."""
        if self.starting_within_s is not None:
            return min(self.starting_within_s, self.ready_within_s)
        longer = self.ready_within_s > READY_WITHIN_S
        return self.ready_within_s if longer else min(STARTING_WITHIN_S, self.ready_within_s)

    def __post_init__(self) -> None:
        more_than_0("ready_within", self.ready_within_s)
        if self.starting_within_s is not None:
            more_than_0("starting_within", self.starting_within_s)
        within("arrival_within", self.arrival_within_s, 0, ARRIVAL_MAX_S)


class OnHold(Enum):
    """What becomes of a candidate whose evidence is inconclusive."""

    KEEP = "keep"
    DROP = "drop"


class TemplateSource(Enum):
    """What a new revision is built on, apart from its image."""

    STABLE = "stable"  # the revision that has most users
    SERVICE = "service"  # the service's template: what was deployed last, rejected or not


@dataclass(frozen=True, slots=True)
class SecretRef:
    """Where a secret's value comes from: exactly one of these.

    Attributes:
        env: an environment variable.
        file: a file; where the path is relative, from the policy's folder.
        secret: a version of a secret in Secret Manager: projects/P/secrets/S/versions/V.
    """

    env: str = ""
    file: str = ""
    secret: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.env, self.file, self.secret))) != 1:
            raise ValueProblem("secret", "needs one of a variable, a file or a secret's version")


@dataclass(frozen=True, slots=True)
class KeyRef:
    """Where a key that signs, or its public key, comes from: exactly one of these.

    Attributes:
        env, file, secret: as of a secret; PEM.
        kms: a version of a key in Cloud KMS:
            projects/P/locations/L/keyRings/R/cryptoKeys/K/cryptoKeyVersions/V.
    """

    env: str = ""
    file: str = ""
    secret: str = ""
    kms: str = ""

    def __post_init__(self) -> None:
        if sum(map(bool, (self.env, self.file, self.secret, self.kms))) != 1:
            raise ValueProblem("key", "needs one of a variable, a file, a secret or a KMS key")


@dataclass(frozen=True, slots=True)
class SignRule:
    """With what decisions are signed."""

    key: KeyRef


@dataclass(frozen=True, slots=True)
class EarlierStage:
    """What an image must have passed before it is deployed.

    Attributes:
        key: the public key of whoever decided there; None for that of the policy's own `sign`.
        stage: the service whose gate must have promoted it; a part that is "" is that of the
            policy's own service. None for any other service of the project.
    """

    key: KeyRef | None = None
    stage: ServiceName | None = None

    def stage_of(self, own: ServiceName) -> ServiceName | None:
        """The stage, where what it leaves out is that of the policy's own service."""
        if self.stage is None:
            return None
        named = self.stage
        project, region = named.project or own.project, named.region or own.region
        return ServiceName(project, region, named.name or own.name)


@dataclass(frozen=True, slots=True)
class Capability:
    """What is at stake when a probe fails, for the report."""

    priority: str
    impact: str = ""


class HookFormat(Enum):
    """In whose form a webhook is told."""

    CLOUDEVENTS = "cloudevents"  # CloudEvents 1.0, structured JSON
    GOOGLE_CHAT = "google-chat"
    SLACK = "slack"


@dataclass(frozen=True, slots=True)
class Notification:
    """A webhook that is told how a rollout ended.

    Attributes:
        url: where its address is; whoever knows it may write there, so that it is a secret.
        on: the endings that it is told of.
        secret: name of the policy's secret with which it is signed, "" for none.
    """

    url: SecretRef
    format: HookFormat = HookFormat.CLOUDEVENTS
    on: tuple[str, ...] = (
        "promoted",
        "rolled back",
        "rejected",
        "reverted",
        "regressed",
        "held",
        "failed",
        "stuck",
        "stopped",
        "resumed",
    )
    secret: str = ""


class Bodies(Enum):
    """What is kept of the bodies and frames that a candidate answers with."""

    NONE = "none"
    SHAPE = "shape"  # keys and types
    EXCERPT = "excerpt"


@dataclass(frozen=True, slots=True)
class Probe:
    """One named question to the candidate.

    A required probe must pass for a promotion; one that is not required is only reported.

    Attributes:
        stable_writes: whether stable may be asked it, too, where asking may change what it keeps.
    """

    name: str
    spec: ProbeSpec
    capability: str = ""
    required: bool = True
    contract: Contract = Contract.STABLE
    bodies: Bodies = Bodies.EXCERPT
    stable_writes: bool = False

    @property
    def spares_stable(self) -> bool:
        """Whether stable is not asked it, since its data are users' data."""
        return self.spec.writes and not self.stable_writes


REQUESTS_MAX = 1000
"""Most requests that a step can ask for: of a log, twice as many are read at most."""


@dataclass(frozen=True, slots=True)
class MetricsRule:
    """How users' own requests are counted at a step, and how much worse than stable's they may be.

    Attributes:
        source: where they are counted.
        errors_percent: how many more of 100 may end in 5xx, more than 0.
        slower_percent: how much longer the percentile may be.
        percentile: which one of latency is compared.
    """

    source: Source = Source.LOGS
    errors_percent: float = 5.0
    slower_percent: float = 100.0
    percentile: int = 95

    def __post_init__(self) -> None:
        within("errors", self.errors_percent, 0.5, 50)
        within("slower_than_stable", self.slower_percent, 10, 10_000)
        within("percentile", self.percentile, 50, 99)

    @property
    def slower(self) -> float:
        """How many times as long as stable's the percentile may be."""
        return 1 + self.slower_percent / 100


LEASE_MIN_S = 5.0
LEASE_MAX_S = 3600.0


@dataclass(frozen=True, slots=True)
class Policy:
    """A whole policy.

    Attributes:
        traffic: percents that the candidate gets one after the other, ending at 100.
        requests: least number of users' own requests to the candidate at each of these steps, 0
            for none; () where no step asks for any. That of the last step is for the watch.
        metrics: how they are counted and judged.
        dwell_s: how long it is probed at each step before the next.
        watch_s: how long it is probed on after the last step.
        deadline_s: limit for the whole rollout, dwells and watch included.
        lease_s: how long a rollout counts as alive without a word from it.
        first_deploy: create the service if there is none; its first revision then has users'
            requests while it is probed.
        template: what a new revision is built on.
        baseline: what every probe is asked of as well, to tell whose fault a failure is.
        repeats: how often a failed probe is asked again, with a baseline.
        fail_fast: once a required probe has failed beyond doubt, ask only what may explain it.
        require_proof: hold unless a fresh proof says that the probes can fail; a number is the
            least share, in percent, of the faults that it must have met.
        notify: who is told how it ended.
        sign: with what decisions are signed; None for not at all.
        require_signed: what the image must have passed before; None for nothing.
        freeze: when nothing is rolled out nor promoted.
        approve: how many people must have approved a candidate before users are moved.
        allow: who may do what.
        digest: sha256 (hex) over the policy and the schemas it names, as read.
        source: the file's name, for messages.
        folder: where the file lies, for programs that a probe starts; "" where nothing says so.
        lines: the line of the file at which each probe begins, by its name.
    """

    service: ServiceName
    probes: tuple[Probe, ...]
    candidate: CandidateRule = CandidateRule()
    traffic: tuple[int, ...] = (100,)
    requests: tuple[int, ...] = ()
    metrics: MetricsRule = field(default_factory=MetricsRule)
    dwell_s: float = 60.0
    watch_s: float = 0.0
    deadline_s: float = 1200.0
    lease_s: float = 60.0
    on_hold: OnHold = OnHold.KEEP
    first_deploy: bool = False
    template: TemplateSource = TemplateSource.STABLE
    baseline: Baseline = Baseline.NONE
    repeats: Repeats = field(default_factory=Repeats)
    fail_fast: bool = True
    require_proof: bool | float = False
    secrets: Mapping[str, SecretRef] = field(default_factory=dict, hash=False)
    capabilities: Mapping[str, Capability] = field(default_factory=dict, hash=False)
    notify: tuple[Notification, ...] = ()
    sign: SignRule | None = None
    require_signed: EarlierStage | None = None
    freeze: tuple[Freeze, ...] = ()
    approve: ApprovalRule | None = None
    allow: Permits = field(default_factory=Permits)
    digest: str = ""
    source: str = ""
    folder: str = ""
    lines: Mapping[str, int] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        within("lease", self.lease_s, LEASE_MIN_S, LEASE_MAX_S)
        self._check_steps()
        self._check_requests()
        self._check_deadline()
        self._check_notify()
        self._check_signed()
        if not any(probe.required for probe in self.probes):
            raise ValueProblem(
                "probes",
                "has no required probe, so that nothing could stop a promotion "
                "(got 0, expected at least 1)",
            )

    @property
    def stakes(self) -> tuple[tuple[str, str], ...]:
        """What each capability is worth, in words: `("chat", "P1, $120K MRR")`."""
        return tuple(
            (name, ", ".join(part for part in (one.priority, one.impact) if part))
            for name, one in self.capabilities.items()
        )

    @property
    def stops_early(self) -> bool:
        """Whether a failure can be beyond doubt before all is asked.

        Not where the front end's log says only afterwards whose answers they were.
        """
        rule = self.candidate.identity
        return self.fail_fast and not (rule and rule.by_log)

    def _check_steps(self) -> None:
        steps = self.traffic
        if list(steps) != sorted(set(steps)) or steps[-1:] != (100,) or steps[0] < 1:
            raise ValueProblem(
                "traffic",
                f"must rise to 100 (got {list(steps)}, expected percents that end at 100, "
                "each more than the one before)",
            )

    def _check_requests(self) -> None:
        steps = self.traffic
        if self.requests and len(self.requests) != len(steps):
            got, expected = len(self.requests), len(steps)
            raise ValueProblem("requests", f"are not one a step (got {got}, expected {expected})")
        if self.requests and self.requests[-1] and not self.watch_s:
            raise ValueProblem(
                "traffic",
                "asks for requests at its last step, where nobody counts them without a watch "
                f"(got {self.requests[-1]} requests, expected a `watch` beside them)",
                "write e.g. watch: 5m, or plain 100 as the last step",
            )

    def _check_notify(self) -> None:
        named = {one.secret for one in self.notify if one.secret}
        if missing := sorted(named.difference(self.secrets)):
            raise ValueProblem(
                "notify",
                f"names a secret that is not there (got {', '.join(missing)}, "
                "expected a name under `secrets`)",
            )

    def _check_signed(self) -> None:
        wanted = self.require_signed
        if wanted and wanted.key is None and self.sign is None:
            raise ValueProblem(
                "require_signed",
                "says no key (got neither a key there nor `sign`, expected one of them)",
                "give the public key of the earlier stage: require_signed: {key: {file: gate.pub}}",
            )
        if wanted and wanted.stage_of(self.service) == self.service:
            told = f"names the policy's own service as the stage before (got {self.service.name})"
            raise ValueProblem("require_signed", told, "name the service that comes first")

    def _check_deadline(self) -> None:
        more_than_0("deadline", self.deadline_s)
        dwells = len(self.traffic) - 1
        parts = [f"{self.candidate.ready_within_s:g} s of candidate.ready_within"]
        if dwells:
            parts.append(f"{dwells} x {self.dwell_s:g} s of dwell")
        if self.watch_s:
            parts.append(f"{self.watch_s:g} s of watch")
        least_s = self.candidate.ready_within_s + dwells * self.dwell_s + self.watch_s
        if self.deadline_s <= least_s:
            raise ValueProblem(
                "deadline",
                f"leaves no time to probe (got {self.deadline_s:g} s, "
                f"expected more than {' + '.join(parts)})",
            )
