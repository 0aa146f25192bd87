"""Picks the adapters, asks the environment, owns the system clock: the only place that does.

Everything heavy is imported where it is used, so that a command pays only for its own adapters.
"""

import asyncio
import secrets
import sys
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from gate.api.around import environment, say
from gate.core.origin import RELEASE, Origin
from gate.core.policy import ServiceName
from gate.core.redaction import Redactor
from gate.core.service import ServiceRef
from gate.core.state import Kind
from gate.errors import UsageError

if TYPE_CHECKING:  # the adapters themselves are imported lazily
    import argparse
    from pathlib import Path

    from gate.cloud.decisions import CloudLedger
    from gate.cloud.kms import KmsKey
    from gate.cloud.logs import CloudLogs
    from gate.cloud.metrics import MonitoredRequests
    from gate.cloud.movers import AuditLog
    from gate.cloud.request_log import LoggedRequests
    from gate.cloud.run import CloudRun
    from gate.cloud.secrets import SecretManager
    from gate.cloud.wire import Ways, Wire
    from gate.core.policy import Policy
    from gate.core.proof import Proving
    from gate.ports import Bundles, Configurations, Headers, Logs, Probes, UsersAnswer
    from gate.probes.inquiry import Surroundings
    from gate.tracing.exporting import Exporting

T = TypeVar("T")
RUN_EMULATOR = "CLOUD_RUN_EMULATOR_HOST"
LOGGING_EMULATOR = "LOGGING_EMULATOR_HOST"
SECRETS_EMULATOR = "SECRET_MANAGER_EMULATOR_HOST"
MONITORING_EMULATOR = "MONITORING_EMULATOR_HOST"
STORAGE_EMULATOR = "STORAGE_EMULATOR_HOST"
BUNDLES = "GATE_BUNDLES"
IMPERSONATED = "CLOUDSDK_AUTH_IMPERSONATE_SERVICE_ACCOUNT"
KMS_EMULATOR = "CLOUD_KMS_EMULATOR_HOST"


class Asking(NamedTuple):
    """What asks a policy's probes.

    Attributes:
        runner: asks them.
        redactor: knows the policy's secrets.
        versions: of the secrets that Secret Manager keeps, by name, for the record.
    """

    runner: "Probes"
    redactor: Redactor
    versions: Mapping[str, str]


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """The time now, aware, in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Waits this long."""
        await asyncio.sleep(seconds)


def run_async(main: Coroutine[object, object, T], *, many_connections: bool = False) -> T:
    """Runs a coroutine on a new event loop; on uvloop where many connections are to be opened."""
    factory = None
    if many_connections and sys.platform != "win32":
        import uvloop  # noqa: PLC0415 - costs start-up time that a rollback should not pay

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def service_of(args: "argparse.Namespace", named: ServiceName | None = None) -> ServiceRef:
    """The service: from the command line, else the policy, else what gcloud users have set.

    Raises:
        UsageError: some part is nowhere to be found; names all that are missing.
    """
    return service_named(ServiceName(args.project, args.region, args.service), named, "--")


def service_named(given: ServiceName, named: ServiceName | None, dashes: str = "") -> ServiceRef:
    """The service by the parts that were given, as in `service_of`.

    Raises:
        UsageError: some part is nowhere to be found; names all that are missing.
    """
    project, region = _place(given, named)
    name = given.name or (named.name if named else "")
    parts = {"project": project, "region": region, "service": name}
    _require({dashes + part: value for part, value in parts.items()})
    return ServiceRef(project, region, name)


def place_of(args: "argparse.Namespace", named: ServiceName | None = None) -> tuple[str, str]:
    """Project and region alone, as in `service_of`.

    Raises:
        UsageError: one of them is nowhere to be found.
    """
    project, region = _place(ServiceName(args.project, args.region), named)
    _require({"--project": project, "--region": region})
    return project, region


def _place(given: ServiceName, named: ServiceName | None) -> tuple[str, str]:
    settings = _GcloudSettings(environment())
    project = given.project or (named.project if named else "") or settings.project()
    region = given.region or (named.region if named else "") or settings.region()
    return project, region


def _require(parts: Mapping[str, str]) -> None:
    missing = [flag for flag, value in parts.items() if not value]
    if missing:
        raise UsageError(
            f"service: not fully named (got nothing for {', '.join(missing)})",
            "give them on the command line or in the policy under `service`; project and region "
            "may also come from CLOUDSDK_CORE_PROJECT and CLOUDSDK_RUN_REGION, or gcloud config",
        )


