"""Asks everything that `gate doctor` judges; each fact by itself, known or not."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from gate.api import secret_values, signing, wiring
from gate.api.caller import identity_of
from gate.cli.doctor_grants import Seen, granted, grants_of
from gate.cli.doctor_reach import asked
from gate.cloud.channel import Endpoint
from gate.cloud.exposure import exposure_of
from gate.cloud.logs import CloudLogs
from gate.cloud.run import CloudRun
from gate.cloud.trial import try_reading, try_writing
from gate.cloud.wire import Patience, Ways, identify_as
from gate.core.access import Caller, CallerKind
from gate.core.policy import Policy, SecretRef
from gate.core.service import Service, ServiceRef
from gate.doctor.caller import clock_ahead_s
from gate.doctor.facts import Address, Facts, PolicyFacts, Unknown
from gate.doctor.permissions import LIST_REVISIONS, READ_LOG, READ_REVISION, READ_SERVICE, WRITE_LOG
from gate.errors import (
    GateError,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
    UsageError,
)
from gate.kinds.extras import SIGNING
from gate.ports import Headers

T = TypeVar("T")
_PATIENCE = Patience(budget_s=8.0)
_LOOK_BACK = timedelta(hours=1)


def policy_facts(path: Path) -> PolicyFacts:
    """The policy, its proof, and what must be installed for it; its secrets are read later.

    Raises:
        PolicyError, UsageError: it cannot be read.
    """
    from gate.kinds.keys import all_lacking  # noqa: PLC0415 - with a policy only
    from gate.policyfile import load_policy  # noqa: PLC0415

    policy = load_policy(path)
    extras = {extra: said.place for extra, said in reversed([*all_lacking(policy)])}
    return PolicyFacts(
        str(path),
        policy,
        wiring.proving(path, policy),
        lacking=tuple(extras.items()),
    )


async def _missing(refs: Mapping[str, SecretRef], folder: str) -> tuple[tuple[str, str], ...]:
    """Why each secret without a usable value has none, and the variable that should hold it."""

    async def problem(name: str, ref: SecretRef) -> str:
        try:
            await secret_values.read({name: ref}, "", folder, wiring.secret_manager)
        except GateError as error:
            return error.message
        return ""

    told = await asyncio.gather(*(problem(name, ref) for name, ref in refs.items()))
    pairs = zip(told, refs.values(), strict=True)
    return tuple((said, ref.env) for said, ref in pairs if said)


async def unusable_keys(policy: Policy) -> tuple[tuple[str, str], ...]:
    """Why each key that should be here, in a file or a variable, cannot be used."""
    if SIGNING.missing:
        return ()
    found = []
    try:
        signing.signer_of(policy)
    except UsageError as error:
        found.append((error.message, ""))
    required = policy.require_signed.key if policy.require_signed else None
    if required is not None and (required.file or required.env):
        try:
            await signing.public_keys_of(policy)
        except UsageError as error:
            found.append((error.message, ""))
    return tuple(found)


async def facts_of(ref: ServiceRef, policy: PolicyFacts | None) -> Facts:
    """Everything about a service, asked at once where nothing waits for something else.

    Raises:
        NotFoundError: there is no such service.
        UnavailableError: Cloud Run gives no answer.
    """
    asking = _Asking(ref, policy)
    endpoint = Endpoint(os.environ.get(wiring.RUN_EMULATOR))
    async with CloudRun(ref, endpoint, _PATIENCE, asking.ways) as platform:
        caller = await asking.caller()
        if isinstance(caller, Unknown):
            return await asking.nothing(caller)
        seen = await asking.service(platform, caller)
        return await asking.rest(platform, seen)


class _Asking:
    """Asks about one service."""

    def __init__(self, ref: ServiceRef, policy: PolicyFacts | None) -> None:
        self._ref = ref
        self._policy = policy
        self._clock = wiring.SystemClock()
        self._run = Endpoint(os.environ.get(wiring.RUN_EMULATOR))
        self._logging = Endpoint(os.environ.get(wiring.LOGGING_EMULATOR))
        self._ahead_s: list[float] = []
        self._account = os.environ.get(wiring.IMPERSONATED, "")
        as_whom = identify_as(self._account)
        self.ways = Ways(identify=as_whom, say=wiring.on_wait, dated=self._dated)

    def _dated(self, text: str) -> None:
        if (ahead_s := clock_ahead_s(text, self._clock.now())) is not None:
            self._ahead_s.append(ahead_s)

    async def caller(self) -> Caller | Unknown:
        """Who calls; before all else, so that one token is made and not one a call."""
        return _known(await _fact(self._caller))

    async def nothing(self, why: Unknown) -> Facts:
        """What is known without credentials: the policy's own needs."""
        now = self._clock.now()
        return Facts(self._ref, now, why, why, why, why, why, policy=await self._needs())

    async def service(self, platform: CloudRun, caller: Caller) -> Seen:
        """The service as it stands, and what asking for it says of permissions."""
        since = self._clock.now() - _LOOK_BACK
        of_log = asyncio.gather(
            _fact(lambda: try_writing(self._ref, self._logging, self.ways)),
            _fact(lambda: try_reading(self._ref, self._logging, since, self.ways)),
        )
        document, service, listed, invokers = await asyncio.gather(
            _fact(platform.service_document),
            _fact(platform.read_service),
            _fact(platform.list_revisions),
            _fact(platform.invokers),
        )
        written, read = await of_log
        for came in (document, service):
            if isinstance(came, (NotFoundError, UnavailableError)):
                raise came
        revision: object = listed
        if isinstance(service, Service) and (name := _any_revision(service)):
            revision = await _fact(lambda: platform.read_revision(name))
        done = {
            READ_SERVICE: service,
            READ_REVISION: revision,
            LIST_REVISIONS: listed,
            WRITE_LOG: written,
            READ_LOG: read,
        }
        return Seen(
            caller,
            _known(service),
            exposure_of(document) if isinstance(document, dict) else _known(document),
            _known(listed),
            _known(invokers),
            {name: granted(name, self._ref, came) for name, came in done.items()},
            (_known(written), _known(read)),
        )

    async def _caller(self) -> Caller:
        if self._run.emulated:
            return Caller(CallerKind.EMULATOR)
        from gate.cloud.caller import read_caller  # noqa: PLC0415 - not for an emulator

        return await read_caller(self._account)

    async def rest(self, platform: CloudRun, seen: Seen) -> Facts:
        """What can only be asked once the service is known."""
        policy = self._policy.policy if self._policy else None
        grants, came = await asyncio.gather(
            grants_of(self._ref, seen, policy, self.ways), self._token(platform, seen)
        )
        headers = () if isinstance(came, InfrastructureError) else came
        failed = isinstance(came, InfrastructureError)
        ahead = self._ahead_s
        return Facts(
            ref=self._ref,
            at=self._clock.now(),
            caller=seen.caller,
            service=seen.service,
            exposure=seen.exposure,
            revisions=seen.revisions,
            invokers=seen.invokers,
            grants=grants,
            token=_unknown(came) if failed else (True if headers else None),
            log=_first_unknown(seen.log),
            clock_ahead_s=min(ahead, key=abs) if ahead else Unknown("no answer had a date"),
            addresses=await self._addresses(seen, headers),
            policy=await self._needs(),
        )

    async def _needs(self) -> PolicyFacts | None:
        """The policy, once its secrets have been looked for."""
        if self._policy is None:
            return None
        policy = self._policy.policy
        hooks = {f"notify.{index}.url": one.url for index, one in enumerate(policy.notify)}
        secrets, untold = await asyncio.gather(
            _missing(policy.secrets, policy.folder), _missing(hooks, policy.folder)
        )
        keys = await unusable_keys(policy)
        return replace(self._policy, missing_secrets=secrets + keys, missing_hooks=untold)

    async def _addresses(self, seen: Seen, headers: Headers) -> tuple[Address, ...]:
        if isinstance(seen.service, Unknown):
            return ()
        tag = self._policy.policy.candidate.tag if self._policy else ""
        async with CloudLogs(self._ref, self._logging, _PATIENCE, self.ways) as logs:
            return await asked(seen.service, tag, headers, logs, self._clock)

    async def _token(self, platform: CloudRun, seen: Seen) -> Headers | InfrastructureError:
        if not isinstance(seen.service, Service) or not seen.service.uri:
            return ()
        uri = seen.service.uri
        audience = self._policy.policy.candidate.audience if self._policy else ""
        return await _fact(lambda: identity_of(platform, audience)(uri))


def _any_revision(service: Service) -> str:
    """One that is there, to be read; "" where none is known."""
    return next(iter(service.effective_shares), "") or service.latest_ready


async def _fact(ask: Callable[[], Awaitable[T]]) -> T | InfrastructureError:
    """What came, or why nothing did."""
    try:
        return await ask()
    except InfrastructureError as error:
        return error


def _first_unknown(tried: tuple[object, ...]) -> Unknown | None:
    return next((one for one in tried if isinstance(one, Unknown)), None)


def _known(came: T | InfrastructureError) -> T | Unknown:
    return _unknown(came) if isinstance(came, InfrastructureError) else came


def _unknown(error: object) -> Unknown:
    assert isinstance(error, InfrastructureError)
    return Unknown(error.message, error.hint)
