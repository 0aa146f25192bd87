"""What was asked for, as a plan: the same by code and from the command line."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gate.api import asker, asking, wiring
from gate.api.moves import prepared
from gate.core.manual_moves import tag_for
from gate.core.policy import CandidateRule, Policy
from gate.core.service import ServiceRef
from gate.core.state import Kind, Plan
from gate.errors import InfrastructureError, UsageError
from gate.ports import Ledger, Platform

TAG = CandidateRule().tag
"""What a candidate has for a tag where no policy says another."""
ORDER_MAX = 2**53 - 1
"""The greatest number that JSON keeps whole everywhere."""
LATEST = "latest"
"""In place of a revision's name: the one that was created last."""


@dataclass(frozen=True, slots=True)
class By:
    """Who asks, and why.

    Attributes:
        actor: "" for whom the environment names.
        reason: for the record.
        dashes: before an option's name where it is told, "--" for a command's.
    """

    actor: str = ""
    reason: str = ""
    dashes: str = ""

    @property
    def fields(self) -> dict[str, Any]:
        """The plan's."""
        return {"actor": self.actor or asker.actor(), "reason": self.reason.strip()}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a rollout is about.

    Attributes:
        image: deploy this as a new revision; "" to adopt one.
        revision: adopt this one.
        newest: adopt the newest revision, whatever its name.
        quarantine: take users off it first, where it has some already.
        stable: where they go then; "" lets the gate find it.
        order: a number that grows from build to build; None for none.
        again: promote it although a person moved users away from it.
    """

    image: str = ""
    revision: str = ""
    newest: bool = False
    quarantine: bool = False
    stable: str = ""
    order: int | None = None
    again: bool = False


def require_one(candidate: Candidate) -> None:
    """Makes sure that there is one candidate, and that its order is one.

    Raises:
        UsageError: it is not so.
    """
    if bool(candidate.image) == bool(candidate.revision or candidate.newest):
        got = "both" if candidate.image else "neither"
        raise UsageError(f"rollout: needs an image or a revision (got {got}, expected one of them)")
    if candidate.order is not None and not 0 <= candidate.order <= ORDER_MAX:
        raise UsageError(
            f"order: is none (got {candidate.order}, expected a whole number from 0 to {ORDER_MAX})"
        )


def require_fitting(candidate: Candidate, by: By) -> None:
    """Makes sure that what is asked of a rollout goes together.

    Raises:
        UsageError: it does not.
    """
    dashes = by.dashes
    if candidate.again and not by.reason.strip():
        raise UsageError(
            f"gate rollout {dashes}again: needs a reason (got none)",
            f"say with {dashes}reason why what a person moved users away from, or an older build, "
            "may serve them again",
        )
    if candidate.quarantine and candidate.image:
        raise UsageError(
            f"gate rollout {dashes}quarantine: has nothing to take users off (got {dashes}image, "
            f"expected {dashes}revision)",
            "an image is deployed without users; name the revision that has them already",
        )
    if candidate.stable and not candidate.quarantine:
        raise UsageError(
            f"gate rollout {dashes}stable: only {dashes}quarantine moves users there (got "
            f"{candidate.stable!r} without {dashes}quarantine)",
            f"add {dashes}quarantine, or leave {dashes}stable out",
        )


def rollout_plan(
    policy: Policy, file: Path, service: ServiceRef, candidate: Candidate, by: By, **own: Any
) -> Plan:
    """A rollout's plan.

    Args:
        policy: whose keys count.
        file: where it was read, which is where its proof is kept, too.
        service: of which service.
        candidate: what is rolled out.
        by: who asks.
        own: further fields of the plan.
    """
    proof = asking.proving(file, policy)
    own |= {name: getattr(candidate, name) for name in Candidate.__slots__}
    own |= {"probes": proof.shown(policy.probes), "proof": proof, "policy_file": str(file)}
    suffix = wiring.new_suffix()
    return Plan.from_policy(Kind.ROLLOUT, service, policy, suffix=suffix, **by.fields, **own)


def rollback_plan(service: ServiceRef, policy: Policy | None, by: By, **own: Any) -> Plan:
    """A rollback's plan; with a policy its target is asked the policy's questions first."""
    if policy is None:
        return Plan(Kind.ROLLBACK, service, tag="", **by.fields, **own)
    tag = tag_for(service.name)
    return Plan.from_policy(Kind.ROLLBACK, service, policy, tag, **by.fields, **own)


def promote_plan(
    service: ServiceRef, policy: Policy | None, by: By, tag: str = "", **own: Any
) -> Plan:
    """A promotion's plan; a policy says where its candidate is, and how long things may take."""
    if policy is None:
        return Plan(Kind.PROMOTE, service, tag=tag or TAG, **by.fields, **own)
    return Plan.from_policy(Kind.PROMOTE, service, policy, tag, **by.fields, **own)


def recovery_plan(service: ServiceRef, by: By, **own: Any) -> Plan:
    """The plan that takes back what a dead rollout left."""
    return Plan(Kind.RECOVER, service, tag="", **by.fields, **own)


async def with_revisions(plan: Plan, platform: Platform, ledger: Ledger) -> Plan:
    """A rollout's plan with the revisions that exist: what may be meant, where users may go."""
    if plan.quarantine:
        return await prepared(plan, platform, ledger)
    try:
        return replace(plan, revisions=await platform.list_revisions())
    except InfrastructureError:
        return plan  # the rollout itself will say