class _GcloudSettings:
    """Project and region as gcloud's users have them: environment first, then configuration."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def project(self) -> str:
        """CLOUDSDK_CORE_PROJECT, GOOGLE_CLOUD_PROJECT, or core/project."""
        names = ("CLOUDSDK_CORE_PROJECT", "GOOGLE_CLOUD_PROJECT")
        return self._first(names) or self.configured("core", "project")

    def region(self) -> str:
        """CLOUDSDK_RUN_REGION or run/region."""
        return self._first(("CLOUDSDK_RUN_REGION",)) or self.configured("run", "region")

    def _first(self, names: tuple[str, ...]) -> str:
        return next((value for name in names if (value := self._environment.get(name))), "")

    def configured(self, section: str, key: str) -> str:
        """A value of gcloud's active configuration, "" where there is none."""
        import configparser  # noqa: PLC0415 - only where the environment does not say
        from pathlib import Path  # noqa: PLC0415

        named = self._environment.get("CLOUDSDK_CONFIG")
        try:
            folder = Path(named) if named else Path.home() / ".config" / "gcloud"
            active = self._environment.get("CLOUDSDK_ACTIVE_CONFIG_NAME") or (
                (folder / "active_config").read_text(encoding="utf-8").strip()
            )
            parser = configparser.ConfigParser(interpolation=None)
            parser.read(folder / "configurations" / f"config_{active}", encoding="utf-8")
        except (OSError, RuntimeError, configparser.Error, UnicodeDecodeError):
            return ""  # no home (RuntimeError), as for many users in containers, has no settings
        return parser.get(section, key, fallback="")


def actor() -> str:
    """Who asks: GATE_ACTOR, the Cloud Build, the gcloud account, or the login name."""
    told = environment()
    if named := told.get("GATE_ACTOR"):
        return named
    if build := told.get("BUILD_ID"):
        return f"cloud build {build}"
    account = told.get("CLOUDSDK_CORE_ACCOUNT") or _GcloudSettings(told).configured(
        "core", "account"
    )
    return account or _login_name()


BUILDS: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("github actions", "GITHUB_RUN_ID", ("GITHUB_WORKFLOW",), ("GITHUB_SHA",)),
    ("gitlab ci", "CI_PIPELINE_ID", ("CI_PIPELINE_SOURCE",), ("CI_COMMIT_SHA",)),
    ("cloud build", "BUILD_ID", ("TRIGGER_NAME", "TRIGGER_ID"), ("COMMIT_SHA", "REVISION_ID")),
)
"""What runs the gate, told by a variable that holds its id; then those of trigger and commit."""


def origin() -> Origin:
    """In which build, and from which commit, the gate is asked, by the environment."""
    for system, build, triggers, commits in BUILDS:
        if environment().get(build):
            told = (_first_of((build,)), _first_of(triggers), _first_of(commits))
            return Origin(system, *told, release=RELEASE)
    return Origin(commit=_first_of(("COMMIT_SHA", "GITHUB_SHA", "CI_COMMIT_SHA")), release=RELEASE)


def _first_of(names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environment().get(name))), "")


def _login_name() -> str:
    import getpass  # noqa: PLC0415 - only where nothing else says who it is

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry for this user id, as in many containers
        return "unknown"


def new_id(now: datetime) -> str:
    """An id for one rollout: sorts by time, unique without coordination."""
    return f"{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def new_suffix() -> str:
    """Three letters for a revision's name, as gcloud's: consonant, vowel, consonant."""
    consonants, vowels = "bcdfghjklmnpqrstvwxz", "aeiou"
    return "".join(secrets.choice(letters) for letters in (consonants, vowels, consonants))


def on_wait(text: str) -> None:
    """Tells whoever asks what a call waits for; the wire calls it within two seconds."""
    say(text)


def _ways(*, quiet: bool = False) -> "Ways":
    """How a wire reaches the world: as whom, and whether it says what it waits for."""
    from gate.cloud.wire import Ways, identify_as  # noqa: PLC0415

    as_whom = identify_as(environment().get(IMPERSONATED, ""))
    return Ways(identify=as_whom, say=None if quiet else on_wait)


def platform_of(ref: ServiceRef) -> "CloudRun":
    """Cloud Run: the emulator that the environment names, or the real one."""
    from gate.cloud.channel import Endpoint  # noqa: PLC0415
    from gate.cloud.run import CloudRun  # noqa: PLC0415

    return CloudRun(ref, Endpoint(environment().get(RUN_EMULATOR)), ways=_ways())


async def marked_services(project: str, region: str) -> tuple[ServiceRef, ...]:
    """The services of a region that carry a mark of the gate."""
    from gate.cloud.channel import Api, Endpoint, Place  # noqa: PLC0415
    from gate.cloud.services import marked_services as marked  # noqa: PLC0415
    from gate.cloud.wire import Wire  # noqa: PLC0415

    place = Place(Api.RUN, Endpoint(environment().get(RUN_EMULATOR)), region)
    async with Wire(place, ways=_ways()) as wire:
        return await marked(wire, project)


