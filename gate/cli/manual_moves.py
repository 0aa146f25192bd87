"""What the moves that a person asks for share: the service, the history, the confirmation."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace

from gate.api import which_service, wiring
from gate.api.moves import led_on, prepared
from gate.cli.options import output_of
from gate.core.gcloud import instead
from gate.core.manual_moves import warnings
from gate.core.policy import Policy, ServiceName
from gate.core.redaction import Redactor
from gate.core.service import Service, ServiceRef
from gate.core.stable import way_back
from gate.core.state import Kind, Plan
from gate.errors import (
    AccessError,
    ExitCode,
    GateError,
    UnavailableError,
    UsageError,
)
from gate.report.safe import safe


class DeclinedError(GateError):
    """The person who was asked said no."""

    exit_code = ExitCode.INTERRUPTED


def service_of(args: argparse.Namespace) -> ServiceRef:
    """The service, from the policy's `service` section where a policy is given."""
    return which_service.service_of(args, _named(args))


def place_of(args: argparse.Namespace) -> tuple[str, str]:
    """Project and region, from the policy's `service` section where a policy is given."""
    return which_service.place_of(args, _named(args))


def _named(args: argparse.Namespace) -> ServiceName | None:
    if args.policy is None:
        return None
    from gate.policyfile import load_service  # noqa: PLC0415 - YAML only where it is read

    return load_service(args.policy)


def move(
    plan: Plan,
    args: argparse.Namespace,
    policy: Policy | None = None,
    told_by: Policy | None = None,
) -> int:
    """Asks for confirmation unless --yes, then carries the plan out; returns the exit code.

    Args:
        plan: what was asked for.
        args: the command line.
        policy: whose probes the target must pass first, None to move without asking it.
        told_by: whose webhooks are told, where there is no such policy.

    Raises:
        AccessError, UnavailableError: the gate did not get through; the hint says what may.
    """
    from gate.cli.run_rollout import run_rollout  # noqa: PLC0415 - others only name a service

    try:
        if not args.yes:
            plan = _confirmed(plan)
        output = output_of(args)
        return run_rollout(plan, output, policy=policy, prepare=prepared, told_by=told_by)
    except (AccessError, UnavailableError) as error:
        raise led_on(error, *instead(plan)) from None


def _confirmed(plan: Plan) -> Plan:
    """The plan with the revision that it means, once a person has agreed to that very revision.

    Raises:
        UsageError: nobody can be asked.
        DeclinedError: the person did not agree.
    """
    require_a_person(plan.kind.value)
    plan, service = wiring.run_async(_read(plan))
    target, why = (plan.revision, "") if plan.revision else _meant(plan, service)
    if not target:
        return plan  # to be refused with the reason, and recorded
    clean = Redactor({}).text
    lines = (
        f"service:  {service.ref}",
        f"traffic:  {service.traffic}",
        f"{plan.kind.value + ':':<9} all traffic to {target}{why}",
        *(f"beware:   {clean(text)}" for text in _beware(plan, service, target)),
        f"because:  {clean(plan.reason)}",
    )
    confirm(plan.kind.value, lines)
    return replace(plan, revision=target)


def _beware(plan: Plan, service: Service, target: str) -> tuple[str, ...]:
    """What speaks against the target, and what does not go back with it."""
    found = next((one for one in plan.revisions if one.name == target), None)
    now = wiring.SystemClock().now()
    return tuple(map(safe, warnings(plan, service, found, now))) if found else ()


def require_a_person(command: str) -> None:
    """Makes sure that somebody can be asked.

    Raises:
        UsageError: standard input is no terminal.
    """
    if not sys.stdin.isatty():
        raise UsageError(
            f"gate {command}: nobody can be asked (standard input is no terminal)",
            "give --yes to go on without a confirmation",
        )


def confirm(command: str, lines: Iterable[str]) -> None:
    """Says what is about to be done and asks for consent.

    Raises:
        DeclinedError: the person did not agree.
    """
    for line in lines:
        _say(line)
    if not _agreed():
        raise DeclinedError(f"gate {command}: nothing was changed (got no consent)")


def _meant(plan: Plan, service: Service) -> tuple[str, str]:
    """The revision that a command without a name means, and why; "" where it means none."""
    if plan.kind is Kind.ROLLBACK:
        way = way_back(service, plan.revisions, plan.past)
        return way.revision, f" ({way.why})"
    return service.traffic.tags.get(plan.tag) or "", ""


def _agreed() -> bool:
    """Asks on standard error: standard output may be for a JSON document."""
    try:
        print("Go on? [y/N] ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
    except KeyboardInterrupt:
        answer = ""
    if not answer.endswith("\n"):
        _say("")  # ends the line of the question
    return answer.strip().lower() in {"y", "yes"}


def _say(line: str) -> None:
    print(line, file=sys.stderr)


async def _read(plan: Plan) -> tuple[Plan, Service]:
    async with (
        wiring.platform_of(plan.service) as platform,
        wiring.ledger_of(plan.service) as ledger,
    ):
        return await prepared(plan, platform, ledger), await platform.read_service()
