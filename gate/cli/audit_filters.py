"""The filters of `gate audit`: times, endings, people, capabilities."""

import argparse
import re
from datetime import UTC, datetime, timedelta

from gate.core.recorded import TAKEN_BACK, UNFINISHED
from gate.core.state import Ending, Kind
from gate.ledger.index import Query

ENDINGS = (*(one.value for one in Ending), "unknown", TAKEN_BACK, UNFINISHED)
KINDS = (*(one.value for one in Kind), "unlock")
LIMIT_MAX = 10_000
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_EXPECTED = "expected a date, e.g. 2026-11-30, a time as in RFC 3339, or an age, e.g. 7d"


def add_times(parser: argparse.ArgumentParser, since: str = "") -> None:
    """--since and --until.

    Args:
        parser: of the command.
        since: what --since is without being given, "" for the beginning of the ledger.
    """
    default = f" (default: {since})" if since else ""
    parser.add_argument(
        "--since",
        type=moment_of,
        default=moment_of(since) if since else None,
        metavar="TIME",
        help="those that began then or later: a date or time (RFC 3339; UTC where no zone is "
        f"given), or an age such as 7d, 12h{default}",
    )
    parser.add_argument(
        "--until",
        type=end_of,
        metavar="TIME",
        help="those that began before; with a date, up to the end of that day",
    )


def add_filters(parser: argparse.ArgumentParser) -> None:
    """--since, --until, --ending, --actor, --capability, --kind and --limit."""
    add_times(parser)
    parser.add_argument(
        "--ending",
        action="append",
        type=_ending,
        default=[],
        metavar="WORD",
        help="those that ended so, e.g. rejected, 'rolled back', unfinished; repeatable",
    )
    parser.add_argument(
        "--actor", default="", metavar="NAME", help="those that somebody asked for: a part of who"
    )
    parser.add_argument(
        "--capability", default="", metavar="NAME", help="those with a probe of this capability"
    )
    parser.add_argument("--kind", choices=KINDS, default="", help="what was asked for")
    parser.add_argument(
        "--limit",
        type=_positive,
        default=100,
        metavar="N",
        help="most decisions, the newest first (default 100)",
    )


def query_of(args: argparse.Namespace) -> Query:
    """What the filters ask for."""
    return Query(
        since=args.since,
        until=args.until,
        endings=tuple(args.ending),
        actor=args.actor,
        capability=args.capability,
        kind=args.kind,
        limit=args.limit,
    )


def moment_of(text: str, *, end: bool = False) -> datetime:
    """A moment: a date (its beginning, or its end), a time of RFC 3339, or an age from now."""
    if match := re.fullmatch(r"([0-9]{1,6})([mhdw])", text):
        from gate.api.wiring import SystemClock  # noqa: PLC0415 - only for ages

        age = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
        try:
            return SystemClock().now() - age
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"is no time (got {text!r}, {_EXPECTED})") from None
    is_date = re.fullmatch(r"\d{4}-?\d\d-?\d\d", text)
    try:
        found += timedelta(days=1) if is_date and end else timedelta()
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"is no time (got {text!r}, {_EXPECTED})") from None


def end_of(text: str) -> datetime:
    """As `moment_of`; a date is its end."""
    return moment_of(text, end=True)


def _ending(text: str) -> str:
    word = text.replace("-", " ").replace("_", " ").strip().lower()
    if word not in ENDINGS:
        raise argparse.ArgumentTypeError(
            f"is no ending (got {text!r}, expected one of {', '.join(ENDINGS)})"
        )
    return word


def _positive(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
    if not 1 <= number <= LIMIT_MAX:
        raise argparse.ArgumentTypeError(f"is no limit (got {text}, expected 1 to {LIMIT_MAX})")
    return number
