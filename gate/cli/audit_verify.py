"""`gate audit verify`: whether the record is whole, and fits what the service says."""

import argparse
import asyncio
import gc
import re
import sys
import tempfile
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gate.api import signing, wiring
from gate.cli import manual_moves, options, show
from gate.cli.audit_signatures import Watching
from gate.core.annotation import UnreadableAnnotation
from gate.core.policy import Json
from gate.core.service import Service, ServiceRef
from gate.errors import (
    ExitCode,
    GateError,
    InfrastructureError,
    NotFoundError,
    UnavailableError,
    UsageError,
)
from gate.ledger.canonical import canonical
from gate.ledger.findings import Finding, Head, Report, What

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gate.cloud.movers import AuditLog
    from gate.signing.keys import PublicKey

    Keys = tuple[PublicKey, ...]

BUFFER_BYTES = 1 << 18
FRESH = timedelta(seconds=60)
"""An entry takes some seconds until Cloud Logging shows it: until then its lack proves nothing."""
AGAIN_S, AGAIN_TIMES = 4.0, 5
"""A ledger that was read while somebody wrote is read again."""
LOST = frozenset({What.END_LOST, What.HEAD})
"""What a ledger seems to be whose newest entries are not to be seen yet."""
AUTHORS_MAX = 20
"""Most moves without an entry whose author is looked for."""
OTHERS_AFTER = 50
"""After so many entries that are read whoever else waits has a turn."""


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="a ledger as JSON Lines, the oldest entry first (- for standard input); without it "
        "the service's own is read, and held against what the service says",
    )
    parser.add_argument(
        "--head",
        type=_head,
        metavar="N:SHA256",
        help="with FILE: the last entry, by its number and hash, as the service's annotation "
        "names it (`sequence` and `entry`)",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="PUBLIC",
        help="with the signatures of decisions: a file with the public key, or several, or "
        "certificates (PEM)",
    )
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)
    parser.set_defaults(what="verify")


def run(args: argparse.Namespace) -> int:
    """Verifies, shows what was found and returns 0, 1 where something is wrong.

    Raises:
        InfrastructureError: the ledger cannot be read.
    """
    gc.disable()  # there are no cycles, and looking for them is a fifth of the time
    keys = signing.public_keys_in(args.key) if args.key else ()
    if args.file:
        report = _of_file(args, keys)
    else:
        report = wiring.run_async(of_service(_service_of(args), keys))
    wiring.run_async(_bundles(report))
    value = report.value()
    if args.output == "json":
        show.say_json(value)
    else:
        from gate.report.verified import verified_lines  # noqa: PLC0415 - as in show

        show.say(verified_lines(value, show.width()))
    return int(ExitCode.DONE if report.whole else ExitCode.REJECTED)


def _service_of(args: argparse.Namespace) -> ServiceRef:
    if args.head is not None:
        raise UsageError(
            "gate audit verify --head: needs a FILE (got none)",
            "the service itself says what its last entry is",
        )
    return manual_moves.service_of(args)


def _of_file(args: argparse.Namespace, keys: "Keys") -> Report:
    """Of a file, without asking anybody."""
    named = args.service or args.policy
    only = str(manual_moves.service_of(args)) if named else ""
    try:
        if str(args.file) == "-":
            return _read(sys.stdin.buffer, only, args.head, keys)
        with args.file.open("rb", buffering=BUFFER_BYTES) as file:
            return _read(file, only, args.head, keys)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{args.file}: cannot be read ({reason})") from None


def _verified(
    file: IO[bytes], only: str, heads: dict[str, Head | None] | None, keys: "Keys"
) -> Report:
    from gate.ledger.jsonl import read_lines  # noqa: PLC0415 - not for `gate audit list`
    from gate.ledger.verify import verify  # noqa: PLC0415

    signatures = Watching(keys, only)
    report = verify(signatures.watch(read_lines(file)), only, heads)
    signatures.tell(report)
    return report


