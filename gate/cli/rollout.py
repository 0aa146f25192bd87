"""`gate rollout`: the main job."""

import argparse
from dataclasses import replace

from gate.cli import options, wiring
from gate.cli.run_rollout import run_rollout
from gate.core.state import Kind, Plan
from gate.errors import InfrastructureError, UsageError
from gate.ports import Ledger, Platform


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    options.add_policy(parser, required=True)
    candidate = parser.add_mutually_exclusive_group(required=True)
    candidate.add_argument("--image", default="", help="deploy this image as the candidate")
    candidate.add_argument(
        "--revision", default="", metavar="NAME", help="adopt this revision as the candidate"
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the record")
    parser.add_argument(
        "--again",
        action="store_true",
        help="promote the revision although a person moved users away from it; needs --reason",
    )
    options.add_wait(parser)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Rolls the candidate out and returns the exit code."""
    from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where a policy is read

    if args.again and not args.reason.strip():
        raise UsageError(
            "gate rollout --again: needs a reason (got none)",
            "say with --reason why what a person moved users away from may serve them again",
        )
    policy = load_policy(args.policy)
    proof = wiring.proving(args.policy, policy)
    plan = Plan.from_policy(
        Kind.ROLLOUT,
        wiring.service_of(args, policy.service),
        policy,
        actor=wiring.actor(),
        reason=args.reason,
        image=args.image,
        revision=args.revision,
        suffix=wiring.new_suffix(),
        probes=proof.shown(policy.probes),
        wait_s=args.wait,
        again=args.again,
        proof=proof,
        policy_file=str(args.policy),
    )
    return run_rollout(
        plan, args.output, policy=policy, prepare=_prepared if args.revision else None
    )


async def _prepared(plan: Plan, platform: Platform, _: Ledger) -> Plan:
    """With the revisions that exist, to say which may be meant where the one to adopt is not."""
    try:
        return replace(plan, revisions=await platform.list_revisions())
    except InfrastructureError:
        return plan  # the rollout itself will say
