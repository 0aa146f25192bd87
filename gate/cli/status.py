"""`gate status`: how a service stands."""

import argparse
import asyncio
import sys

from gate.cli import by_hand, options, show, wiring
from gate.cli.drive import services_meant
from gate.core.policy import Json
from gate.core.service import Revision, Service, ServiceRef
from gate.errors import InfrastructureError, NotFoundError
from gate.ports import LedgerQuery

DECISIONS = 20


def register(parser: argparse.ArgumentParser) -> None:
    """Adds the command's arguments."""
    options.add_policy(parser, required=False)
    options.add_service(parser)
    options.add_output(parser)


def run(args: argparse.Namespace) -> int:
    """Shows the service and returns the exit code."""
    from gate.report.machine import status_value  # noqa: PLC0415
    from gate.report.status import status_lines  # noqa: PLC0415

    ref = by_hand.service_of(args)
    try:
        service, revisions, entries, note = wiring.run_async(_read(ref))
    except NotFoundError as error:
        said = wiring.run_async(services_meant(ref))
        raise NotFoundError(error.message, said or error.hint) from None
    now = wiring.SystemClock().now()
    if args.output == "json":
        show.say_json(status_value(service, revisions, entries, now))
    else:
        show.say(status_lines(service, revisions, entries, now, show.width()))
    if note:
        print(note, file=sys.stderr)
    return 0


async def _read(
    ref: ServiceRef,
) -> tuple[Service, tuple[Revision, ...], tuple[dict[str, Json], ...], str]:
    """The service, its revisions, its last decisions, and why those could not be read."""
    async with wiring.platform_of(ref) as platform, wiring.ledger_of(ref) as ledger:
        service, revisions = await asyncio.gather(
            platform.read_service(), platform.list_revisions()
        )
        try:
            entries = await ledger.entries(LedgerQuery(service=ref.name, limit=DECISIONS))
        except InfrastructureError as error:
            return service, revisions, (), f"the last decisions cannot be read: {error}"
        return service, revisions, entries, ""
