"""`gate attest`: hands on what was signed about an image."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gate.api import signing, wiring
from gate.cli import manual_moves, options
from gate.core.policy import Json
from gate.core.service import ServiceRef
from gate.errors import InfrastructureError, UsageError
from gate.ports import LedgerQuery

if TYPE_CHECKING:  # loaded only where it is used
    from gate.signing.keys import PublicKey

FORMS = ("dsse", "statement", "binauthz")
Entry = dict[str, Json]


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    parser.add_argument("id", metavar="ID", help="the rollout's id, as `gate audit list` shows it")
    parser.add_argument(
        "--output",
        choices=FORMS,
        default="dsse",
        help="the signed envelope, for `cosign attach attestation` (dsse, the default); what it "
        "says (statement); what an attestor of Binary Authorization signs (binauthz)",
    )
    parser.add_argument(
        "--key",
        type=Path,
        metavar="PUBLIC",
        help="hand it on only if it is signed with this key (PEM, as for `gate audit verify`)",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="- for standard output")
    options.add_policy(parser, required=False)
    options.add_service(parser)


def run(args: argparse.Namespace) -> int:
    """Writes what was signed and returns the exit code.

    Raises:
        UsageError: there is no such rollout, or it is not signed, or the file cannot be written.
        InfrastructureError: what the record has cannot be handed on.
    """
    signing.need_extra("gate attest")
    if args.output == "binauthz" and args.key is None:
        raise UsageError(
            "gate attest --output binauthz: needs a --key (got none)",
            "whoever signs that the image may be deployed must know who says so: --key gate.pub",
        )
    keys = signing.public_keys_in(args.key) if args.key else ()
    ref = manual_moves.service_of(args)
    text = _handed(_signed(ref, args.id), args.output, keys, f"{ref}: rollout {args.id}")
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


def _signed(ref: ServiceRef, rollout: str) -> Entry:
    """The rollout's outcome, which is signed."""
    entries = wiring.run_async(_read(ref, rollout))
    outcomes = [one for one in entries if one.get("entry") == "outcome"]
    if not outcomes:
        raise UsageError(
            f"{ref}: the ledger has no outcome of a rollout {rollout!r}",
            "`gate audit list` shows the ids; a new one takes some seconds to appear",
        )
    first = outcomes[-1]  # whatever came later of the same rollout is not its decision
    if "attestation" not in first:
        notes = first.get("notes")
        told = [
            one for one in (notes if isinstance(notes, list) else []) if "not signed" in str(one)
        ]
        why = str(told[-1]) if told else f"it ended as {first.get('ending')}"
        hint = "decisions about an image are signed where the policy says with what (`sign`)"
        raise UsageError(f"{ref}: rollout {rollout} is not signed ({why})", hint)
    return first


def _handed(entry: Entry, form: str, keys: "Sequence[PublicKey]", where: str) -> str:
    from gate.signing.handing import NotHanded, checked, handed  # noqa: PLC0415 - an extra

    try:
        if keys:
            checked(entry, signing.unsigned_digest(entry), keys)
        return handed(entry, form)
    except NotHanded as error:
        hint = "gate audit show has the decision, gate audit verify --key whether it is whole"
        raise InfrastructureError(f"{where}: {error}", hint) from None


async def _read(ref: ServiceRef, rollout: str) -> tuple[dict[str, Json], ...]:
    async with wiring.ledger_of(ref) as ledger:
        return await ledger.entries(LedgerQuery(service=ref.name, rollout=rollout, limit=1000))
