"""`gate audit stats`: the four keys of delivery, and what became of the gate's own word."""

import argparse
from datetime import datetime
from pathlib import Path

from gate.api import wiring
from gate.cli import audit_filters, audit_index, manual_moves, options, show
from gate.core.policy import Json
from gate.core.recorded import moment
from gate.errors import UsageError
from gate.ledger.index import Index

LINES_MAX = 1_000_000


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    audit_filters.add_times(parser, since="90d")
    parser.add_argument(
        "--commits",
        type=Path,
        metavar="FILE",
        help="when commits were made, for the lead time: what `git log --format='%%H %%cI'` prints",
    )
    audit_index.add_index(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)
    parser.set_defaults(what="stats")


def run(args: argparse.Namespace) -> int:
    """Shows the numbers and returns the exit code.

    Raises:
        UsageError: the times, or the file of commits, cannot be used.
        AccessError, UnavailableError: the ledger cannot be read.
    """
    from gate.ledger.stats import stats  # noqa: PLC0415 - not for `gate audit list`
    from gate.report.stats import stats_blocks  # noqa: PLC0415 - as in show

    ref = manual_moves.service_of(args)
    until = args.until or wiring.SystemClock().now()
    if args.since >= until:
        raise UsageError(
            f"gate audit stats: --since is not before --until (got {args.since:%Y-%m-%d %H:%M} UTC "
            f"and {until:%Y-%m-%d %H:%M} UTC)"
        )
    commits = _commits(args.commits) if args.commits else {}

    def read(index: Index) -> dict[str, Json]:
        return stats(index.decisions(), args.since, until, commits)

    value = audit_index.looked_up(ref, args, read)
    if args.output == "json":
        show.say_json(value)
    else:
        show.draw(stats_blocks(value))
    return 0


def _commits(path: Path) -> dict[str, datetime]:
    """When commits were made, of lines of a hash and a time.

    Raises:
        UsageError: a line is none, or the file cannot be read.
    """
    found: dict[str, datetime] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                name, _, at = line.strip().partition(" ")
                made = moment(at.strip())
                if made is None or number > LINES_MAX:
                    raise UsageError(
                        f"{path}:{number}: is no commit (got {line.strip()[:80]!a}, expected its "
                        "hash and a time)",
                        "write it by git log --format='%H %cI'",
                    )
                found[name] = made
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise UsageError(f"{path}: cannot be read ({reason})") from None
    return found
