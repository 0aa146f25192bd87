"""What the moves that a person asks for share: the service, the history, the confirmation."""

import argparse
import sys
from dataclasses import replace

from gate.cli import wiring
from gate.cli.drive import drive
from gate.core.service import Service, ServiceRef
from gate.core.state import Kind, Plan
from gate.errors import ExitCode, GateError, UsageError
from gate.ledger.entry import past_moves
from gate.ports import Ledger, LedgerQuery

HISTORY = 50


class DeclinedError(GateError):
    """The person who was asked said no."""

    exit_code = ExitCode.INTERRUPTED


def service_of(args: argparse.Namespace) -> ServiceRef:
    """The service, from the policy's `service` section where a policy is given."""
    if args.policy is None:
        return wiring.service_of(args)
    from gate.policyfile import load_service  # noqa: PLC0415 - YAML only where it is read

    return wiring.service_of(args, load_service(args.policy))


def move(plan: Plan, args: argparse.Namespace) -> int:
    """Asks for confirmation unless --yes, then carries the plan out; returns the exit code."""
    if not args.yes:
        _confirm(plan)
    return drive(plan, args.output, prepare=_with_history)


async def _with_history(plan: Plan, ledger: Ledger) -> Plan:
    """A rollback that names no revision goes by what the ledger remembers."""
    if plan.kind is not Kind.ROLLBACK or plan.revision:
        return plan
    entries = await ledger.entries(LedgerQuery(service=plan.service.name, limit=HISTORY))
    return replace(plan, history=past_moves(entries))


def _confirm(plan: Plan) -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            f"gate {plan.kind.value}: nobody can be asked (standard input is no terminal)",
            "give --yes to go on without a confirmation",
        )
    service = wiring.run_async(_read(plan.service))
    what = plan.revision or (
        f"the revision tagged {plan.tag}" if plan.kind is Kind.PROMOTE else "the last stable one"
    )
    print(f"{service.ref}: traffic is {service.traffic}")
    print(f"{plan.kind.value} to {what}, because: {plan.reason}")
    try:
        answer = input("Go on? [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in {"y", "yes"}:
        raise DeclinedError(f"gate {plan.kind.value}: nothing was changed (got no consent)")


async def _read(ref: ServiceRef) -> Service:
    async with wiring.platform_of(ref) as platform:
        return await platform.read_service()
