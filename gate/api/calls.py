"""What `from gate import ...` gives: one coroutine a command, each with the command's own meaning.

Nothing is printed, and no signal is handled unless that is asked for. Where a call that may have
changed something is cancelled, it first ends safely, as the command does on Ctrl-C.
"""

from typing import Any, Unpack

from gate.api import looking, plans
from gate.api.call import Call, Common, Moving, Where
from gate.api.carrying import Way, carried_out
from gate.api.driving import services_meant
from gate.api.moves import prepared
from gate.api.outcome import Outcome, outcome_of
from gate.api.plans import By, Candidate
from gate.api.standing import Status, status_of
from gate.api.wiring import SystemClock, service_named
from gate.core.policy import ServiceName
from gate.errors import NotFoundError, UsageError


async def rollout(  # noqa: PLR0913 - a command's options, by name
    *,
    image: str = "",
    revision: str = "",
    reason: str = "",
    quarantine: bool = False,
    stable: str = "",
    order: int | None = None,
    again: bool = False,
    wait_s: float = 0.0,
    wait_approval_s: float = 0.0,
    **common: Unpack[Moving],
) -> Outcome:
    """Deploys or adopts a candidate at 0 %, probes it, then promotes or rejects it.

    Args:
        image: deploy this; or
        revision: adopt this one; `latest` is the one that was created last.
        reason: why, for the record.
        quarantine: take users off the revision first, where it has some already.
        stable: where they go then; "" lets the gate find it.
        order: a number that grows from build to build; an older build is held as stale.
        again: promote although a person moved users away from it; needs a reason.
        wait_s: how long to wait for another rollout to end.
        wait_approval_s: where the policy asks for approvals, how long to wait for them once the
            probes have passed, within the policy's deadline; 0 ends held and keeps the candidate.
        **common: see gate.api.call.Moving; a policy there must be.

    Raises:
        UsageError: what is asked for cannot be meant, or a secret is missing; nothing was changed.
        InfrastructureError: before anything was changed.
        CancelledError: the task was cancelled; the last `on_progress` has the outcome.
    """
    call = Call(**common)
    newest = revision.lower() == plans.LATEST
    name = "" if newest else revision
    candidate = Candidate(image, name, newest, quarantine, stable, order, again)
    with call.begun() as listener:
        by = By(call.actor, reason)
        plans.require_one(candidate)
        plans.require_fitting(candidate, by)
        plans.require_wait("wait_s", wait_s)
        plans.require_wait("wait_approval_s", wait_approval_s)
        own: dict[str, Any] = {"wait_s": wait_s, "approval_wait_s": wait_approval_s}
        own["override"] = call.overriding(by, "rollout")
        policy = call.read_policy()
        if policy is None:
            raise UsageError("rollout: has no policy (got neither `policy` nor `policy_text`)")
        given = ServiceName(call.project, call.region, call.service)
        service = service_named(given, policy.service)
        plan = plans.rollout_plan(policy, call.file, service, candidate, by, **own)
        prepare = None if image else plans.with_revisions
        way = Way(listener, call.handle_signals, policy, policy, prepare)
        return await carried_out(plan, way)


async def rollback(
    *,
    reason: str,
    to: str = "",
    probe: bool = True,
    cross: bool = False,
    **common: Unpack[Moving],
) -> Outcome:
    """Moves all traffic back to a revision that served before.

    Args:
        reason: why, for the record.
        to: go back to this revision; "" lets the gate find the one that served before.
        probe: whether the target must first pass the policy's probes, where there is a policy.
        cross: go back across a revision that is marked as irreversible.
        **common: see gate.api.call.Moving.

    Raises:
        UsageError, InfrastructureError, CancelledError: as in `rollout`.
    """
    call = Call(**common)
    with call.begun() as listener:
        policy = call.read_policy() if probe else None
        by, file = call.by_hand(reason), str(call.policy or "")
        own: dict[str, Any] = {"revision": to, "cross": cross, "policy_file": file}
        own |= {"overruled": () if probe else ("no-probe",)}
        own |= {"override": call.overriding(by, "rollback", plans.AT_ONCE_S)}
        plan = plans.rollback_plan(call.ref(), policy, by, **own)
        way = Way(listener, call.handle_signals, policy, policy, prepared)
        return await carried_out(plan, way)


async def promote(
    *,
    reason: str,
    revision: str = "",
    tag: str = "",
    wait_s: float = 0.0,
    **common: Unpack[Moving],
) -> Outcome:
    """Moves all traffic to a candidate, because a person says so; no probe is asked.

    Args:
        reason: why, for the record.
        revision: promote this one; or
        tag: the one with this tag; "" for the policy's, else `candidate`.
        wait_s: how long to wait for another rollout to end.
        **common: see gate.api.call.Moving.

    Raises:
        UsageError, InfrastructureError, CancelledError: as in `rollout`.
    """
    if revision and tag:
        raise UsageError(f"promote: got a revision ({revision!r}) and a tag ({tag!r})", "give one")
    call = Call(**common)
    with call.begun() as listener:
        by, policy = call.by_hand(reason), call.read_policy()
        plans.require_wait("wait_s", wait_s)
        own: dict[str, Any] = {"revision": revision, "wait_s": wait_s}
        own |= {"override": call.overriding(by, "promote")}
        plan = plans.promote_plan(call.ref(), policy, by, tag, **own)
        return await carried_out(plan, Way(listener, call.handle_signals, None, policy, prepared))


async def recover(**common: Unpack[Common]) -> Outcome:
    """Takes back what a rollout left that died; its ending is `nothing to do` if there is nothing.

    Args:
        **common: see gate.api.call.Common.

    Raises:
        UsageError, InfrastructureError, CancelledError: as in `rollout`.
    """
    call = Call(**common)
    with call.begun() as listener:
        ref = call.ref()
        code = looking.idle(await looking.read(ref), SystemClock().now())
        if code is not None:
            return outcome_of(looking.idle_document(ref, code), code, recorded=False)
        plan = plans.recovery_plan(ref, By(call.actor))
        return await carried_out(plan, Way(listener, call.handle_signals))


async def status(**where: Unpack[Where]) -> Status:
    """How a service stands.

    Args:
        **where: see gate.api.call.Where.

    Raises:
        NotFoundError: there is no such service; the hint says which may be meant.
        UsageError, InfrastructureError: it is not fully named, or cannot be read.
    """
    call = Call(**where)
    with call.begun():
        ref = call.ref()
        try:
            service, revisions, entries, note = await looking.stands(ref)
        except NotFoundError as error:
            said = await services_meant(ref)
            raise NotFoundError(error.message, said or error.hint) from None
        return status_of(service, revisions, entries, note, SystemClock().now())