async def service_names(project: str, region: str) -> tuple[str, ...]:
    """The names of the services of a region, for whoever has misspelt one."""
    from gate.cloud.channel import Api, Endpoint, Place  # noqa: PLC0415
    from gate.cloud.services import service_names as names  # noqa: PLC0415
    from gate.cloud.wire import Wire  # noqa: PLC0415

    place = Place(Api.RUN, Endpoint(environment().get(RUN_EMULATOR)), region)
    async with Wire(place, ways=_ways(quiet=True)) as wire:
        return await names(wire, project)


def logs_of(ref: ServiceRef) -> "CloudLogs":
    """The service's logs: in the emulator that the environment names, or the real ones."""
    from gate.cloud.channel import Endpoint  # noqa: PLC0415
    from gate.cloud.logs import CloudLogs  # noqa: PLC0415

    endpoint = Endpoint(environment().get(LOGGING_EMULATOR))
    return CloudLogs(ref, endpoint, ways=_ways(quiet=True))


def secret_manager() -> "SecretManager":
    """Secret Manager: the emulator that the environment names, or the real one."""
    from gate.cloud.channel import Endpoint  # noqa: PLC0415
    from gate.cloud.secrets import SecretManager  # noqa: PLC0415

    return SecretManager(Endpoint(environment().get(SECRETS_EMULATOR)), _ways())


def kms_key(name: str) -> "KmsKey":
    """A key of Cloud KMS: in the emulator that the environment names, or the real one."""
    from gate.cloud.channel import Endpoint  # noqa: PLC0415
    from gate.cloud.kms import KmsKey  # noqa: PLC0415

    return KmsKey(name, Endpoint(environment().get(KMS_EMULATOR)), _ways(quiet=True))


def user_requests_of(ref: ServiceRef, policy: "Policy") -> "LoggedRequests | MonitoredRequests":
    """Where users' own requests are counted, as the policy says."""
    from gate.cloud.channel import Endpoint  # noqa: PLC0415
    from gate.core.user_requests import Source  # noqa: PLC0415

    if policy.metrics.source is Source.MONITORING:
        from gate.cloud.metrics import MonitoredRequests  # noqa: PLC0415

        return MonitoredRequests(ref, Endpoint(environment().get(MONITORING_EMULATOR)))
    from gate.cloud.request_log import LoggedRequests, Telling  # noqa: PLC0415
    from gate.probes.frontend import in_its_place  # noqa: PLC0415
    from gate.probes.headers import own  # noqa: PLC0415

    endpoint = Endpoint(environment().get(LOGGING_EMULATOR))
    return LoggedRequests(ref, endpoint, Telling(own, in_its_place))


def ledger_of(ref: ServiceRef) -> "CloudLedger":
    """The ledger, kept in Cloud Logging (log `gate-decisions`)."""
    from gate.cloud.channel import Endpoint  # noqa: PLC0415
    from gate.cloud.decisions import CloudLedger  # noqa: PLC0415

    return CloudLedger(ref, Endpoint(environment().get(LOGGING_EMULATOR)), ways=_ways())


@asynccontextmanager
async def bundles(where: str) -> AsyncIterator["Bundles | None"]:
    """Where evidence is kept that entries have no room for.

    Args:
        where: gs://BUCKET/PREFIX, or a folder; "" for nowhere.

    Raises:
        UsageError: it is no bucket.
    """
    if "://" in where:
        from gate.cloud.bucket import BucketBundles  # noqa: PLC0415
        from gate.cloud.storage import folder_of  # noqa: PLC0415

        async with BucketBundles(storage(), folder_of(where)) as bucket:
            yield bucket
    elif where:
        from pathlib import Path  # noqa: PLC0415

        from gate.ledger.folder import FolderBundles  # noqa: PLC0415

        yield FolderBundles(Path(where))
    else:
        yield None


def bundles_place(kind: Kind) -> str:
    """Where GATE_BUNDLES wants them, "" for nowhere; a wrong one stops no move by hand.

    Raises:
        UsageError: it names no bucket.
    """
    where = environment().get(BUNDLES, "").strip()
    if "://" in where:
        from gate.cloud.storage import folder_of  # noqa: PLC0415

        try:
            folder_of(where)
        except UsageError as error:
            if kind is not Kind.ROLLOUT:
                return ""
            raise UsageError(f"{BUNDLES}: {error.message}", error.hint) from None
    return where


def audit_log_of(ref: ServiceRef) -> "AuditLog":
    """Who wrote on the service, by the platform's own audit log."""
    from gate.cloud.channel import Endpoint  # noqa: PLC0415
    from gate.cloud.movers import AuditLog  # noqa: PLC0415

    return AuditLog(ref, Endpoint(environment().get(LOGGING_EMULATOR)), ways=_ways())