def _read(file: IO[bytes], only: str, head: Head | None, keys: "Keys") -> Report:
    report = _verified(file, only, {only: head} if head else None, keys)
    if head and not only and len(report.services) > 1:
        raise UsageError(
            "gate audit verify --head: is the end of one service's ledger "
            f"(got a file with {len(report.services)} services)",
            "name it with --project, --region and --service",
        )
    if not report.services and report.whole:
        raise InfrastructureError("the ledger is empty (got no entry, expected at least one)")
    return report


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)


async def of_service(ref: ServiceRef, keys: "Keys" = (), *, aside: bool = False) -> Report:
    """Verifies a service's own ledger, beside its own word and the platform's audit log.

    Waits for entries that are on the way, AGAIN_S * (AGAIN_TIMES - 1) at most.

    Args:
        ref: the service.
        keys: public ones that its decisions must be signed with; () asks for no signature.
        aside: whether another thread verifies, so that who waits can go on.

    Raises:
        InfrastructureError: the ledger cannot be read.
    """
    clock = wiring.SystemClock()
    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(wiring.platform_of(ref))
        ledger = await stack.enter_async_context(wiring.ledger_of(ref))
        for last in range(AGAIN_TIMES, 0, -1):
            before = await platform.read_service()
            with tempfile.TemporaryFile(buffering=BUFFER_BYTES) as file:
                await _fetch(ledger.history(), file)
                head = head_of(before)
                report = await judged(file, str(ref), {str(ref): head}, keys, aside=aside)
            after = await platform.read_service()
            late = on_the_way(report, after, clock.now()) if last > 1 else ""
            if head == head_of(after) and not late:
                return await _with_authors(ref, _moved(report, after))
            if late:
                _note(f"{late} is not in the ledger yet: reading it again in {AGAIN_S:.0f} s")
            await clock.sleep(AGAIN_S)
        raise UnavailableError(
            f"{ref}: was written on while its ledger was read",
            "verify again once no rollout is at work (gate status says so)",
        )


def on_the_way(report: Report, service: Service, now: datetime) -> str:
    """What is not to be seen in the ledger yet and may well be on the way, "" for nothing.

    Args:
        report: of the ledger as it was read.
        service: as it stands since then.
        now: time.
    """
    if service.updated_at is None or now - service.updated_at >= FRESH:
        return ""
    if any(one.what in LOST for one in report.findings):
        return "the entry of the last write"
    try:
        mark = service.rollout_annotation
    except UnreadableAnnotation:
        return ""
    unfinished = {name for one in report.services for name in one.unfinished}
    ended = not mark.holder and mark.writer in unfinished
    return f"the outcome of rollout {mark.writer}, which has ended," if ended else ""


async def _bundles(report: Report) -> None:
    """Holds the bundles of evidence against their hashes, as far as they can be had."""
    for service in report.services:
        for rollout, at, where, digest in service.bundles:
            what = await _bundle_fault(where, digest)
            if what is None:
                continue
            text = f"the evidence of rollout {rollout} ({at}) at {where}: {what[1]}"
            report.add(Finding(what[0], text, service.service, rollout, at))


async def _bundle_fault(where: str, digest: str) -> tuple[What, str] | None:
    """What is wrong with a bundle, None where nothing is, or it cannot be had."""
    place, _, name = where.rpartition("/")
    try:
        async with wiring.bundles(place or ".") as bundles:
            content = await bundles.get(name) if bundles else b""
    except NotFoundError:
        return What.MISSING, "it is not there"
    except GateError as error:
        print(f"note: {where} cannot be read: {error.message}", file=sys.stderr)
        return None
    from gate.ledger.seen import hash_of  # noqa: PLC0415 - as in _verified

    return None if hash_of(content) == digest else (What.ALTERED, "it is not what was recorded")


