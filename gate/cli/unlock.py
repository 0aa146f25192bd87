"""`gate unlock`: takes the lease away from a rollout, because a person says so."""

import argparse

from gate.api import looking, plans, wiring
from gate.api.moves import led_on
from gate.cli import manual_moves, options, show
from gate.cli.run_rollout import run_rollout
from gate.core.gcloud import instead
from gate.core.lease import LeaseState, lease_state
from gate.core.redaction import Redactor
from gate.core.state import Plan
from gate.errors import AccessError, UnavailableError


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    options.add_by_hand(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_results(parser)


def run(args: argparse.Namespace) -> int:
    """Takes back what the rollout at work did, ends its lease, and returns the exit code."""
    ref = manual_moves.service_of(args)
    plan = plans.recovery_plan(ref, plans.By(reason=args.reason), force=True)
    try:
        if not args.yes:
            _confirm(plan)
        return run_rollout(plan, options.output_of(args))
    except (AccessError, UnavailableError) as error:
        raise led_on(error, *instead(plan)) from None


def _confirm(plan: Plan) -> None:
    """Shows who holds the lease, and asks; a service that nobody holds needs no consent."""
    from gate.report.lease import lease_lines  # noqa: PLC0415
    from gate.report.lines import plain  # noqa: PLC0415

    manual_moves.require_a_person("unlock")
    service = wiring.run_async(looking.read(plan.service))
    now = wiring.SystemClock().now()
    if lease_state(service, now) is LeaseState.FREE:
        return
    lines = [
        f"service:  {plan.service}",
        *plain(lease_lines(service, now), show.width()),
        "unlock:   what that rollout did is taken back, its tag goes, and it may write no more",
        f"because:  {Redactor({}).text(plan.reason)}",
    ]
    manual_moves.confirm("unlock", lines)
