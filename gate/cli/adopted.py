"""Which revision a rollout adopts, and in which order builds came: as the command line says it."""

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from gate.api.plans import LATEST, ORDER_MAX
from gate.errors import UsageError

NAME_MAX = 63
SIZE_MAX_BYTES = 4096
_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_WRITES = "gcloud run deploy ... --format='value(status.latestCreatedRevisionName)' > FILE"


@dataclass(frozen=True, slots=True)
class Adopted:
    """The revision that a rollout is to adopt.

    Attributes:
        revision: its name; "" for an image, and for the newest one.
        newest: whether it is the service's newest revision, whatever its name.
    """

    revision: str = ""
    newest: bool = False


def add_adoption(parser: argparse.ArgumentParser) -> None:
    """--quarantine, --stable and --order."""
    parser.add_argument(
        "--quarantine",
        action="store_true",
        help="where the revision has users already, take them back to what served before at once, "
        "then probe it and promote it if it passes",
    )
    parser.add_argument(
        "--stable",
        default="",
        metavar="REVISION",
        help="with --quarantine: where users go back to (default: found as gate rollback does)",
    )
    parser.add_argument(
        "--order",
        type=order,
        default=None,
        metavar="N",
        help="a whole number that grows from build to build, e.g. a build number or "
        "`git rev-list --count HEAD`: an older build than the one promoted last is held as stale "
        "(default: a revision that is older than what has users is)",
    )


def order(text: str) -> int:
    """A number of --order.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if re.fullmatch(r"[0-9]{1,16}", text) and int(text) <= ORDER_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"is no order (got {text[:60]!r}, expected a whole number from 0 to {ORDER_MAX}, "
        "e.g. a build number, `git rev-list --count HEAD` or a commit's unix time)"
    )


def adopted(args: argparse.Namespace) -> Adopted:
    """What --revision or --revision-file name.

    Raises:
        UsageError: the file names none.
    """
    if args.revision_file is not None:
        return Adopted(_named_in(args.revision_file))
    if args.revision.lower() == LATEST:
        return Adopted(newest=True)
    return Adopted(args.revision)


def _named_in(path: Path) -> str:
    """The one name that a file holds."""
    where = f"gate rollout --revision-file {path}"
    hint = f"write it with: {_WRITES}"
    try:
        with path.open("rb") as file:
            raw = file.read(SIZE_MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise UsageError(f"{where}: cannot be read (got {why})", hint) from None
    name = raw.decode("utf-8-sig", errors="backslashreplace").strip()
    if len(raw) > SIZE_MAX_BYTES or not _NAME.fullmatch(name):
        got = repr(name[:NAME_MAX]) if name else "nothing"
        raise UsageError(
            f"{where}: names no revision (got {got}, expected one name, e.g. backend-00042-abc)",
            hint,
        )
    return name
