"""`gate audit`: what the ledger remembers."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gate.api import wiring
from gate.cli import (
    audit_diff,
    audit_export,
    audit_list,
    audit_read,
    audit_replay,
    audit_serve,
    audit_stats,
    audit_verify,
    manual_moves,
    options,
    results,
)
from gate.core.policy import Json

if TYPE_CHECKING:  # loaded only where it is used
    from gate.report.lines import Block

Entries = tuple[dict[str, Json], ...]
OTHERS = {
    "list": audit_list.run,
    "diff": audit_diff.run,
    "replay": audit_replay.run,
    "stats": audit_stats.run,
    "export": audit_export.run,
    "serve": audit_serve.run,
    "verify": audit_verify.run,
}


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    audit_list.register(commands.add_parser("list", help="the recorded decisions, newest first"))
    one = commands.add_parser("show", help="everything about one decision")
    one.add_argument(
        "id", metavar="ID", type=options.rollout_id, help="its id, as `gate audit list` shows it"
    )
    one.add_argument(
        "--verbose", action="store_true", help="with each write, and each question with its answer"
    )
    options.add_policy(one, required=False)
    options.add_service(one)
    options.add_results(one)
    one.set_defaults(what="show")
    audit_serve.register(commands.add_parser("serve", help="the record in a browser, read-only"))
    audit_verify.register(commands.add_parser("verify", help="whether the record is whole"))
    audit_diff.register(commands.add_parser("diff", help="what differs between two decisions"))
    audit_replay.register(
        commands.add_parser("replay", help="make decisions again by today's rules")
    )
    audit_stats.register(commands.add_parser("stats", help="the four keys, and each probe's word"))
    audit_export.register(commands.add_parser("export", help="the record as a file"))


def run(args: argparse.Namespace) -> int:
    """Does what was asked for and returns the exit code."""
    if other := OTHERS.get(args.what):
        return other(args)
    ref = manual_moves.service_of(args)
    entries, taken_back = wiring.run_async(audit_read.read(ref, args.id))
    by = dict(taken_back).get(args.id, "")
    others = wiring.run_async(audit_read.elsewhere(ref, entries))
    results.give(_one(args, entries, by, others), options.output_of(args))
    return 0


def _one(
    args: argparse.Namespace, entries: Entries, taken_back_by: str, elsewhere: Entries
) -> results.Result:
    from gate.report import audit  # noqa: PLC0415

    def blocks() -> "Sequence[Block]":
        return audit.show_blocks(
            entries, verbose=args.verbose, taken_back_by=taken_back_by, elsewhere=elsewhere
        )

    intentions = [entry for entry in reversed(entries) if entry.get("entry") != "outcome"]
    documents = audit.decisions(entries, taken_back_by=taken_back_by)
    beside = [*intentions, *elsewhere]
    return results.Result(documents, list(entries), blocks, intentions=beside)
