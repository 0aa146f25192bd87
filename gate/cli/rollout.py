"""`gate rollout`: the main job."""

import argparse
from dataclasses import replace
from pathlib import Path

from gate.api import plans, which_service
from gate.cli import adopted, options
from gate.cli.delivery import add_upload
from gate.cli.run_rollout import run_rollout


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
    options.add_override(parser)
    options.add_service(parser)
    options.add_results(parser)
    add_upload(parser)


def run(args: argparse.Namespace) -> int:
    """Rolls the candidate out and returns the exit code."""
    from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where a policy is read

    which = adopted.adopted(args)
    candidate = plans.Candidate(
        image=args.image,
        revision=which.revision,
        newest=which.newest,
        quarantine=args.quarantine,
        stable=args.stable,
        order=args.order,
        again=args.again,
    )
    by = plans.By(reason=args.reason, dashes="--")
    plans.require_fitting(candidate, by)
    policy = load_policy(args.policy)
    service = which_service.service_of(args, policy.service)
    own = {"wait_s": args.wait, "approval_wait_s": args.wait_approval}
    own["override"] = options.override_of(args)
    plan = plans.rollout_plan(policy, args.policy, service, candidate, by, **own)
    output = replace(options.output_of(args), upload=args.upload)
    prepare = None if args.image else plans.with_revisions
    return run_rollout(plan, output, policy=policy, prepare=prepare)
