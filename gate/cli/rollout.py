"""`gate rollout`: the main job."""

import argparse
from dataclasses import replace
from pathlib import Path

from gate.cli import adopted, options, wiring
from gate.cli.delivery import add_upload
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
        "--revision",
        default="",
        metavar="NAME",
        help="adopt this revision as the candidate; `latest` is the one that was created last",
    )
    candidate.add_argument(
        "--revision-file",
        type=Path,
        metavar="FILE",
        help="adopt the revision whose name this file holds",
    )
    adopted.add_adoption(parser)
    parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the record")
    parser.add_argument(
        "--again",
        action="store_true",
        help="promote the revision although a person moved users away from it, or although a newer "
        "build has users; needs --reason",
    )
    options.add_wait(parser)
    parser.add_argument(
        "--wait-approval",
        type=options.duration,
        default=0.0,
        metavar="DURATION",
        help="where the policy asks for approvals, wait for them this long once the probes have "
        "passed, within the policy's deadline (default: end held, and keep the candidate)",
    )
    options.add_service(parser)
    options.add_results(parser)
    add_upload(parser)


def run(args: argparse.Namespace) -> int:
    """Rolls the candidate out and returns the exit code."""
    from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where a policy is read

    if args.again and not args.reason.strip():
        raise UsageError(
            "gate rollout --again: needs a reason (got none)",
            "say with --reason why what a person moved users away from, or an older build, may "
            "serve them again",
        )
    which = adopted.adopted(args)
    policy = load_policy(args.policy)
    proof = wiring.proving(args.policy, policy)
    plan = Plan.from_policy(
        Kind.ROLLOUT,
        wiring.service_of(args, policy.service),
        policy,
        actor=wiring.actor(),
        reason=args.reason.strip(),
        image=args.image,
        revision=which.revision,
        newest=which.newest,
        quarantine=args.quarantine,
        stable=args.stable,
        order=args.order,
        suffix=wiring.new_suffix(),
        probes=proof.shown(policy.probes),
        wait_s=args.wait,
        again=args.again,
        approval_wait_s=args.wait_approval,
        proof=proof,
    )
    output = replace(options.output_of(args), upload=args.upload)
    return run_rollout(plan, output, policy=policy, prepare=None if args.image else _prepared)


async def _prepared(plan: Plan, platform: Platform, ledger: Ledger) -> Plan:
    """With the revisions that exist: which may be meant, where users may go back to."""
    if plan.quarantine:
        from gate.cli.manual_moves import prepared  # noqa: PLC0415 - only where users go back

        return await prepared(plan, platform, ledger)
    try:
        return replace(plan, revisions=await platform.list_revisions())
    except InfrastructureError:
        return plan  # the rollout itself will say
