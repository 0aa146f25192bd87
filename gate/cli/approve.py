"""`gate approve`: a person's word for a candidate whose probes have passed."""

import argparse
import asyncio
import sys
from datetime import datetime, timedelta

from gate.api import asker, who, wiring
from gate.cli import manual_moves, options, show
from gate.core.approvals import Approval
from gate.core.denylist import digest_in, image_of
from gate.core.permits import Who
from gate.core.policy import Json, Policy
from gate.core.redaction import Redactor
from gate.core.rescue import NextStep, withdrawn
from gate.core.service import Service, ServiceRef
from gate.errors import InfrastructureError, UsageError
from gate.ledger.approvals import Subject, approval_entry, subject_of
from gate.ports import Ledger, LedgerQuery, Platform

ENTRIES_MAX = 1000
HINT = "a rollout that waits for approvals says its id; `gate audit list` shows all"
UNCHECKED = "note: the rollout says whether it counts; with --policy it is looked at before"


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "id", metavar="ID", type=options.rollout_id, help="the rollout's id, as it was printed"
    )
    parser.add_argument(
        "--withdraw", action="store_true", help="take back what you have said of it before"
    )
    options.add_reason(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Writes the approval into the ledger and returns the exit code."""
    ref, policy = manual_moves.service_of(args), _policy(args)
    entry, late = wiring.run_async(_said(args, ref, policy))
    if args.output == "json":
        show.say_json(entry)
        if late.why:
            print(f"note: {late.why}: {late.command}", file=sys.stderr)
    else:
        from gate.report.approvals import approval_lines  # noqa: PLC0415
        from gate.report.lines import plain  # noqa: PLC0415

        show.say(plain(approval_lines(entry), show.width()))
        if policy is None and not args.withdraw:
            show.say([UNCHECKED])
        if late.why:
            show.say([f"note: {late.why}:", f"  {late.command}"])
    return 0


def _policy(args: argparse.Namespace) -> Policy | None:
    if args.policy is None:
        return None
    from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where it is read

    return load_policy(args.policy)


async def _said(
    args: argparse.Namespace, ref: ServiceRef, policy: Policy | None
) -> tuple[dict[str, Json], NextStep]:
    """The entry that was written, and what to do besides where users were moved before."""
    async with wiring.platform_of(ref) as platform, wiring.ledger_of(ref) as ledger:
        me, service, subject = await _subject(args, ref, platform, ledger)
        clean = Redactor({}).text
        approval = Approval(
            args.id,
            subject.revision,
            subject.image,
            subject.policy_digest,
            me,
            _now(),
            clean(args.reason.strip()),
            args.withdraw,
            subject.authors,
        )
        if not args.withdraw:
            _require(policy, approval)
        entry = approval_entry(ref, subject, approval, asker.origin(), service.known_annotation)
        # its own place in the log, whatever else is said in the same millisecond
        await ledger.append(entry, args.id, 900_000 + approval.at.microsecond // 10)
        return entry, withdrawn(service, subject.revision) if args.withdraw else NextStep()


async def _subject(
    args: argparse.Namespace, ref: ServiceRef, platform: Platform, ledger: Ledger
) -> tuple[Who, Service, Subject]:
    """Who asks, the service, and what is approved.

    Raises:
        UsageError: there is nothing of that id to approve.
    """
    rollout = args.id
    query = LedgerQuery(service=ref.name, rollout=rollout, limit=ENTRIES_MAX)
    me, service, entries = await asyncio.gather(
        who.asks(), platform.read_service(), ledger.entries(query)
    )
    subject = subject_of(rollout, entries, service.known_annotation)
    if subject.unfit:
        late = withdrawn(service, subject.revision) if args.withdraw else NextStep()
        back = f"an approval of {rollout} cannot be taken back:"
        what = back if args.withdraw else f"{rollout} cannot be approved:"
        raise UsageError(
            f"{ref}: {what} {subject.unfit}",
            f"{late.why}: {late.command}" if late.why else HINT,
        )
    if not subject.image:
        subject = await _with_image(subject, service, platform)
    return me, service, subject


async def _with_image(subject: Subject, service: Service, platform: Platform) -> Subject:
    """Of a rollout at work: the image that its candidate has."""
    from dataclasses import replace  # noqa: PLC0415 - seldom

    try:
        read = await platform.read_revision(subject.revision)
    except InfrastructureError:
        return subject
    image = image_of(subject.revision, service, {read.name: read})
    return replace(subject, image=image if digest_in(image) else "")


def _require(policy: Policy | None, approval: Approval) -> None:
    """Says at once what would not count.

    Raises:
        UsageError: it would not.
    """
    if policy is None or policy.approve is None:
        return
    from gate.core.approvals import Candidacy, count  # noqa: PLC0415

    candidacy = Candidacy(approval.revision, approval.image, policy.digest)
    at = approval.at + timedelta(seconds=1)
    counted = count(policy.approve, policy.allow, candidacy, [approval], at)
    for name, why in counted.not_counted:
        raise UsageError(
            f"gate approve: {name or 'nobody'}'s approval of {approval.rollout} would not count: "
            f"it {why}",
            "nothing was written; the policy's `approve` and `allow` say whose counts",
        )


def _now() -> datetime:
    return wiring.SystemClock().now()
