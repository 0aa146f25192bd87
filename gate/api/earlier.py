"""Asks the ledger of an earlier stage whether an image has passed there."""

import asyncio
from dataclasses import replace

from gate.api import signing, wiring
from gate.core.denylist import digest_in
from gate.core.earlier import Earlier
from gate.core.policy import Policy, ServiceName
from gate.core.service import ServiceRef
from gate.core.state import Kind, Plan
from gate.errors import InfrastructureError, UsageError
from gate.ports import LedgerQuery, Platform

WITHIN_S = 15.0
"""How long all of it may take: somebody may be waiting for users to be taken off a revision."""
BY_DIGEST = "name it by digest: NAME@sha256:..., as the registry and the earlier stage have it"
AGAIN = "run it again once the earlier stage's ledger can be read"


async def with_earlier(plan: Plan, policy: Policy | None, platform: Platform) -> Plan:
    """The plan with what the earlier stage says of its image, where the policy asks for that.

    What cannot be known is no pass.

    Raises:
        UsageError: a key cannot be used, or the stage is the service itself.
    """
    if policy is None or policy.require_signed is None or plan.kind is not Kind.ROLLOUT:
        return plan
    stage = _stage(plan, policy)
    try:
        async with asyncio.timeout(WITHIN_S):
            return replace(plan, earlier=await _ask(plan, policy, platform, stage))
    except TimeoutError:
        why = f"no answer in {WITHIN_S:g} s"
    except InfrastructureError as error:
        why = error.message
    told = f"nobody knows whether the image has passed the earlier stage: {why}"
    return replace(plan, earlier=Earlier("", told, AGAIN))


def _stage(plan: Plan, policy: Policy) -> ServiceRef | None:
    own = ServiceName(plan.service.project, plan.service.region, plan.service.name)
    assert policy.require_signed is not None
    named = policy.require_signed.stage_of(own)
    if named is None:
        return None
    if named == own:
        told = f"require_signed.stage: is the service itself (got {plan.service})"
        raise UsageError(told, "name the service that comes first")
    return ServiceRef(named.project, named.region, named.name)


async def _ask(plan: Plan, policy: Policy, platform: Platform, stage: ServiceRef | None) -> Earlier:
    keys = await signing.public_keys_of(policy)
    from gate.signing.earlier import Trust, earlier  # noqa: PLC0415 - an extra
    from gate.signing.statement import verifier_of  # noqa: PLC0415

    name, image = await _image(plan, platform)
    if not image:
        return Earlier(
            "", f"the image is not known by digest (got {name or 'no image'})", BY_DIGEST
        )
    place = plan.service
    own = verifier_of(place.project, place.region, place.name)
    theirs = verifier_of(stage.project, stage.region, stage.name) if stage else ""
    trust = Trust(keys, theirs, own, wiring.SystemClock().now(), signing.unsigned_digest)
    query = LedgerQuery(service=stage.name if stage else "", image=image, limit=200)
    async with wiring.ledger_of(stage or place) as ledger:
        return earlier(await ledger.entries(query), image, trust)


async def _image(plan: Plan, platform: Platform) -> tuple[str, str]:
    """The candidate's image as it is called, and its digest, "" where nobody knows it."""
    if plan.image:
        return plan.image, digest_in(plan.image)
    name = plan.revision or (await platform.read_service()).latest_created
    revision = await platform.read_revision(name)
    return revision.image, digest_in(revision.digest) or digest_in(revision.image)
