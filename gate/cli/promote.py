"""`gate promote`: all traffic to a candidate, because a person says so."""

import argparse

from gate.cli import by_hand, options, wiring
from gate.core.state import Kind, Plan


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--revision", default="", metavar="NAME", help="promote this revision")
    which.add_argument(
        "--tag", default="candidate", help="promote the revision with this tag (default: candidate)"
    )
    options.add_wait(parser)
    options.add_by_hand(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Promotes and returns the exit code."""
    plan = Plan(
        kind=Kind.PROMOTE,
        service=by_hand.service_of(args),
        tag=args.tag,
        actor=wiring.actor(),
        reason=args.reason,
        revision=args.revision,
        wait_s=args.wait,
    )
    return by_hand.move(plan, args)