def storage() -> "Wire":
    """Cloud Storage: the emulator that the environment names (http:// may lead), or the real."""
    from gate.cloud.channel import Api, Endpoint, Place  # noqa: PLC0415
    from gate.cloud.wire import Patience, Wire  # noqa: PLC0415

    host = environment().get(STORAGE_EMULATOR, "").removeprefix("http://").rstrip("/")
    return Wire(Place(Api.STORAGE, Endpoint(host)), Patience(budget_s=5.0), _ways(quiet=True))


def exporting() -> "Exporting | None":
    """Sends spans where the environment names an endpoint and the extra is there; else None."""
    told = environment()
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    wanted = any(told.get(name) for name in endpoints)
    off = told.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    if not wanted or off or told.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return None
    try:
        from gate.tracing.exporting import Exporting  # noqa: PLC0415 - only where it is wanted

        return Exporting(told)
    except ImportError:
        from gate.kinds.extras import hint  # noqa: PLC0415 - as above

        say(f"note: no spans are sent without the extra tracing: {hint(['tracing'])}")
    except Exception as error:  # noqa: BLE001 - a variable that the SDK cannot read stops nothing
        say(f"note: no spans are sent ({type(error).__name__})")
    return None


async def answers(url: str, headers: "Headers") -> "UsersAnswer":
    """As ports.Answers, over HTTP."""
    from gate.probes.answer import users_answer  # noqa: PLC0415
    from gate.probes.tls import shared_context  # noqa: PLC0415

    return await users_answer(url, headers, shared_context)


def configurations_of(platform: "CloudRun") -> "Configurations":
    """How the revisions of the platform's service are set up."""
    from gate.cloud.configurations import CloudConfigurations  # noqa: PLC0415

    return CloudConfigurations(platform)


def _surroundings(policy: "Policy") -> "Surroundings":
    """What a suite is started with: no variable of ours but those that any program needs."""
    from pathlib import Path  # noqa: PLC0415 - as in probes_of

    from gate.probes.inquiry import Surroundings  # noqa: PLC0415

    names = ("PATH", "HOME", "LANG", "TMPDIR")
    told = environment()
    return Surroundings(Path(policy.folder), {name: told[name] for name in names if name in told})


async def probes_of(
    policy: "Policy",
    logs: "Logs | None",
    configurations: "Configurations | None" = None,
    *,
    arrived: bool = False,
) -> "Asking":
    """The runner of the policy's probes with its secrets, and the redactor that knows them.

    `arrived`: the address has long been served, so that nothing waits for it to be.

    Raises:
        UsageError: a secret is missing or unusable, or an extra is that some probe needs.
        InfrastructureError: Secret Manager does not give a secret.
    """
    from gate.api import secret_values  # noqa: PLC0415
    from gate.core.literals import literals  # noqa: PLC0415 - lazy, as all here
    from gate.probes.runner import ProbeRunner  # noqa: PLC0415

    _require_extras(policy)
    secrets = await secret_values.of_policy(policy, secret_manager)
    redactor = Redactor(secrets.values, literals(policy))
    runner = ProbeRunner(
        secrets.values,
        logs,
        SystemClock(),
        redactor,
        configurations=configurations,
        surroundings=_surroundings(policy),
        arrival_within_s=0.0 if arrived else policy.candidate.arrival_within_s,
    )
    return Asking(runner, redactor, secrets.versions)


def _require_extras(policy: "Policy") -> None:
    """Makes sure that every probe can be asked before anything is written."""
    from gate.kinds.extras import hint  # noqa: PLC0415 - as in probes_of
    from gate.kinds.keys import lacking  # noqa: PLC0415

    found = tuple(lacking(policy.probes))
    if found:
        lines = (f"{said.place}: {said.message}" for _, said in found)
        raise UsageError("\n".join(lines), hint(extra for extra, _ in found))


def proving(path: "Path", policy: "Policy") -> "Proving":
    """What is known of the policy's proof; a file that cannot be read is none, and says why."""
    from gate.core.proof import Proving  # noqa: PLC0415
    from gate.mutation.proof_file import ProofFileError, proof_path, read_proof  # noqa: PLC0415
    from gate.policyfile import contract_digest  # noqa: PLC0415 - lazy, as all here

    file = proof_path(path)
    proof, problem = None, ""
    try:
        proof = read_proof(file)
    except ProofFileError as error:
        problem = error.message
    contract = contract_digest(policy)
    asked = policy.require_proof
    least = 0.0 if isinstance(asked, bool) else asked
    return Proving(bool(asked), file.name, policy.digest, contract, proof, problem, least)
