"""Asks which permissions the caller has, for `gate doctor`."""

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.api import wiring
from gate.api.caller import EMULATOR_ISSUER
from gate.cli.doctor_beside import beside
from gate.cloud.channel import Endpoint
from gate.cloud.permissions import Tested, held, of_account, of_project, of_service
from gate.cloud.wire import Ways
from gate.core.access import Caller, Exposure
from gate.core.policy import Policy
from gate.core.service import Revision, Service, ServiceRef
from gate.core.user_requests import Source
from gate.doctor.facts import Grant, Held, Unknown, by_doing
from gate.doctor.permissions import LIST_REVISIONS, NEEDED, READ_REVISION, Resource, When, needed_on
from gate.errors import AccessError, InfrastructureError

_ON = {one.name: one.on for one in NEEDED if one.when is When.ALWAYS}
_BY_DEED = frozenset({READ_REVISION, LIST_REVISIONS})
"""What is not asked about but tried: revisions have no policy of their own to ask."""
_NAMELESS = "the service does not say as which account it runs"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of the service once it has been read; `done` are permissions that were used.

    `log`: what came of writing and of reading the record.
    """

    caller: Caller | Unknown
    service: Service | Unknown
    exposure: Exposure | Unknown
    revisions: tuple[Revision, ...] | Unknown
    invokers: tuple[str, ...] | Unknown
    done: Mapping[str, Grant] = field(default_factory=dict)
    log: tuple[Unknown | None, ...] = ()

    @property
    def private(self) -> bool:
        """Whether callers must say who they are, or may have to."""
        off = isinstance(self.exposure, Exposure) and self.exposure.invoker_disabled
        return not off and (isinstance(self.invokers, Unknown) or "allUsers" not in self.invokers)


def granted(permission: str, ref: ServiceRef, came: object) -> Grant:
    """What a call that needs a permission says of it.

    Args:
        permission: its name.
        ref: the service that it was about, or whose project.
        came: its answer, or the error in its place.
    """
    resource = _ON[permission]
    name = ref.name if resource is Resource.SERVICE else ref.project
    if not isinstance(came, InfrastructureError):
        return Grant(permission, resource, name, Held.YES)
    refused = isinstance(came, AccessError) and "access denied" in came.message
    state = Held.NO if refused else Held.UNKNOWN
    return Grant(permission, resource, name, state, came.message, came.hint)


async def grants_of(
    ref: ServiceRef, seen: Seen, policy: Policy | None, ways: Ways
) -> tuple[Grant, ...]:
    """Which of the needed permissions the caller has.

    Args:
        ref: the service.
        seen: what is known of it.
        policy: whose secrets are read, None for none.
        ways: how the wire reaches the world.
    """
    elsewhere = beside(policy)
    cases = _cases(seen, policy) | {one.when for one in elsewhere}
    asked = _resources(ref, seen, own=bool(cases & {When.PRIVATE, When.IAP}))
    asked += [(one.resource, one.name, one.tested) for one in elsewhere]
    found = await asyncio.gather(*(_tested(*one, cases, seen, ways) for one in asked))
    every = [grant for grants in found for grant in grants]
    others = {one.resource for one in elsewhere}
    own = {one.permission: one for one in every if one.resource not in others}
    return (*by_doing(own, seen.done), *(one for one in every if one.resource in others))


def by_metrics(policy: Policy | None) -> bool:
    """Whether a policy has users' requests counted by Cloud Monitoring."""
    if policy is None or policy.metrics.source is not Source.MONITORING:
        return False
    return any(policy.requests)


def _cases(seen: Seen, policy: Policy | None) -> frozenset[When]:
    """An emulator without an issuer asks nobody who they are."""
    emulated = bool(os.environ.get(wiring.RUN_EMULATOR))
    nobody = emulated and not os.environ.get(EMULATOR_ISSUER)
    cases = {
        When.PRIVATE: seen.private and not nobody,
        When.IAP: isinstance(seen.exposure, Exposure) and seen.exposure.iap and not nobody,
        When.METRICS: by_metrics(policy),
    }
    return frozenset(case for case, holds in cases.items() if holds)


def _resources(
    ref: ServiceRef, seen: Seen, *, own: bool
) -> list[tuple[Resource, str, Tested | None]]:
    """What permissions are asked on; None for what is not known by name."""
    run = Endpoint(os.environ.get(wiring.RUN_EMULATOR))
    runtime = seen.exposure.runtime_account if isinstance(seen.exposure, Exposure) else ""
    account = of_account(runtime, run) if runtime else None
    found: list[tuple[Resource, str, Tested | None]] = [
        (Resource.SERVICE, ref.name, of_service(ref, run)),
        (Resource.RUNTIME_ACCOUNT, runtime, account),
        (Resource.PROJECT, ref.project, of_project(ref.project, run)),
    ]
    if own and isinstance(seen.caller, Caller) and seen.caller.is_account:
        email = seen.caller.email
        found.append((Resource.OWN_ACCOUNT, email, of_account(email, run)))
    return found


async def _tested(
    resource: Resource,
    name: str,
    tested: Tested | None,
    cases: frozenset[When],
    seen: Seen,
    ways: Ways,
) -> list[Grant]:
    wanted = [one for one in needed_on(resource, cases=cases) if one not in _BY_DEED]
    if tested is None and isinstance(seen.exposure, Unknown):
        return []  # told as what it is: the service cannot be read
    if tested is None:
        return [Grant(one, resource, name, Held.UNKNOWN, _NAMELESS) for one in wanted]
    answers = await held(tested, wanted, ways) if wanted else {}
    found = []
    for permission, said in answers.items():
        if isinstance(said, InfrastructureError):
            grant = Grant(permission, resource, name, Held.UNKNOWN, said.message, said.hint)
        else:
            grant = Grant(permission, resource, name, Held.YES if said else Held.NO)
        found.append(grant)
    return found
