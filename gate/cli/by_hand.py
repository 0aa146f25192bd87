"""What the moves that a person asks for share: the service, the history, the confirmation."""

import argparse
import sys
from collections.abc import Iterable
from dataclasses import replace

from gate.cli import wiring
from gate.cli.drive import drive
from gate.core.policy import Policy, ServiceName
from gate.core.service import Service, ServiceRef
from gate.core.stable import choose_stable
from gate.core.state import Kind, Plan
from gate.errors import ExitCode, GateError, InfrastructureError, UsageError
from gate.ledger.entry import past_moves
from gate.ports import Ledger, LedgerQuery, Platform
from gate.redaction import Redactor

HISTORY = 50


class DeclinedError(GateError):
    """The person who was asked said no."""

    exit_code = ExitCode.INTERRUPTED


def service_of(args: argparse.Namespace) -> ServiceRef:
    """The service, from the policy's `service` section where a policy is given."""
    return wiring.service_of(args, _named(args))


def place_of(args: argparse.Namespace) -> tuple[str, str]:
    """Project and region, from the policy's `service` section where a policy is given."""
    return wiring.place_of(args, _named(args))


def _named(args: argparse.Namespace) -> ServiceName | None:
    if args.policy is None:
        return None
    from gate.policyfile import load_service  # noqa: PLC0415 - YAML only where it is read

    return load_service(args.policy)


def move(plan: Plan, args: argparse.Namespace, policy: Policy | None = None) -> int:
    """Asks for confirmation unless --yes, then carries the plan out; returns the exit code.

    Args:
        plan: what was asked for.
        args: the command line.
        policy: whose probes the target must pass first, None to move without asking it.
    """
    if not args.yes:
        plan = _confirmed(plan)
    return drive(plan, args.output, policy=policy, prepare=_prepared)


async def _prepared(plan: Plan, platform: Platform, ledger: Ledger) -> Plan:
    """What a rollback must know beforehand: what served before, and what lies on the way back."""
    if plan.kind is not Kind.ROLLBACK:
        return plan
    if not plan.cross:
        plan = replace(plan, revisions=await platform.list_revisions())
    return plan if plan.revision else await _with_history(plan, ledger)


async def _with_history(plan: Plan, ledger: Ledger) -> Plan:
    """A rollback that names no revision goes by what the ledger remembers."""
    try:
        entries = await ledger.entries(LedgerQuery(service=plan.service.name, limit=HISTORY))
    except InfrastructureError as error:
        hint = "name the revision with --to, and the ledger is not needed"
        raise type(error)(f"what served before is not known: {error.message}", hint) from error
    return replace(plan, history=past_moves(entries))


def _confirmed(plan: Plan) -> Plan:
    """The plan with the revision that it means, once a person has agreed to that very revision.

    Raises:
        UsageError: nobody can be asked.
        DeclinedError: the person did not agree.
    """
    require_a_person(plan.kind.value)
    plan, service = wiring.run_async(_read(plan))
    target = plan.revision or _meant(plan, service)
    if not target:
        return plan  # to be refused with the reason, and recorded
    lines = (
        f"service:  {service.ref}",
        f"traffic:  {service.traffic}",
        f"{plan.kind.value + ':':<9} all traffic to {target}",
        f"because:  {Redactor({}).text(plan.reason)}",
    )
    confirm(plan.kind.value, lines)
    return replace(plan, revision=target)


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


def _meant(plan: Plan, service: Service) -> str:
    if plan.kind is Kind.ROLLBACK:
        return choose_stable(plan.history, service, plan.revisions) or ""
    return service.traffic.tags.get(plan.tag) or ""


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
        return await _prepared(plan, platform, ledger), await platform.read_service()
