"""`gate promote`: all traffic to a candidate, because a person says so."""

import argparse

from gate.api import plans
from gate.cli import manual_moves, options
from gate.core.policy import Policy


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--revision", default="", metavar="NAME", help="promote this revision")
    which.add_argument(
        "--tag",
        default="",
        help=f"promote the revision with this tag (default: the policy's, else {plans.TAG})",
    )
    options.add_wait(parser)
    options.add_by_hand(parser)
    options.add_override(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_results(parser)


def run(args: argparse.Namespace) -> int:
    """Promotes and returns the exit code."""
    service, policy = manual_moves.service_of(args), _policy(args)
    own = {"revision": args.revision, "wait_s": args.wait}
    own["override"] = options.override_of(args)
    plan = plans.promote_plan(service, policy, plans.By(reason=args.reason), args.tag, **own)
    return manual_moves.move(plan, args, told_by=policy)


def _policy(args: argparse.Namespace) -> Policy | None:
    if args.policy is None:
        return None
    from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where it is read

    return load_policy(args.policy)