async def _fetch(history: "AsyncIterator[dict[str, Json]]", file: IO[bytes]) -> None:
    """Puts a ledger into a file, which is then at its beginning."""
    count = 0
    async for entry in history:
        file.write(_line(entry))
        count += 1
        if count % OTHERS_AFTER == 0:
            await asyncio.sleep(0)
    file.seek(0)


async def judged(
    file: IO[bytes], only: str, heads: dict[str, Head | None], keys: "Keys" = (), *, aside: bool
) -> Report:
    """Verifies a ledger in a file.

    Args:
        file: with an entry a line, the oldest first.
        only: of which service.
        heads: what services say of their last writes.
        keys: as for `of_service`.
        aside: likewise.
    """
    if aside:
        return await asyncio.to_thread(_verified, file, only, heads, keys)
    return _verified(file, only, heads, keys)


def _line(entry: dict[str, Json]) -> bytes:
    """An entry for the verification, which will say so where it is none."""
    try:
        return canonical(entry) + b"\n"
    except (TypeError, ValueError):
        return b"null\n"


def head_of(service: Service) -> Head | None:
    """What the service says of its last write; None without a mark that can be read."""
    try:
        mark = service.rollout_annotation
    except UnreadableAnnotation:
        return None
    return Head(mark.sequence, mark.entry) if mark.sequence else None


def _moved(report: Report, service: Service) -> Report:
    """With the traffic as it is now, where the gate's last write set another."""
    try:
        mark = service.rollout_annotation
    except UnreadableAnnotation:
        return report
    now = service.traffic.pinned(service.latest_ready).shares
    if not mark.wrote or now == dict(mark.wrote):
        return report
    at = report.services[0].head_at if report.services else ""
    was, is_ = (
        " + ".join(f"{percent} % {name}" for name, percent in shares)
        for shares in (mark.wrote, now.items())
    )
    by = f"; {service.last_modifier} wrote last" if service.last_modifier else ""
    text = f"traffic is {is_}, and the gate's last write asked for {was}{by}"
    until = service.updated_at.isoformat() if service.updated_at else ""
    report.add(Finding(What.DRIFT, text, str(service.ref), mark.writer, until, since=at))
    return report


async def _with_authors(ref: ServiceRef, report: Report) -> Report:
    """Names who moved traffic without an entry, by the platform's audit log where it can be."""
    drifts = [one for one in (*report.notes, *report.findings) if one.what is What.DRIFT]
    found = drifts[-AUTHORS_MAX:]
    if not found:
        return report
    async with wiring.audit_log_of(ref) as log:
        told = await asyncio.gather(*(_author(log, one) for one in found))
    named = dict(zip(map(id, found), told, strict=True))
    report.findings = [_signed(one, named) for one in report.findings]
    report.notes = [_signed(one, named) for one in report.notes]
    return report


def _signed(finding: Finding, authors: dict[int, str]) -> Finding:
    """The finding with its author, where one was looked for."""
    return replace(finding, text=finding.text + authors.get(id(finding), ""))


async def _author(log: "AuditLog", finding: Finding) -> str:
    try:
        since, until = datetime.fromisoformat(finding.since), datetime.fromisoformat(finding.at)
        writes = await log.writes(since, until)
    except ValueError:
        return ""
    except InfrastructureError as error:
        return f" (the platform's audit log cannot be read: {error.message})"
    others = writes[1:] or writes  # the first one is that of the entry before
    who = (f"{one.who} at {one.at:%Y-%m-%d %H:%M:%S} UTC ({one.method})" for one in others)
    listed = ", ".join(dict.fromkeys(who))
    return f"; writes then, by the platform's audit log: {listed}" if listed else ""


def _head(text: str) -> Head:
    """A number and a hash."""
    match = re.fullmatch(r"([1-9]\d{0,14}):([0-9a-f]{64})", text)
    if match is None:
        raise argparse.ArgumentTypeError(
            f"is no head (got {text!r}, expected a number, a colon and 64 hexadecimal digits)"
        )
    return Head(int(match[1]), match[2])
