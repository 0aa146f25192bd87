"""`gate audit diff`: what differs between two decisions."""

import argparse

from gate.api import wiring
from gate.cli import audit_read, manual_moves, options, show
from gate.core.recorded import put_together


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    for name in ("a", "b"):
        parser.add_argument(
            name, metavar=name.upper(), type=options.rollout_id, help="a decision's id"
        )
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)
    parser.set_defaults(what="diff")


def run(args: argparse.Namespace) -> int:
    """Shows what differs and returns the exit code.

    Raises:
        UsageError: the ledger has no such decision.
        AccessError, UnavailableError: it cannot be read.
    """
    from gate.ledger.compared import compared  # noqa: PLC0415 - not for `gate audit list`
    from gate.report.compared import compared_blocks  # noqa: PLC0415 - as in show

    ref = manual_moves.service_of(args)
    found = [wiring.run_async(audit_read.read(ref, name)) for name in (args.a, args.b)]
    a, b = (put_together(entries, taken)[0] for entries, taken in found)
    value = compared(a, b)
    if args.output == "json":
        show.say_json(value)
    else:
        show.draw(compared_blocks(value))
    return 0
