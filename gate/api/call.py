"""What every call takes: which service, with what around it, and who hears what goes on."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypedDict

from gate.api.around import around
from gate.api.plans import By, override_of
from gate.api.progress import Hear, Listener
from gate.api.wiring import service_named
from gate.core.overrides import Override
from gate.core.policy import Policy, ServiceName
from gate.core.service import ServiceRef
from gate.errors import UsageError


class Where(TypedDict, total=False):
    """Which service, and in what environment.

    Attributes:
        policy: a policy's file; its `service` counts where the parts are not given.
        policy_text: its text, in place of what the file holds; `policy` then says what it is
            called, and where its relative paths begin.
        project, region, service: the service's parts; project and region may also come from the
            environment or gcloud's settings.
        environment: variables, for secrets and settings; None for the process's own. Google's
            credentials are always those of the process.
    """

    policy: str | PathLike[str] | None
    policy_text: str | None
    project: str
    region: str
    service: str
    environment: Mapping[str, str] | None


class Common(Where, total=False):
    """What every call takes that may change something.

    Attributes:
        actor: who asks, for the record; "" for whom the environment names.
        on_progress: hears what goes on, in the event loop's thread; one that raises is not called
            again.
        handle_signals: let SIGINT and SIGTERM end it safely; in the main thread only.
    """

    actor: str
    on_progress: Hear | None
    handle_signals: bool


class Moving(Common, total=False):
    """What every call takes that may move users.

    Attributes:
        override: rules for people that are set aside (docs/rules.md): one, or several; needs a
            reason.
        expires_s: for how long, in seconds, at most a day. A rollback may leave it out: an hour.
    """

    override: str | Sequence[str]
    expires_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The same, as it was given."""

    policy: str | PathLike[str] | None = None
    policy_text: str | None = None
    project: str = ""
    region: str = ""
    service: str = ""
    environment: Mapping[str, str] | None = None
    actor: str = ""
    on_progress: Hear | None = None
    handle_signals: bool = False
    override: str | Sequence[str] = ()
    expires_s: float | None = None

    @contextmanager
    def begun(self) -> Iterator[Listener]:
        """Goes by the call's environment while this lasts; gives the one who hears of it."""
        listener = Listener(self.on_progress)
        with around(self.environment, listener.say):
            yield listener

    @property
    def file(self) -> Path:
        """What the policy is called, and where its proof and its relative paths are."""
        return Path(self.policy if self.policy is not None else "policy.yaml")

    @property
    def has_policy(self) -> bool:
        """Whether there is one."""
        return self.policy is not None or self.policy_text is not None

    def read_policy(self) -> Policy | None:
        """The whole policy, None without one.

        Raises:
            PolicyError: with every mistake in it.
        """
        if not self.has_policy:
            return None
        from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where it is read

        return load_policy(self.file, self.policy_text)

    def ref(self) -> ServiceRef:
        """The service.

        Raises:
            UsageError: some part is nowhere to be found; names all that are missing.
        """
        named = None
        if self.has_policy:
            from gate.policyfile import load_service  # noqa: PLC0415 - as above

            named = load_service(self.file, self.policy_text)
        return service_named(ServiceName(self.project, self.region, self.service), named)

    def overriding(self, by: By, command: str, otherwise_s: float | None = None) -> Override | None:
        """What is set aside, None where nothing is.

        Args:
            by: who asks, who must say why.
            command: what is asked for, for messages.
            otherwise_s: for how long where nobody says it; None where it must be said.

        Raises:
            UsageError: there is no such rule, or a reason or an expiry is lacking.
        """
        rules = (self.override,) if isinstance(self.override, str) else tuple(self.override)
        asked = any(rules)
        for_s = otherwise_s if self.expires_s is None and asked else self.expires_s
        return override_of(rules if asked else (), for_s, by, command)

    def by_hand(self, reason: str) -> By:
        """Who moves users, who must say why.

        Raises:
            UsageError: the reason is blank.
        """
        if not reason.strip():
            raise UsageError("reason: is blank (got nothing, expected why, for the record)")
        return By(self.actor, reason)
