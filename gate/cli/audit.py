"""`gate audit`: what the ledger remembers."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gate.api import wiring
from gate.cli import audit_verify, manual_moves, options, results, show
from gate.core.policy import Json
from gate.core.service import ServiceRef
from gate.errors import UsageError
from gate.ports import LedgerQuery

if TYPE_CHECKING:  # loaded only where it is used
    from gate.report.lines import Block

LIMIT_MAX = 10_000


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    listing = commands.add_parser("list", help="the recorded rollouts, newest first")
    listing.add_argument(
        "--limit", type=_positive, default=100, metavar="N", help="most entries read (default 100)"
    )
    listing.set_defaults(what="list")
    one = commands.add_parser("show", help="everything about one rollout")
    one.add_argument("id", metavar="ID", help="the rollout's id, as `gate audit list` shows it")
    one.add_argument(
        "--verbose", action="store_true", help="with each write, and each question with its answer"
    )
    one.set_defaults(what="show", limit=1000)
    audit_verify.register(commands.add_parser("verify", help="whether the record is whole"))
    for command, add_output in ((listing, options.add_output), (one, options.add_results)):
        options.add_policy(command, required=False)
        options.add_service(command)
        add_output(command)


def run(args: argparse.Namespace) -> int:
    """Shows entries and returns the exit code."""
    if args.what == "verify":
        return audit_verify.run(args)
    ref = manual_moves.service_of(args)
    rollout = args.id if args.what == "show" else ""
    entries = wiring.run_async(
        _read(ref, LedgerQuery(service=ref.name, rollout=rollout, limit=args.limit))
    )
    if rollout and not entries:
        raise UsageError(
            f"{ref}: the ledger has no rollout {rollout!r}",
            "`gate audit list` shows the ids; a new one takes some seconds to appear, and the log "
            "bucket's retention says how long it stays",
        )
    if rollout:
        results.give(_one(args, entries), options.output_of(args))
    elif args.output == "json":
        show.say_json(list(entries))
    elif not entries:
        show.say([f"nothing is recorded for {ref}; gate status says whether it is there"])
    else:
        _list(entries)
    return 0


def _one(args: argparse.Namespace, entries: tuple[dict[str, Json], ...]) -> results.Result:
    from gate.report import audit  # noqa: PLC0415

    def blocks() -> "Sequence[Block]":
        return audit.show_blocks(entries, verbose=args.verbose)

    return results.Result(audit.decisions(entries), list(entries), blocks)


def _list(entries: tuple[dict[str, Json], ...]) -> None:
    from gate.report import audit, lines  # noqa: PLC0415

    show.say(lines.plain(audit.list_blocks(entries, show.width()), show.width()))


async def _read(ref: ServiceRef, query: LedgerQuery) -> tuple[dict[str, Json], ...]:
    async with wiring.ledger_of(ref) as ledger:
        return await ledger.entries(query)


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= LIMIT_MAX:
        raise argparse.ArgumentTypeError(f"is no limit (got {text}, expected 1 to {LIMIT_MAX})")
    return number
