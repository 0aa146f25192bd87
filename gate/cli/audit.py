"""`gate audit`: what the ledger remembers."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gate.cli import (
    audit_export,
    audit_list,
    audit_stats,
    audit_verify,
    manual_moves,
    options,
    results,
    wiring,
)
from gate.core.policy import Json
from gate.core.recorded import moment
from gate.core.service import ServiceRef
from gate.errors import UsageError
from gate.ports import LedgerQuery

if TYPE_CHECKING:  # loaded only where it is used
    from gate.report.lines import Block

ENTRIES_MAX = 1_000
"""Most entries of one rollout, and most that are read to find who took it back."""
Entries = tuple[dict[str, Json], ...]
OTHERS = {
    "list": audit_list.run,
    "stats": audit_stats.run,
    "export": audit_export.run,
    "verify": audit_verify.run,
}


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    audit_list.register(commands.add_parser("list", help="the recorded decisions, newest first"))
    one = commands.add_parser("show", help="everything about one decision")
    one.add_argument("id", metavar="ID", help="its id, as `gate audit list` shows it")
    one.add_argument(
        "--verbose", action="store_true", help="with each write, and each question with its answer"
    )
    options.add_policy(one, required=False)
    options.add_service(one)
    options.add_results(one)
    one.set_defaults(what="show")
    audit_verify.register(commands.add_parser("verify", help="whether the record is whole"))
    audit_stats.register(commands.add_parser("stats", help="the four keys, and each probe's word"))
    audit_export.register(commands.add_parser("export", help="the record as a file"))


def run(args: argparse.Namespace) -> int:
    """Does what was asked for and returns the exit code."""
    if other := OTHERS.get(args.what):
        return other(args)
    ref = manual_moves.service_of(args)
    entries, taken_back_by = wiring.run_async(_read(ref, args.id))
    results.give(_one(args, entries, taken_back_by), options.output_of(args))
    return 0


def _one(args: argparse.Namespace, entries: Entries, taken_back_by: str) -> results.Result:
    from gate.report import audit  # noqa: PLC0415

    def blocks() -> "Sequence[Block]":
        return audit.show_blocks(entries, verbose=args.verbose, taken_back_by=taken_back_by)

    return results.Result(audit.decisions(entries), list(entries), blocks)


async def _read(ref: ServiceRef, rollout: str) -> tuple[Entries, str]:
    """The entries of a rollout, and who took back what it left.

    Raises:
        UsageError: there are none.
    """
    async with wiring.ledger_of(ref) as ledger:
        query = LedgerQuery(service=ref.name, rollout=rollout, limit=ENTRIES_MAX)
        entries = await ledger.entries(query)
        if not entries:
            raise UsageError(
                f"{ref}: the ledger has no rollout {rollout!r}",
                "`gate audit list` shows the ids; a new one takes some seconds to appear, and the "
                "log bucket's retention says how long it stays",
            )
        began = moment(str(entries[-1].get("at", "")))
        if began is None or any(entry.get("entry") == "outcome" for entry in entries):
            return entries, ""
        later = LedgerQuery(service=ref.name, since=began, limit=ENTRIES_MAX)
        return entries, _taken_back_by(await ledger.entries(later), rollout)


def _taken_back_by(entries: Entries, rollout: str) -> str:
    for entry in entries:
        back = entry.get("took_back")
        if entry.get("entry") == "outcome" and isinstance(back, list) and rollout in back:
            return str(entry.get("rollout", ""))
    return ""
