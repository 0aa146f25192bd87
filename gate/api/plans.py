"""What was asked for, as a plan: the same by code and from the command line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gate.api import wiring
from gate.api.moves import prepared
from gate.core.manual_moves import tag_for
from gate.core.overrides import Override, override
from gate.core.policy import CandidateRule, Policy
from gate.core.service import ServiceRef
from gate.core.state import Kind, Plan
from gate.errors import InfrastructureError, UsageError, ValueProblem
from gate.ports import Ledger, Platform

TAG = CandidateRule().tag
"""What a candidate has for a tag where no policy says another."""
ORDER_MAX = 2**53 - 1
"""The greatest number that JSON keeps whole everywhere."""
AT_ONCE_S = 3600.0
"""For how long a rollback sets rules aside where nobody says it: there is no time for that."""
WAIT_MAX_S = 24 * 3600.0
"""For how long somebody is waited for at most, in seconds."""
_SETS = (
    'write for example: override="freeze", reason="logins fail since 9:00", expires_s=7200',
    'write for example: --override freeze --reason "logins fail since 9:00" --expires 2h',
)
_EXPIRES = ("expires_s", "expires")
"""By code, and on the command line."""
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
        return {"actor": self.actor or wiring.actor(), "reason": self.reason.strip()}


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


def override_of(rules: Sequence[str], for_s: float | None, by: By, command: str) -> Override | None:
    """What is to be set aside from now on; None where nothing is.

    Args:
        rules: of RULES, each by itself or several with commas between them.
        for_s: for how long; None where nobody has said.
        by: who asks, who must say why.
        command: what is asked for, for messages.

    Raises:
        UsageError: there is no such rule, or a reason or an expiry is lacking, or it is too long.
    """
    where, hint = f"gate {command} {by.dashes}", _SETS[bool(by.dashes)]
    if not rules:
        if for_s is not None:
            expires = f"{where}{_EXPIRES[bool(by.dashes)]}"
            told = f"{expires}: sets nothing aside (got no {by.dashes}override)"
            raise UsageError(told, hint)
        return None
    named = tuple(one.strip() for said in rules for one in said.split(",") if one.strip())
    if not by.reason.strip() or for_s is None or not named:
        lacking = "a reason" if not by.reason.strip() else "an expiry"
        raise UsageError(f"{where}override: needs {lacking} (got none)", hint)
    try:
        return override(named, wiring.SystemClock().now(), for_s)
    except ValueProblem as problem:
        field = _EXPIRES[bool(by.dashes)] if problem.field == "expires" else problem.field
        raise UsageError(f"{where}{field}: {problem.message}", hint) from None


def require_wait(name: str, wait_s: float) -> None:
    """Makes sure that somebody can be waited for so long.

    Raises:
        UsageError: it is no time, or too long.
    """
    if not 0 <= wait_s <= WAIT_MAX_S:
        most = f"expected 0 to {WAIT_MAX_S:g} s"
        raise UsageError(f"{name}: is out of range (got {wait_s:g} s, {most})")


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
    proof = wiring.proving(file, policy)
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
