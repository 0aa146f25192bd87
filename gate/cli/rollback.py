"""`gate rollback`: all traffic back to a revision that served before."""

import argparse

from gate.cli import by_hand, options, wiring
from gate.core.state import Kind, Plan


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--to",
        default="",
        metavar="REVISION",
        help="roll back to this revision (default: the one that the ledger shows served before)",
    )
    options.add_by_hand(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Rolls back and returns the exit code."""
    plan = Plan(
        kind=Kind.ROLLBACK,
        service=by_hand.service_of(args),
        tag="",
        actor=wiring.actor(),
        reason=args.reason,
        revision=args.to,
    )
    return by_hand.move(plan, args)
