"""`gate audit replay`: recorded decisions, made again by today's rules."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO

from gate.api import wiring
from gate.cli import audit_read, manual_moves, options, show
from gate.core.fields import Entry, child, number, text
from gate.core.policy import Json
from gate.core.recorded import Decision, put_together
from gate.errors import ExitCode, GateError, UsageError

Value = dict[str, Json]


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument(
        "what_to",
        metavar="ID|FILE",
        type=options.rollout_id,
        help="a decision's id; or a file that `gate audit export` has written (- for standard "
        "input), for every decision in it",
    )
    parser.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help="judge the evidence alone, and by this policy (YAML); without it, what happened is "
        "put to today's rules, step by step",
    )
    options.add_service(parser)
    options.add_output(parser)
    parser.set_defaults(what="replay")


def run(args: argparse.Namespace) -> int:
    """Replays; returns 0 where all that was replayed is the same, 1 where not, 5 without any.

    What is there and cannot be read counts as not the same.

    Raises:
        PolicyError: the policy cannot be read.
        UsageError: there is no such decision or file.
        AccessError, UnavailableError: the ledger cannot be read.
    """
    from gate.report.replayed import replayed_blocks  # noqa: PLC0415 - as in show

    values = _by_policy(args) if args.policy else _by_events(args)
    if args.output == "json":
        show.say_json([*values])
    else:
        show.draw(replayed_blocks(values))
    same = [value["same"] for value in values if value["replayed"]]
    if any(value["unreadable"] for value in values):
        return int(ExitCode.REJECTED)
    if not same:
        return int(ExitCode.HELD)
    return int(ExitCode.DONE if all(same) else ExitCode.REJECTED)


def _by_policy(args: argparse.Namespace) -> list[Value]:
    """The evidence of each decision, judged by a policy."""
    from gate.ledger.replay import replayed  # noqa: PLC0415 - not for `gate audit list`
    from gate.policyfile import load_policy  # noqa: PLC0415 - YAML only where it is read

    policy = load_policy(args.policy)
    found = wiring.run_async(_with_bundles(_decisions(args)))
    return [replayed(one, policy) for one in found]


def _by_events(args: argparse.Namespace) -> list[Value]:
    """What happened in each decision, put to today's rules."""
    from gate.ledger.rerun import rerun  # noqa: PLC0415 - not for `gate audit list`

    found = _decisions(args)
    events = wiring.run_async(_events(found))
    return [rerun(one, of_it) for one, of_it in zip(found, events, strict=True)]


def _decisions(args: argparse.Namespace) -> list[Decision]:
    if args.what_to == "-":
        return _in(sys.stdin.buffer, "standard input")
    path = Path(args.what_to)
    try:
        if path.is_file() or "/" in args.what_to or path.suffix == ".jsonl":
            with path.open("rb") as file:
                return _in(file, str(path))
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{path}: cannot be read ({reason})") from None
    ref = manual_moves.service_of(args)
    entries, taken_back = wiring.run_async(audit_read.read(ref, args.what_to))
    return put_together(entries, taken_back)


async def _with_bundles(decisions: list[Decision]) -> list[Decision]:
    """With all of their evidence, where the entry has a part and its bundle can be read."""
    return [await _with_bundle(one) for one in decisions]


async def _with_bundle(decision: Decision) -> Decision:
    outcome = decision.outcome or {}
    where, digest = text(outcome, "bundle"), text(outcome, "evidence_digest")
    if not where or not number(outcome, "left_out"):
        return decision
    whole = await _bundle(where, digest)
    if whole is None:
        return decision
    return replace(decision, outcome={**outcome, **whole, "left_out": 0})


async def _events(decisions: Sequence[Decision]) -> list[Entry]:
    """The events of each decision: from its outcome, or from the bundle that has them."""
    found: list[Entry] = []
    for one in decisions:
        events = child(one.outcome or {}, "events")
        where = text(events, "bundle")
        bundled = await _bundle(where, text(events, "digest")) if where else None
        found.append(events if bundled is None else bundled)
    return found


async def _bundle(where: str, digest: str) -> Mapping[str, Json] | None:
    """What a bundle holds; None where it cannot be read or is another one, which is told."""
    from gate.ledger.seen import hash_of, parsed  # noqa: PLC0415 - only for a bundle

    place, _, name = where.rpartition("/")
    try:
        async with wiring.bundles(place or ".") as bundles:
            content = await bundles.get(name) if bundles else b""
    except GateError as error:
        print(f"note: {where} cannot be read: {error.message}", file=sys.stderr)
        return None
    if hash_of(content) != digest:
        print(f"note: {where} is not what was recorded: gate audit verify", file=sys.stderr)
        return None
    whole = parsed(content)
    assert isinstance(whole, dict)
    return whole


def _in(file: IO[bytes], where: str) -> list[Decision]:
    found = put_together(reversed([*_entries(file, where)]))
    if not found:
        raise UsageError(f"{where}: has no decision", "write it by gate audit export")
    return found


def _entries(file: IO[bytes], where: str) -> Iterator[Entry]:
    from gate.ledger.jsonl import read_lines  # noqa: PLC0415 - only for a file
    from gate.ledger.seen import parsed  # noqa: PLC0415

    for count, line in enumerate(read_lines(file), 1):
        try:
            entry = parsed(line)
        except (ValueError, RecursionError):
            entry = None
        if not isinstance(entry, dict):
            raise UsageError(
                f"{where}:{count}: is no entry (expected JSON)", "write it by gate audit export"
            )
        yield entry
