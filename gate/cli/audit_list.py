"""`gate audit list`: the recorded decisions, the newest first."""

import argparse
import os
import sys

from gate.api import wiring
from gate.cli import audit_filters, audit_index, manual_moves, options, show
from gate.core.recorded import Decision
from gate.ledger.index import Index

PIPE_WIDTH = 10_000


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    audit_filters.add_filters(parser)
    audit_index.add_index(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)
    parser.set_defaults(what="list")


def run(args: argparse.Namespace) -> int:
    """Lists decisions and returns the exit code."""
    from gate.report import audit, lines  # noqa: PLC0415 - as in show

    ref = manual_moves.service_of(args)
    query = audit_filters.query_of(args)

    def read(index: Index) -> tuple[list[Decision], int, int]:
        found = index.decisions(query) if args.output == "json" else index.listed(query)
        return list(found), index.count(query), index.count()

    found, fitting, kept = audit_index.looked_up(ref, args, read)
    if args.output == "json":
        show.say_json([*audit.decision_values(found)])
    elif found:
        width, now = _width(), wiring.SystemClock().now()
        show.say(lines.plain(audit.decision_blocks(found, fitting, width, now), width))
    elif kept:
        show.say([f"no decision fits; {kept} are recorded for {ref}"])
    else:
        show.say([f"nothing is recorded for {ref}; gate status says whether it is there"])
    return 0


def _width() -> int:
    """Columns: a terminal's; a pipe has as many as a line of each decision takes."""
    narrow = sys.stdout.isatty() or "COLUMNS" in os.environ
    return show.width() if narrow else PIPE_WIDTH
