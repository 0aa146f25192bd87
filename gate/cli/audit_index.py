"""Reads the index of a service's ledger, for `gate audit list` and whoever else wants it quick."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gate.api import wiring
from gate.core.service import ServiceRef
from gate.ledger.index import Index, look
from gate.ledger.index_file import index_path

T = TypeVar("T")


def add_index(parser: argparse.ArgumentParser) -> None:
    """--no-index and --verbose."""
    parser.add_argument(
        "--no-index",
        action="store_true",
        help="read the whole ledger anew, and keep no index of it on this machine",
    )
    parser.add_argument(
        "--verbose", action="store_true", help="say why no index is kept, or why it was made anew"
    )


def looked_up(ref: ServiceRef, args: argparse.Namespace, read: Callable[[Index], T]) -> T:
    """What `read` finds in an index that fits the service's ledger.

    Args:
        ref: the service.
        args: the command line: `no_index`, `verbose`.
        read: reads; it may be called again.

    Raises:
        AccessError, UnavailableError: the ledger cannot be read.
    """

    def say(text: str) -> None:
        if args.verbose:
            print(f"note: {text}", file=sys.stderr)

    return wiring.run_async(_look_up(ref, read, say, keep=not args.no_index))


async def _look_up(
    ref: ServiceRef, read: Callable[[Index], T], say: Callable[[str], None], *, keep: bool
) -> T:
    path = path_of(ref) if keep else None
    async with wiring.ledger_of(ref) as ledger:
        return await look(path, ledger.history, wiring.SystemClock().now(), read, say)


def path_of(ref: ServiceRef) -> Path | None:
    """The file of a service's index; None where there is no place for it."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        cache = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # no home
        return None
    where = os.environ.get(wiring.LOGGING_EMULATOR, "")
    return index_path(cache, ref.project, ref.region, ref.name, where)
