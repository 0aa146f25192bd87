"""`gate rollback`: all traffic back to a revision that served before."""

import argparse

from gate.api import plans
from gate.cli import manual_moves, options
from gate.core.policy import Policy


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "--to",
        default="",
        metavar="REVISION",
        help="roll back to this revision (default: the one that served before, by the service's "
        "own annotation, else by the ledger)",
    )
    parser.add_argument(
        "--no-probe",
        action="store_true",
        help="with --policy: do not ask the revision the policy's questions first (in a hurry)",
    )
    parser.add_argument(
        "--cross",
        action="store_true",
        help="go back across a revision that is marked as irreversible, e.g. by a migration",
    )
    options.add_by_hand(parser)
    options.add_override(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_results(parser)


def run(args: argparse.Namespace) -> int:
    """Rolls back and returns the exit code."""
    policy, service = _policy(args), manual_moves.service_of(args)
    own = {"revision": args.to, "cross": args.cross, "policy_file": str(args.policy or "")}
    own["override"] = options.override_of(args, otherwise_s=plans.AT_ONCE_S)
    own |= {"overruled": ("no-probe",) if args.no_probe else ()}
    plan = plans.rollback_plan(service, policy, plans.By(reason=args.reason), **own)
    return manual_moves.move(plan, args, policy)


def _policy(args: argparse.Namespace) -> Policy | None:
    """The policy whose questions the target is asked first, None where it is not asked."""
    if args.policy is None or args.no_probe:
        return None
    from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where it is read

    return load_policy(args.policy)
