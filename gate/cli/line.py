"""What `gate stop` and `gate resume` share: they change what the service says, and move nobody."""

import argparse
from dataclasses import replace

from gate.api import asker, wiring
from gate.api.driving import Driven
from gate.api.who import asks
from gate.cli import manual_moves, notifying, options, results
from gate.cli.run_rollout import Ended
from gate.controller.line import Line
from gate.core.policy import Policy
from gate.core.redaction import Redactor
from gate.core.state import Kind, Plan
from gate.errors import ExitCode, GateError


class NotAllowedError(GateError):
    """The policy says that others do that."""

    exit_code = ExitCode.HELD


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments of both."""
    options.add_reason(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_results(parser)


def run(kind: Kind, args: argparse.Namespace) -> int:
    """Stops or resumes the line and returns the exit code."""
    policy, service = _policy(args), manual_moves.service_of(args)
    clean = Redactor({}).text
    actor, reason = clean(asker.actor()), clean(args.reason.strip())
    plan = Plan(kind, service, tag="", actor=actor, reason=reason, origin=asker.origin())
    ended = wiring.run_async(_changed(plan, policy))
    results.decided(ended.result, options.output_of(args), policy)
    notifying.tell(policy, ended.entry)
    return int(ended.rollout.exit_code)


def _policy(args: argparse.Namespace) -> Policy | None:
    if args.policy is None:
        return None
    from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where it is read

    return load_policy(args.policy)


async def _changed(plan: Plan, policy: Policy | None) -> Ended:
    """Stops or resumes the line.

    Raises:
        NotAllowedError: the policy lets others do that.
    """
    clock = wiring.SystemClock()
    if policy is not None and policy.allow.names("stop"):
        plan = replace(plan, who=await asks(plan.actor))
        if refused := policy.allow.refuses("stop", plan.who):
            raise NotAllowedError(
                f"gate {plan.kind.value}: the caller {refused}", "nothing was changed"
            )
    async with (
        wiring.platform_of(plan.service) as platform,
        wiring.ledger_of(plan.service) as ledger,
    ):
        move_id = wiring.new_id(clock.now())
        return Ended(Driven(*await Line(platform, ledger, clock).change(plan, move_id)))
