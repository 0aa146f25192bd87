"""`gate audit export`: the ledger as a file, to be kept, verified and asked elsewhere."""

import argparse
import contextlib
import json
import os
import sys
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gate.api import wiring
from gate.cli import audit_filters, manual_moves, options
from gate.cli.audit_verify import head_of
from gate.core.policy import Json
from gate.core.recorded import moment
from gate.errors import GateError, UsageError
from gate.ledger.canonical import canonical

if TYPE_CHECKING:
    from gate.core.service import ServiceRef

Entry = dict[str, Json]


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        default=Path("-"),
        metavar="FILE",
        help="where to (default, and with -: standard output)",
    )
    parser.add_argument("--force", action="store_true", help="replace FILE where there is one")
    parser.add_argument(
        "--format",
        choices=("jsonl", "sql"),
        default="jsonl",
        help="jsonl (default): an entry a line, as `gate audit verify FILE` reads it; "
        "sql: tables for SQLite or PostgreSQL",
    )
    audit_filters.add_times(parser)
    options.add_policy(parser, required=False)
    options.add_service(parser)
    parser.set_defaults(what="export")


def run(args: argparse.Namespace) -> int:
    """Writes the entries, the oldest first, and returns the exit code.

    Raises:
        UsageError: the file cannot be written, or there is one already.
        AccessError, UnavailableError: the ledger cannot be read.
    """
    ref = manual_moves.service_of(args)
    head = wiring.run_async(_head_note(ref)) if args.format == "jsonl" and not args.until else ""
    try:
        if str(args.file) == "-":
            count = wiring.run_async(_export(ref, args, sys.stdout.buffer))
            sys.stdout.buffer.flush()
        else:
            count = _into(args, ref)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # whoever read has enough
        return 0
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{args.file}: cannot be written ({reason})") from None
    what = "entry" if count == 1 else "entries"
    print(f"{count} {what} of {ref}", file=sys.stderr)
    if head:
        print(f"note: {head}", file=sys.stderr)
    return 0


def _into(args: argparse.Namespace, ref: "ServiceRef") -> int:
    """Into a file, which is there once it is whole; a device or a pipe is written to."""
    if args.file.is_file() and not args.force:
        raise UsageError(
            f"{args.file}: is there already (got a file, expected none)",
            "name another one; --force replaces it",
        )
    if args.file.exists() and not args.file.is_file():
        with args.file.open("wb") as file:
            return wiring.run_async(_export(ref, args, file))
    part = args.file.with_name(f"{args.file.name}.part")
    try:
        with part.open("wb") as file:
            count = wiring.run_async(_export(ref, args, file))
        part.replace(args.file)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    return count


async def _head_note(ref: "ServiceRef") -> str:
    """What the file's end is to be held against, by the service's own word before it is written."""
    try:
        async with wiring.platform_of(ref) as platform:
            head = head_of(await platform.read_service())
    except GateError as error:
        return f"what `gate audit verify FILE --head` takes is not known: {error.message}"
    return f"gate audit verify FILE --head {head.sequence}:{head.digest}" if head else ""


async def _export(ref: "ServiceRef", args: argparse.Namespace, file: IO[bytes]) -> int:
    """Writes as it reads: nobody has to hold the whole ledger."""
    made = _as_sql if args.format == "sql" else _as_line
    known: set[bytes] = set()
    file.write(_head(args.format))
    async with wiring.ledger_of(ref) as ledger:
        async for entry in ledger.history(args.since):
            at = moment(str(entry.get("at", "")))
            if args.until and at and at >= args.until:
                continue
            line = made(entry)
            name = sha256(line).digest()
            if name not in known:  # a retried write is one entry
                known.add(name)
                file.write(line)
    file.write(b"COMMIT;\n" if args.format == "sql" else b"")
    return len(known)


def _head(form: str) -> bytes:
    if form != "sql":
        return b""
    from gate.ledger.sql import SCHEMA  # noqa: PLC0415 - only where it is wanted

    return f"{SCHEMA}BEGIN;\n".encode()


def _as_line(entry: Entry) -> bytes:
    """An entry in canonical form; what has none was not written by the gate, and stays visible."""
    try:
        return canonical(entry) + b"\n"
    except (TypeError, ValueError):
        return json.dumps(entry, sort_keys=True).encode() + b"\n"


def _as_sql(entry: Entry) -> bytes:
    from gate.ledger.sql import statements  # noqa: PLC0415 - as above

    try:
        return "".join(statements(entry)).encode("utf-8", "replace")
    except (TypeError, ValueError):
        return b"-- an entry that no gate wrote is left out: see gate audit verify\n"
