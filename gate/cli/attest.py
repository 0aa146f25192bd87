"""`gate attest`: hands on what was signed about an image."""

import argparse
import sys
from pathlib import Path

from gate.api import signing, wiring
from gate.cli import manual_moves, options
from gate.core.policy import Json
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError, UsageError
from gate.ports import LedgerQuery

FORMS = ("dsse", "statement")


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("id", metavar="ID", help="the rollout's id, as `gate audit list` shows it")
    parser.add_argument(
        "--output",
        choices=FORMS,
        default="dsse",
        help="the signed envelope, for `cosign attach attestation` (dsse, the default), or what it "
        "says (statement)",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="- for standard output")
    options.add_policy(parser, required=False)
    options.add_service(parser)


def run(args: argparse.Namespace) -> int:
    """Writes what was signed and returns the exit code.

    Raises:
        UsageError: there is no such rollout, or it is not signed, or the file cannot be written.
        InfrastructureError: what the record has is no envelope.
    """
    signing.need_extra("gate attest")
    ref = manual_moves.service_of(args)
    text = _form(_signed(ref, args.id), args.output, f"{ref}: rollout {args.id}")
    if str(args.file) == "-":
        print(text)
        return 0
    try:
        args.file.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{args.file}: cannot be written ({reason})") from None
    print(f"{args.output} of {args.id} written to {args.file}", file=sys.stderr)
    return 0


def _signed(ref: ServiceRef, rollout: str) -> Json:
    """The signature that the rollout's outcome has."""
    entries = wiring.run_async(_read(ref, rollout))
    outcomes = [one for one in entries if one.get("entry") == "outcome"]
    if not outcomes:
        raise UsageError(
            f"{ref}: the ledger has no outcome of a rollout {rollout!r}",
            "`gate audit list` shows the ids; a new one takes some seconds to appear",
        )
    found = outcomes[0].get("attestation")
    if found is None:
        notes = outcomes[0].get("notes")
        told = [
            one for one in (notes if isinstance(notes, list) else []) if "not signed" in str(one)
        ]
        why = str(told[-1]) if told else f"it ended as {outcomes[0].get('ending')}"
        hint = "decisions about an image are signed where the policy says with what (`sign`)"
        raise UsageError(f"{ref}: rollout {rollout} is not signed ({why})", hint)
    return found


def _form(envelope: Json, form: str, where: str) -> str:
    from gate.signing.envelope import BadEnvelope, as_json, read  # noqa: PLC0415 - an extra

    try:
        return as_json(envelope) if form == "dsse" else read(envelope).payload.decode()
    except (BadEnvelope, UnicodeDecodeError):
        told = f"{where}: what stands for its signature is no envelope of a gate"
        raise InfrastructureError(told, "gate audit verify --key says what was altered") from None


async def _read(ref: ServiceRef, rollout: str) -> tuple[dict[str, Json], ...]:
    async with wiring.ledger_of(ref) as ledger:
        return await ledger.entries(LedgerQuery(service=ref.name, rollout=rollout, limit=1000))
